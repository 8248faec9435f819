"""Arguments become attributes, and classes take methods late."""

import pytest

from hardmax.hyperparameters import HyperParameters, add_to_class


class Base(HyperParameters):
    def __init__(self, width, rate=0.1, _hidden="h"):
        self.save_hyperparameters()


class Derived(Base):
    def __init__(self, width, depth=3):
        super().__init__(2 * width, rate=0.5)
        self.save_hyperparameters()


def test_arguments_become_attributes_and_hparams():
    made = Base(7)
    assert (made.width, made.rate) == (7, 0.1)
    assert made.hparams == {"width": 7, "rate": 0.1}


def test_names_with_an_underscore_are_left_out():
    assert not hasattr(Base(7), "_hidden")


def test_base_and_subclass_are_gathered_and_the_subclass_has_the_last_word():
    made = Derived(4)
    assert made.hparams == {"width": 4, "rate": 0.5, "depth": 3}
    assert (made.width, made.rate, made.depth) == (4, 0.5, 3)


@pytest.mark.parametrize("ignore", [["rate"], ("rate",), {"rate"}, ["rate", "no_such_name"]])
def test_ignored_names_are_left_out(ignore):
    class Picky(HyperParameters):
        def __init__(self, width, rate):
            self.save_hyperparameters(ignore=ignore)

    made = Picky(1, 2)
    assert made.hparams == {"width": 1}
    assert not hasattr(made, "rate")


def test_a_name_ignored_by_the_subclass_keeps_what_the_base_saved():
    class Quiet(Base):
        def __init__(self, width, rate):
            super().__init__(width, rate)
            self.save_hyperparameters(ignore=["rate"])

    assert Quiet(1, 2).hparams == {"width": 1, "rate": 2}


@pytest.mark.parametrize("kind", ["positional-only", "keyword-only"])
def test_every_kind_of_argument_is_kept(kind):
    class Positional(HyperParameters):
        def __init__(self, a, b=2, /):
            self.save_hyperparameters()

    class Keyword(HyperParameters):
        def __init__(self, *, a, b=2):
            self.save_hyperparameters()

    made = Positional(1) if kind == "positional-only" else Keyword(a=1)
    assert made.hparams == {"a": 1, "b": 2}


def test_variable_arguments_are_kept_by_their_names():
    class Variable(HyperParameters):
        def __init__(self, first, *rest, **named):
            self.save_hyperparameters(ignore=["unwanted"])

    made = Variable(1, 2, 3, colour="red", unwanted=0, _private=0)
    assert made.hparams == {"first": 1, "rest": (2, 3), "colour": "red"}
    assert (made.rest, made.colour) == ((2, 3), "red")


def test_locals_that_are_no_arguments_are_not_kept():
    class Busy(HyperParameters):
        def __init__(self, size):
            doubled = 2 * size
            self.save_hyperparameters()
            self.doubled = doubled

    assert Busy(2).hparams == {"size": 2}


def test_an_argument_used_in_a_closure_is_kept():
    class Closing(HyperParameters):
        def __init__(self, size):
            self.double = lambda: 2 * size
            self.save_hyperparameters()

    made = Closing(4)
    assert made.size == 4
    assert made.double() == 8


def test_values_are_the_objects_themselves_and_instances_do_not_share():
    sizes = [1, 2]
    one, two = Base(sizes), Base(3)
    assert one.width is sizes
    assert two.hparams == {"width": 3, "rate": 0.1}
    assert "hparams" not in vars(HyperParameters)


def test_a_method_added_to_a_class_reaches_objects_made_before():
    class Plain:
        def answer(self):
            return "old"

    made = Plain()

    @add_to_class(Plain)
    def answer(self):
        return "new"

    @add_to_class(Plain)
    def double(self, value):
        return 2 * value

    assert made.answer() == "new"
    assert made.double(4) == 8


def test_the_decorator_gives_the_function_back():
    class Plain:
        pass

    def method(self):
        return self

    assert add_to_class(Plain)(method) is method


def test_a_method_added_to_a_base_reaches_objects_of_subclasses():
    made = Derived(1)

    @add_to_class(Base)
    def area(self):
        return self.width * self.depth

    try:
        assert made.area() == 3
    finally:
        del Base.area
