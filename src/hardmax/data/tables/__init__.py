"""Readers of tables: files, the kind of each column, and how columns become numbers.

``read`` makes a data set of them, ``survey`` only looks. pyarrow is imported here alone, and only
when a table is read.
"""
