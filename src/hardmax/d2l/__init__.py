"""What only the book's editions need: their functions, stop watch and running sums.

Each is written once here and named in the backends' namespaces. What a training of hardmax's own
uses does not live here, however much the book uses it too.
"""
