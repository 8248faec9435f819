"""Importing one framework imports no other and changes no global state."""

import json

import pytest

#: The third-party imports of each backend; whatever these import in turn does not count.
IMPORTS = {
    "torch": "import torch",
    "jax": "import jax, flax.linen, flax.training.train_state, optax",
    "tensorflow": "import tensorflow, keras",
    # Without importing hardmax.mxnet, the module under test.
    "mxnet": "import hardmax, runpy\n"
    "old = runpy.run_path(hardmax.__path__[0] + '/mxnet/old_numpy.py')\n"
    "with old['restored_names']('mxnet'): import mxnet",
}
EXPECTED = {"jax": {"jax", "flax", "optax"}, "tensorflow": {"tensorflow", "keras"}}
PACKAGES = {"torch", "jax", "flax", "optax", "tensorflow", "keras", "mxnet"}


@pytest.fixture(scope="module")
def modules(python, framework):
    """The modules loaded by the packages of a framework, and those after importing its backend."""
    loaded = "print(json.dumps([*sys.modules]))"
    code = f"import sys, json\n{IMPORTS[framework]}\n{loaded}\nimport hardmax.{framework}\n{loaded}"
    return [{*json.loads(line)} for line in python(code).splitlines()]


def test_importing_one_framework_imports_no_other(modules, framework):
    before, after = modules
    expected = EXPECTED.get(framework, {framework})
    assert expected <= after
    # Keras itself imports JAX if Flax's checkpoints are installed.
    assert PACKAGES & after == PACKAGES & before
    assert framework == "tensorflow" or PACKAGES & after == expected


def test_importing_a_framework_imports_no_heavy_packages(modules):
    before, after = modules
    heavy = "matplotlib sklearn scipy pooch requests PIL rich typer jinja2".split()
    assert not {name.partition(".")[0] for name in after - before} & {*heavy}


def test_importing_a_framework_changes_nothing_in_numpy(python, framework):
    state = "np.geterr(), np.get_printoptions(), np.random.get_state()[1].tolist(), {*dir(np)}"
    # Changes by the framework itself do not count; MXNet cannot be imported without hardmax.
    first = "" if framework == "mxnet" else IMPORTS[framework]
    code = f"""
import numpy as np
{first}
before = {state}
values = {{name: getattr(np, name) for name in dir(np)}}
import hardmax.{framework}
print(before == ({state}))
print(all(getattr(np, name) is value for name, value in values.items()))
"""
    assert python(code).split() == ["True", "True"]
