"""hardmax on JAX: ``from hardmax import jax as d2l`` runs the book's code.

Exports the names of the book's classes (``Module``, ``Trainer``, ...), and ``load_data``, ``auto``
and ``load`` for the user's own data. The book's functional edition does not cover JAX.
"""

from hardmax import frameworks as _frameworks

_frameworks.check("jax")  # raises with installation instructions

from hardmax.data.download import DATA_URL, download
from hardmax.hyperparameters import HyperParameters, add_to_class
from hardmax.jax.data import DataModule, FashionMNIST, SyntheticRegressionData
from hardmax.jax.functions import corr2d, cross_entropy, softmax
from hardmax.jax.models import (
    LeNet,
    LinearRegression,
    LinearRegressionScratch,
    Residual,
    ResNeXtBlock,
    SoftmaxRegression,
    SoftmaxRegressionScratch,
)
from hardmax.jax.module import Classifier, Module, nn_Module
from hardmax.jax.optimizers import SGD
from hardmax.jax.processes import join as _join
from hardmax.jax.tensors import (
    abs,
    arange,
    argmax,
    astype,
    concat,
    cpu,
    exp,
    float32,
    get_key,
    get_seed,
    gpu,
    log,
    matmul,
    num_gpus,
    numpy,
    ones,
    reduce_mean,
    reduce_sum,
    reshape,
    stack,
    tensor,
    to,
    transpose,
    try_all_gpus,
    try_gpu,
    zeros,
)
from hardmax.jax.trainer import Trainer
from hardmax.plotting.board import ProgressBoard
from hardmax.plotting.pyplot import plot, show_images, use_svg_display
from hardmax.runs.namespace import functions as _functions

load_data, auto, load = _functions("jax")

_join()  # before JAX computes anything

__all__ = [
    "DATA_URL",
    "SGD",
    "Classifier",
    "DataModule",
    "FashionMNIST",
    "HyperParameters",
    "LeNet",
    "LinearRegression",
    "LinearRegressionScratch",
    "Module",
    "ProgressBoard",
    "ResNeXtBlock",
    "Residual",
    "SoftmaxRegression",
    "SoftmaxRegressionScratch",
    "SyntheticRegressionData",
    "Trainer",
    "abs",
    "add_to_class",
    "arange",
    "argmax",
    "astype",
    "auto",
    "concat",
    "corr2d",
    "cpu",
    "cross_entropy",
    "download",
    "exp",
    "float32",
    "get_key",
    "get_seed",
    "gpu",
    "load",
    "load_data",
    "log",
    "matmul",
    "nn_Module",
    "num_gpus",
    "numpy",
    "ones",
    "plot",
    "reduce_mean",
    "reduce_sum",
    "reshape",
    "show_images",
    "softmax",
    "stack",
    "tensor",
    "to",
    "transpose",
    "try_all_gpus",
    "try_gpu",
    "use_svg_display",
    "zeros",
]
