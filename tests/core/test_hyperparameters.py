"""Saving constructor arguments, and adding methods to classes."""

import numpy as np
import pytest

from hardmax.hyperparameters import Described, HyperParameters, add_to_class


class Base(HyperParameters):
    def __init__(self, width, rate=0.1, _hidden="h"):
        self.save_hyperparameters()


class Derived(Base):
    def __init__(self, width, depth=3):
        super().__init__(2 * width, rate=0.5)
        self.save_hyperparameters()


def test_arguments_become_attributes_and_hparams():
    instance = Base(7)
    assert (instance.width, instance.rate) == (7, 0.1)
    assert instance.hparams == {"width": 7, "rate": 0.1}


def test_names_with_a_leading_underscore_are_skipped():
    assert not hasattr(Base(7), "_hidden")


def test_arguments_of_base_and_subclass_are_merged_and_the_subclass_wins():
    instance = Derived(4)
    assert instance.hparams == {"width": 4, "rate": 0.5, "depth": 3}
    assert (instance.width, instance.rate, instance.depth) == (4, 0.5, 3)


@pytest.mark.parametrize("ignore", [["rate"], ("rate",), {"rate"}, ["rate", "no_such_name"]])
def test_ignored_names_are_skipped(ignore):
    class Picky(HyperParameters):
        def __init__(self, width, rate):
            self.save_hyperparameters(ignore=ignore)

    instance = Picky(1, 2)
    assert instance.hparams == {"width": 1}
    assert not hasattr(instance, "rate")


def test_a_name_ignored_by_the_subclass_keeps_what_the_base_saved():
    class Quiet(Base):
        def __init__(self, width, rate):
            super().__init__(width, rate)
            self.save_hyperparameters(ignore=["rate"])

    assert Quiet(1, 2).hparams == {"width": 1, "rate": 2}


@pytest.mark.parametrize("kind", ["positional-only", "keyword-only"])
def test_every_kind_of_argument_is_saved(kind):
    class Positional(HyperParameters):
        def __init__(self, a, b=2, /):
            self.save_hyperparameters()

    class Keyword(HyperParameters):
        def __init__(self, *, a, b=2):
            self.save_hyperparameters()

    instance = Positional(1) if kind == "positional-only" else Keyword(a=1)
    assert instance.hparams == {"a": 1, "b": 2}


def test_variable_arguments_are_saved_by_name():
    class Variable(HyperParameters):
        def __init__(self, first, *rest, **named):
            self.save_hyperparameters(ignore=["unwanted"])

    instance = Variable(1, 2, 3, color="red", unwanted=0, _private=0)
    assert instance.hparams == {"first": 1, "rest": (2, 3), "color": "red"}
    assert (instance.rest, instance.color) == ((2, 3), "red")


def test_other_local_variables_are_not_saved():
    class Busy(HyperParameters):
        def __init__(self, size):
            doubled = 2 * size
            self.save_hyperparameters()
            self.doubled = doubled

    assert Busy(2).hparams == {"size": 2}


def test_an_argument_used_in_a_closure_is_saved():
    class Closing(HyperParameters):
        def __init__(self, size):
            self.double = lambda: 2 * size
            self.save_hyperparameters()

    instance = Closing(4)
    assert instance.size == 4
    assert instance.double() == 8


def test_values_are_not_copied_and_instances_do_not_share_them():
    sizes = [1, 2]
    one, two = Base(sizes), Base(3)
    assert one.width is sizes
    assert two.hparams == {"width": 3, "rate": 0.1}
    assert "hparams" not in vars(HyperParameters)


def test_existing_objects_get_a_method_added_to_their_class():
    class Plain:
        def answer(self):
            return "old"

    instance = Plain()

    @add_to_class(Plain)
    def answer(self):
        return "new"

    @add_to_class(Plain)
    def double(self, value):
        return 2 * value

    assert instance.answer() == "new"
    assert instance.double(4) == 8


def test_the_decorator_returns_the_function():
    class Plain:
        pass

    def method(self):
        return self

    assert add_to_class(Plain)(method) is method


def test_objects_of_subclasses_get_a_method_added_to_the_base():
    instance = Derived(1)

    @add_to_class(Base)
    def area(self):
        return self.width * self.depth

    try:
        assert instance.area() == 3
    finally:
        del Base.area


class Settings(Described):
    def __init__(self, weights, rate=0.1, name=None, sizes=(1, 2)):
        self.save_hyperparameters()


class More(Settings):
    def __init__(self, extra=False, **rest):
        super().__init__(**rest)
        self.save_hyperparameters(ignore="rest")


@pytest.mark.parametrize(
    ("settings", "shown"),
    [
        (Settings(1), "Settings(weights=1)"),
        (Settings(1, 0.1, "a", (1, 2)), "Settings(weights=1, name='a')"),
        (Settings(np.eye(2)), "Settings(weights=array([[1., 0.], [0., 1.]]))"),
        (More(extra=True, weights=2, rate=3), "More(weights=2, rate=3, extra=True)"),
        (Settings("x" * 200), f"Settings(weights='{'x' * 37}...{'x' * 37}')"),
    ],
)
def test_settings_are_shown_on_one_line_without_defaults(settings, shown):
    assert repr(settings) == shown
