"""Tables: reading files, detecting the kind of each column, and encoding columns as numbers.

``read`` loads a table as a data set; ``survey`` only inspects it, and ``writing`` writes tables. No
other package imports pyarrow, and it is imported only when a table is read or written.
"""
