"""The commands of the command line, one a file: their arguments and what they print."""
