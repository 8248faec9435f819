"""Serving runs over HTTP: plain requests, the Open Inference Protocol and a page.

``model`` computes a run with ONNX Runtime, ``rows`` and ``images`` make its inputs of what clients
send, ``batching`` gathers requests, and ``models`` keeps the runs and takes up replaced ones: these
know nothing of HTTP, but that a RequestError has a status. ``app`` has the routes, ``plain`` and
``protocol`` their two languages, and ``server`` the process. Nothing here trains or evaluates, and
nothing that a client sends is written to a file or a log.
"""
