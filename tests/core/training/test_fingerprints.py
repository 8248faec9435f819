"""Keys of code: equal for the same behavior, different as soon as something changes."""

import dataclasses
import functools
import types

import numpy as np
import pytest

from hardmax.training.fingerprints import fingerprint

HOME = "user_code"


def key(value):
    return fingerprint(value, HOME)


def module(source, name=HOME):
    """Run source code as a user's module and return the module."""
    created = types.ModuleType(name)
    exec(compile(source, "cell", "exec"), created.__dict__)
    return created


def make(scale, shift=0):
    def function(x, power=2):
        return scale * x**power + shift

    return function


def test_functions_created_by_the_same_lines_from_equal_values_are_equal():
    assert key(make(3)) == key(make(3))
    assert hash(key(make(3))) == hash(key(make(3)))
    assert key(make((1, [2, 3], {"a": 4}))) == key(make((1, [2, 3], {"a": 4})))


@pytest.mark.parametrize(
    "other", [make(4), make(3, shift=1), make(3.0), make("3"), make((3,)), lambda x: 3 * x]
)
def test_different_values_or_code_have_different_keys(other):
    assert key(make(3)) != key(other)


def test_defaults_partial_arguments_and_instances_are_part_of_the_key():
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


def test_repeated_functions_are_distinguished_from_equal_ones():
    one, other = make(1), make(1)
    assert key((one, other, one)) != key((one, other, other))


def test_globals_used_by_user_code_are_part_of_its_key():
    cell = module("rate = 3\nunused = 1\ndef f(x): return (lambda y: rate * y)(x)\n")
    before = key(cell.f)
    cell.unused = 2
    assert key(cell.f) == before
    cell.rate = 4
    assert key(cell.f) != before


def test_globals_of_library_code_are_not_inspected():
    library = module("rate = 3\ndef f(x): return rate * x\n", name="some_library")
    before = key(library.f)
    library.rate = 4
    assert key(library.f) == before


def test_functions_called_by_user_code_are_part_of_its_key():
    cell = module("def g(x): return 2 * x\ndef f(x): return g(x)\n")
    before = key(cell.f)
    exec("def g(x): return 2 * x\n", cell.__dict__)  # rerun the unchanged cell
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


def test_variables_that_code_counts_or_collects_in_are_not_part_of_its_key():
    cell = module(COUNTING)
    before = key(cell.Model), key(cell.f)
    cell.Model().loss()
    cell.f()
    assert (cell.calls, cell.Model.traces, cell.seen) == (1, 1, [1])
    assert (key(cell.Model), key(cell.f)) == before


@pytest.mark.parametrize(
    "source",
    [
        "def f(xs): return [rate * x for x in xs]\n",
        "def f(x, y):\n  a, b = x, y\n  return a * rate + b\n",
        "def f(x):\n  class Inner:\n    scale = rate\n  return Inner.scale * x\n",
        "class f(dict):\n  def f(self): return super().__len__() + rate\n",
    ],
    ids=["comprehension", "two locals", "class body", "super"],
)
def test_globals_are_found_in_every_kind_of_code(source):
    cell = module(f"rate = 3\n{source}")
    before = key(cell.f)
    assert key(cell.f) == before
    cell.rate = 4
    assert key(cell.f) != before


def test_attributes_that_a_method_sets_are_found_in_every_kind_of_assignment():
    cell = module(
        "class A:\n  a = b = c = 0\n"
        "  def f(self, x, y):\n    self.a, self.b = x, y\n    self.c += x\n"
    )
    before = key(cell.A)
    cell.A.a, cell.A.b, cell.A.c = 1, 2, 3
    assert key(cell.A) == before


def test_an_attribute_does_not_hide_a_global_of_the_same_name():
    source = "class A:\n  def f(self): self.rate = rate\nrate = 1\n"
    cell = module(source)
    before = key(cell.A)
    cell.rate = 2
    assert key(cell.A) != before


def test_attribute_names_are_not_globals():
    cell = module("def f(x): return x.trainer\ntrainer = object()\n")
    before = key(cell.f)
    cell.trainer = object()
    assert key(cell.f) == before


def test_functions_are_followed_into_user_modules(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "my_helpers.py").write_text("def f(x): return x\n")
    cell = module("import my_helpers\nimport math\ndef g(x): return my_helpers.f(x)\n")
    before = key(cell.g)
    cell.my_helpers.f = make(2)
    assert key(cell.g) != before


def test_methods_of_user_classes_are_part_of_their_key():
    source = "class A:\n  rate = 3\n  def f(self): return 1\nclass B(A):\n  pass\n"
    cell = module(source)
    before = key(cell.B)
    assert key(cell.B) == before
    cell.A.f = make(1)
    patched = key(cell.B)
    assert patched != before
    cell.A.rate = 4
    assert key(cell.B) != patched


def test_library_classes_are_compared_by_identity():
    assert key(int) == key(int) != key(float)
    assert key(np.float32) == key(np.float32)


@dataclasses.dataclass
class Settings:
    width: int
    board: object = dataclasses.field(default=None, compare=False)


def test_dataclasses_are_compared_by_their_compared_fields():
    assert key(Settings(3, board=object())) == key(Settings(3, board=object()))
    assert key(Settings(3)) != key(Settings(4))


def test_objects_that_cannot_be_inspected_are_compared_by_identity():
    array = np.zeros(3)
    assert key(array) == key(array) != key(np.zeros(3))
    value = object()
    assert key(value) == key(value) != key(object())


def test_types_of_numbers_are_distinguished():
    assert len({key(1), key(1.0), key(True)}) == 3
    several = ((1, 0), (1.0, 0.0), (True, False), (1, 0.0), [1, 0], (1, 0, 0), ((1,), 0))
    assert len({key(values) for values in several}) == len(several)


def test_static_and_class_methods_and_properties_are_inspected():
    source = (
        "class A:\n  @staticmethod\n  def s(): return {0}\n  @classmethod\n  def c(cls): return 2\n"
        "  @property\n  def p(self): return 3\n"
    )
    one = module(source.format(1)).A
    members = vars(one)
    assert {key(members[name]) for name in "scp"} == {key(members[name]) for name in "scp"}
    assert key(members["s"]) != key(vars(module(source.format(9)).A)["s"])
