"""Keys of code: equal for the same behaviour, different as soon as something changes."""

import dataclasses
import functools
import types

import numpy as np
import pytest

from hardmax.training.fingerprints import fingerprint

HOME = "readers_own"


def key(thing):
    return fingerprint(thing, HOME)


def module(source, name=HOME):
    """Run source code as a module of the reader's own and return its namespace."""
    made = types.ModuleType(name)
    exec(compile(source, "cell", "exec"), made.__dict__)
    return made


def make(scale, shift=0):
    def function(x, power=2):
        return scale * x**power + shift

    return function


def test_functions_made_by_the_same_lines_over_equal_values_are_the_same():
    assert key(make(3)) == key(make(3))
    assert hash(key(make(3))) == hash(key(make(3)))
    assert key(make((1, [2, 3], {"a": 4}))) == key(make((1, [2, 3], {"a": 4})))


@pytest.mark.parametrize(
    "other", [make(4), make(3, shift=1), make(3.0), make("3"), make((3,)), lambda x: 3 * x]
)
def test_another_value_or_another_code_is_another_key(other):
    assert key(make(3)) != key(other)


def test_defaults_partials_and_methods_count():
    function = make(3)
    function.__defaults__ = (3,)
    assert key(function) != key(make(3))
    assert key(functools.partial(make(3), power=1)) == key(functools.partial(make(3), power=1))
    assert key(functools.partial(make(3), power=1)) != key(functools.partial(make(3), power=4))
    assert key("a".join) != key("b".join)


def test_closures_are_followed_into_functions():
    assert key(make(make(1))) == key(make(make(1)))
    assert key(make(make(1))) != key(make(make(2)))


def test_recursion_ends():
    source = "def even(n): return n == 0 or odd(n - 1)\ndef odd(n): return n != 0 and even(n - 1)\n"
    assert key(module(source).even) == key(module(source).even)
    changed = source.replace("n != 0", "n > 0")
    assert key(module(source).even) != key(module(changed).even)


def test_two_mentions_of_one_function_are_not_mentions_of_two():
    one, other = make(1), make(1)
    assert key((one, other, one)) != key((one, other, other))


def test_globals_that_own_code_names_are_part_of_it():
    cell = module("rate = 3\nunused = 1\ndef f(x): return (lambda y: rate * y)(x)\n")
    before = key(cell.f)
    cell.unused = 2
    assert key(cell.f) == before
    cell.rate = 4
    assert key(cell.f) != before


def test_globals_of_other_code_are_not_looked_into():
    library = module("rate = 3\ndef f(x): return rate * x\n", name="somebody_elses")
    before = key(library.f)
    library.rate = 4
    assert key(library.f) == before


def test_functions_that_own_code_calls_are_part_of_it():
    cell = module("def g(x): return 2 * x\ndef f(x): return g(x)\n")
    before = key(cell.f)
    exec("def g(x): return 2 * x\n", cell.__dict__)  # the cell is run again as it was
    assert key(cell.f) == before
    exec("def g(x): return 3 * x\n", cell.__dict__)
    assert key(cell.f) != before


COUNTING = """
calls, seen = 0, []

class Model:
    traces = 0

    def loss(self):
        global calls
        calls += 1
        Model.traces += 1
        seen.append(1)

def make():
    inner = 0
    def f():
        nonlocal inner
        inner += 1
    return f

f = make()
"""


def test_what_code_counts_or_collects_while_it_runs_is_no_part_of_it():
    cell = module(COUNTING)
    before = key(cell.Model), key(cell.f)
    cell.Model().loss()
    cell.f()
    assert (cell.calls, cell.Model.traces, cell.seen) == (1, 1, [1])
    assert (key(cell.Model), key(cell.f)) == before


def test_an_attribute_does_not_hide_a_global_of_its_name():
    source = "class A:\n  def f(self): self.rate = rate\nrate = 1\n"
    cell = module(source)
    before = key(cell.A)
    cell.rate = 2
    assert key(cell.A) != before


def test_names_of_attributes_are_no_globals():
    cell = module("def f(x): return x.trainer\ntrainer = object()\n")
    before = key(cell.f)
    cell.trainer = object()
    assert key(cell.f) == before


def test_functions_are_followed_into_modules_that_are_worked_on(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "helpers_of_mine.py").write_text("def f(x): return x\n")
    cell = module("import helpers_of_mine\nimport math\ndef g(x): return helpers_of_mine.f(x)\n")
    before = key(cell.g)
    cell.helpers_of_mine.f = make(2)
    assert key(cell.g) != before


def test_methods_of_own_classes_are_part_of_them():
    source = "class A:\n  rate = 3\n  def f(self): return 1\nclass B(A):\n  pass\n"
    cell = module(source)
    before = key(cell.B)
    assert key(cell.B) == before
    cell.A.f = make(1)
    patched = key(cell.B)
    assert patched != before
    cell.A.rate = 4
    assert key(cell.B) != patched


def test_other_classes_stand_for_themselves():
    assert key(int) == key(int) != key(float)
    assert key(np.float32) == key(np.float32)


@dataclasses.dataclass
class Settings:
    width: int
    board: object = dataclasses.field(default=None, compare=False)


def test_dataclasses_are_their_fields_but_those_left_out_of_comparisons():
    assert key(Settings(3, board=object())) == key(Settings(3, board=object()))
    assert key(Settings(3)) != key(Settings(4))


def test_what_cannot_be_looked_into_is_itself_alone():
    array = np.zeros(3)
    assert key(array) == key(array) != key(np.zeros(3))
    thing = object()
    assert key(thing) == key(thing) != key(object())


def test_types_of_numbers_are_told_apart():
    assert len({key(1), key(1.0), key(True)}) == 3


def test_static_and_class_methods_and_properties_are_read():
    source = (
        "class A:\n  @staticmethod\n  def s(): return {0}\n  @classmethod\n  def c(cls): return 2\n"
        "  @property\n  def p(self): return 3\n"
    )
    one = module(source.format(1)).A
    members = vars(one)
    assert {key(members[name]) for name in "scp"} == {key(members[name]) for name in "scp"}
    assert key(members["s"]) != key(vars(module(source.format(9)).A)["s"])
