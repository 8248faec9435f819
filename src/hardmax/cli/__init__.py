"""The command line: one file a command, with its arguments and what it prints.

``main`` turns every error into one line on stderr and exit code 2, ``options`` has the arguments
that several commands take, ``progress`` shows a training as it goes. What a command does is done
in the rooms below; here nothing is computed, read or written.
"""
