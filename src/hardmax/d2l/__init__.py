"""Parts of the book's API that hardmax itself does not use: functions, a timer, running sums.

Each is written once here and exported by the backends. What hardmax's own training uses lives
elsewhere, even if the book uses it too.
"""
