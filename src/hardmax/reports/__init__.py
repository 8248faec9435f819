"""Self-contained HTML reports of runs, and the templates they are rendered from.

The metrics come from ``hardmax.evaluation``; here they are only arranged and drawn.
"""
