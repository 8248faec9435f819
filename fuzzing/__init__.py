"""A fuzzer: whatever file a user gives, reading it ends soon, in little memory, or is refused.

``inputs`` writes small valid inputs, ``mutations`` damages their bytes, ``checks`` reads them,
``mutant`` is one damaged input and how reading it ends, and ``__main__`` runs many. It is not part
of the tests because it takes minutes.
"""
