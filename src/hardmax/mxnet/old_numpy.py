"""NumPy's names of 2022, for the one package that still needs them."""

import contextlib
import sys
import types
import warnings
from collections.abc import Iterator

import numpy as np
from numpy.typing import ArrayLike

__all__ = ["restored_names"]


def _msort(a: ArrayLike) -> np.ndarray:
    return np.sort(a, axis=0)


#: Names that NumPy has removed since. The financial functions are only listed, never called.
OLD: dict[str, object] = {
    "bool": bool,
    "complex": complex,
    "float": float,
    "int": int,
    "object": object,
    "str": str,
    "bool8": np.bool_,
    "float_": np.float64,
    "round_": np.round,
    "NaN": np.nan,
    "NAN": np.nan,
    "Inf": np.inf,
    "Infinity": np.inf,
    "infty": np.inf,
    "PINF": np.inf,
    "NINF": -np.inf,
    "PZERO": 0.0,
    "NZERO": -0.0,
    "alltrue": np.all,
    "sometrue": np.any,
    "product": np.prod,
    "cumproduct": np.cumprod,
    "in1d": np.isin,
    "msort": _msort,
    "trapz": getattr(np, "trapezoid", None),
    "MachAr": None,
    **dict.fromkeys("fv ipmt irr mirr nper npv pmt ppmt pv rate".split()),
}


class _OldNumPy(types.ModuleType):
    """NumPy with its removed names."""

    def __getattr__(self, name: str) -> object:
        return getattr(np, name) if name in vars(np) or name not in OLD else OLD[name]


@contextlib.contextmanager
def restored_names(package: str) -> Iterator[None]:
    """Restore NumPy's removed names while a block imports ``package``.

    After the block the package's modules use a stand-in for NumPy that keeps the names, and NumPy
    has exactly the attributes that it had before.
    """
    names = OLD.keys() - vars(np).keys()
    for name in names:
        setattr(np, name, OLD[name])
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # other outdated uses
            yield
    finally:
        for name in names:
            delattr(np, name)
    stand_in = _OldNumPy("numpy")
    for name, module in [*sys.modules.items()]:
        if name.partition(".")[0] == package:
            for attribute in [key for key, value in vars(module).items() if value is np]:
                setattr(module, attribute, stand_in)
