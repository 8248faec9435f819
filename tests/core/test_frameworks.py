"""Loading frameworks by name, and the side effects of importing the core."""

import pytest
from support import need

from hardmax import frameworks
from hardmax.errors import ArgumentError, MissingFrameworkError

CORE = """
import importlib, pkgutil, sys, hardmax
backends = {"torch", "jax", "tensorflow", "mxnet"}
def names(path, prefix):
    for module in pkgutil.iter_modules(path, prefix):
        if module.name.split(".")[1] in backends:
            continue
        # The notebook drawer can be imported only in a notebook.
        if module.name != "hardmax.plotting.notebook":
            yield module.name
        if module.ispkg:
            package = importlib.import_module(module.name)
            yield from names(package.__path__, module.name + ".")
core = list(names(hardmax.__path__, "hardmax."))
"""

HEAVY = {"torch", "jax", "flax", "optax", "tensorflow", "keras", "mxnet", "matplotlib.pyplot"}


def test_importing_the_package_imports_nothing_else(python):
    code = "import sys; before = set(sys.modules); import hardmax; "
    code += "print(sorted(name for name in set(sys.modules) - before if name != 'hardmax'))"
    assert python(code) == "[]\n"


def test_importing_the_core_imports_no_framework_and_no_pyplot(python):
    code = CORE + "for name in core: importlib.import_module(name)\n"
    code += f"print(len(core) > 25, sorted({HEAVY} & set(sys.modules)))"
    assert python(code) == "True []\n"


def test_importing_the_core_changes_no_global_state(python):
    code = """
import os, random, signal, warnings
import matplotlib, numpy as np, PIL.Image
def state():
    return {
        "print": np.get_printoptions(), "err": np.geterr(), "call": np.geterrcall(),
        "names": sorted(vars(np)), "random": repr(np.random.get_state()),
        "rc": dict(matplotlib.rcParams), "filters": list(warnings.filters),
        "bomb": PIL.Image.MAX_IMAGE_PIXELS, "environ": dict(os.environ), "cwd": os.getcwd(),
        "python's random": random.getstate(), "interrupt": signal.getsignal(signal.SIGINT),
        "showwarning": warnings.showwarning, "backend": matplotlib.get_backend(auto_select=False),
    }
"""
    # Changes made by other packages on import do not count.
    code += """
import jinja2, pooch, rich.live, safetensors.numpy, sklearn.datasets, typer, matplotlib.figure
import hardmax.errors
before = state()
"""
    code += CORE + "for name in core: importlib.import_module(name)\n"
    code += """
import tempfile
from hardmax.plotting.board import ProgressBoard
from hardmax.evaluation.metrics import Evaluation, log_softmax
from hardmax.evaluation.totals import Totals
board = ProgressBoard()
board.draw(1, 2, "a")
board.draw(2, float("nan"), "a")
with tempfile.TemporaryDirectory() as folder:
    for kind in ("svg", "png", "pdf"):
        board.save(f"{folder}/a.{kind}")
log_softmax(np.array([[1e30, -1e30]]))
Evaluation.of(Totals(1.0, 0, 1))
after = state()
print([name for name in before if before[name] != after[name]])
"""
    assert python(code) == "[]\n"


@pytest.mark.parametrize("name", ["caffe", "", "Torch", "torch.nn", "os", "data"])
def test_an_unknown_framework_is_refused_and_the_known_ones_are_listed(name):
    for function in (frameworks.check, frameworks.load):
        with pytest.raises(ArgumentError) as refused:
            function(name)
        message = str(refused.value)
        assert repr(name) in message
        assert all(known in message for known in frameworks.FRAMEWORKS)
        assert "\n" not in message


@pytest.mark.parametrize("name", frameworks.FRAMEWORKS)
@pytest.mark.parametrize("function", ["check", "load"])
def test_a_missing_framework_is_reported_with_its_install_command(python, name, function):
    package = frameworks.FRAMEWORKS[name][0]
    code = f"""
import sys
sys.modules[{package!r}] = None  # as if it were not installed
from hardmax import frameworks
from hardmax.errors import MissingFrameworkError
try:
    frameworks.{function}({name!r})
except MissingFrameworkError as error:
    print(isinstance(error, ImportError), error)
"""
    output = python(code)
    assert output.startswith("True ")
    assert output.count("\n") == 1
    assert repr(name) in output
    assert f"hardmax[{name}]" in output


def test_a_folder_with_the_name_of_a_framework_is_not_the_framework(tmp_path, monkeypatch):
    (tmp_path / "flame").mkdir()
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setitem(frameworks.FRAMEWORKS, "torch", ("flame",))
    with pytest.raises(MissingFrameworkError, match="'torch' is not installed \\(flame not found"):
        frameworks.check("torch")


@pytest.mark.parametrize("name", frameworks.FRAMEWORKS)
def test_checking_a_framework_imports_nothing(python, name):
    need(name)
    code = f"import sys\nfrom hardmax import frameworks\nframeworks.check({name!r})\n"
    assert python(code + f"print({name!r} in sys.modules)") == "False\n"


@pytest.mark.parametrize("name", frameworks.FRAMEWORKS)
def test_loading_a_framework_reports_its_versions_and_loads_no_other(python, name):
    need(name)
    package = frameworks.FRAMEWORKS[name][0]
    others = sorted({"torch", "jax", "tensorflow", "mxnet"} - {name})
    code = f"""
import sys
from hardmax import frameworks
backend = frameworks.load({name!r})
import {package} as native
print(backend.__name__, frameworks.versions({name!r})[{package!r}] == native.__version__)
print([other for other in {others} if "hardmax." + other in sys.modules])
"""
    assert python(code) == f"hardmax.{name} True\n[]\n"
