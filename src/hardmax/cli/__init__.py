"""The command line: one module per command, with its arguments and its output.

``main`` turns every error into one line on stderr and exit code 2, ``options`` defines the
arguments that several commands share, and ``progress`` shows the progress of training. The
packages below do the work; nothing is computed, read or written here.
"""
