"""Importing one framework imports no other, and leaves nothing global behind."""

import json

#: What each sibling imports; what these import themselves is theirs to answer for.
IMPORTS = {
    "torch": "torch",
    "tensorflow": "tensorflow, keras",
    "jax": "jax, flax.linen, flax.training.train_state, optax",
}
PACKAGES = {"torch", "jax", "flax", "optax", "tensorflow", "keras", "mxnet"}


def test_importing_one_framework_imports_no_other(python, framework):
    loaded = "print(json.dumps([name for name in sys.modules if '.' not in name]))"
    theirs, ours = python(
        f"import {IMPORTS[framework]}, sys, json; {loaded}\nimport hardmax.{framework}; {loaded}"
    ).splitlines()
    theirs, ours = json.loads(theirs), json.loads(ours)
    own = {name.partition(".")[0] for name in IMPORTS[framework].split(", ")}
    assert own <= set(ours)
    # Keras itself imports JAX where Flax's checkpoints are installed.
    assert PACKAGES & set(ours) == PACKAGES & set(theirs)
    assert framework == "tensorflow" or PACKAGES & set(ours) == own


def test_importing_a_framework_leaves_the_heavy_company_alone(python, framework):
    loaded = json.loads(
        python(
            f"import {IMPORTS[framework]}, sys, json; before = set(sys.modules);"
            f"import hardmax.{framework}; print(json.dumps(sorted(set(sys.modules) - before)))"
        )
    )
    heavy = {
        "matplotlib",
        "sklearn",
        "scipy",
        "pooch",
        "requests",
        "PIL",
        "rich",
        "typer",
        "jinja2",
    }
    assert not heavy & {name.split(".")[0] for name in loaded}


def test_importing_a_framework_changes_nothing_in_numpy(python, framework):
    state = "(np.geterr(), np.get_printoptions(), np.random.get_state()[1].tolist(), {*vars(np)})"
    out = python(
        f"import numpy as np, numpy.random, {IMPORTS[framework]}; before = {state};"
        f"import hardmax.{framework}; print(before == {state})"
    )
    assert out.split() == ["True"]
