"""The processes of a training that is started several times, as by torchrun.

``environment`` says where this process stands among them, and ``joining`` connects them; ``group``
sums, gathers and hands out arrays among them, over ``messages``, and ``watch`` ends them all once
one of them has ended.
"""
