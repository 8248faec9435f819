"""Importing one framework imports no other, and leaves nothing global behind."""

import json

FRAMEWORKS = {"torch": "torch", "jax": "jax", "tensorflow": "tensorflow", "mxnet": "mxnet"}


def test_importing_one_framework_imports_no_other(python, framework):
    loaded = json.loads(
        python(
            f"import hardmax.{framework}, sys, json;"
            "print(json.dumps([name for name in sys.modules if '.' not in name]))"
        )
    )
    others = {"torch", "jax", "flax", "tensorflow", "keras", "mxnet"} - {FRAMEWORKS[framework]}
    assert FRAMEWORKS[framework] in loaded
    assert not others & set(loaded)


def test_importing_a_framework_leaves_the_heavy_company_alone(python, framework):
    loaded = json.loads(
        python(
            f"import {FRAMEWORKS[framework]}, sys, json; before = set(sys.modules);"
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
        f"import numpy as np, numpy.random, {FRAMEWORKS[framework]}; before = {state};"
        f"import hardmax.{framework}; print(before == {state})"
    )
    assert out.split() == ["True"]
