"""Importing one framework imports no other, and leaves nothing global behind."""

import json

#: What each sibling imports; what that imports itself is its own to answer for.
IMPORTS = {
    "torch": "import torch",
    "jax": "import jax, flax.linen, flax.training.train_state, optax",
    "tensorflow": "import tensorflow, keras",
    # Without hardmax.mxnet, which imports all that is looked at.
    "mxnet": "import hardmax, runpy\n"
    "old = runpy.run_path(hardmax.__path__[0] + '/mxnet/old_numpy.py')\n"
    "with old['lent']('mxnet'): import mxnet",
}
OWN = {"jax": {"jax", "flax", "optax"}, "tensorflow": {"tensorflow", "keras"}}
PACKAGES = {"torch", "jax", "flax", "optax", "tensorflow", "keras", "mxnet"}


def test_importing_one_framework_imports_no_other(python, framework):
    loaded = "print(json.dumps([name for name in sys.modules if '.' not in name]))"
    code = f"import sys, json\n{IMPORTS[framework]}\n{loaded}\nimport hardmax.{framework}\n{loaded}"
    theirs, ours = (set(json.loads(line)) for line in python(code).splitlines())
    own = OWN.get(framework, {framework})
    assert own <= ours
    # Keras itself imports JAX where Flax's checkpoints are installed.
    assert PACKAGES & ours == PACKAGES & theirs
    assert framework == "tensorflow" or PACKAGES & ours == own


def test_importing_a_framework_leaves_the_heavy_company_alone(python, framework):
    code = f"""
import sys, json
{IMPORTS[framework]}
before = set(sys.modules)
import hardmax.{framework}
print(json.dumps(sorted(set(sys.modules) - before)))
"""
    heavy = "matplotlib sklearn scipy pooch requests PIL rich typer jinja2".split()
    loaded = {name.partition(".")[0] for name in json.loads(python(code))}
    assert not loaded & set(heavy)


def test_importing_a_framework_changes_nothing_in_numpy(python, framework):
    state = "np.geterr(), np.get_printoptions(), np.random.get_state()[1].tolist(), {*dir(np)}"
    # What others do to it is theirs; MXNet cannot be imported without hardmax.
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
