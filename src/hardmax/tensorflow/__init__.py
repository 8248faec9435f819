"""hardmax on TensorFlow: ``from hardmax import tensorflow as d2l`` runs the book's code.

Exports the names of both editions of the book, the classes (``Module``, ``Trainer``, ...) and the
functions (``train_ch3``, ``Accumulator``, ...), and ``load_data``, ``auto`` and ``load`` for the
user's own data.
"""

import os as _os

from hardmax import frameworks as _frameworks
from hardmax.plotting import pyplot as _plots

_frameworks.check("tensorflow")  # raises with installation instructions

from hardmax.processes.environment import place as _place

if _place().size > 1:
    # Once one process has ended, TensorFlow would log in the others that they cannot reach it.
    _os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

from hardmax.tensorflow import collectives as _collectives

_collectives.join()  # before anything is computed

from hardmax.d2l.accumulator import Accumulator
from hardmax.d2l.timing import Timer
from hardmax.data.download import DATA_HUB, DATA_URL, download, download_all, download_extract
from hardmax.hyperparameters import HyperParameters, add_to_class
from hardmax.plotting.board import Animator, ProgressBoard
from hardmax.plotting.pyplot import plot, set_axes, set_figsize, show_images, use_svg_display
from hardmax.runs.namespace import functions as _functions
from hardmax.tensorflow.data import DataModule, FashionMNIST, SyntheticRegressionData
from hardmax.tensorflow.functions import (
    TrainCallback,
    Updater,
    accuracy,
    corr2d,
    cross_entropy,
    evaluate_accuracy,
    evaluate_loss,
    get_dataloader_workers,
    get_fashion_mnist_labels,
    linreg,
    load_array,
    load_data_fashion_mnist,
    predict_ch3,
    sgd,
    softmax,
    squared_loss,
    synthetic_data,
    train_ch3,
    train_ch6,
    train_epoch_ch3,
)
from hardmax.tensorflow.models import (
    LeNet,
    LinearRegression,
    LinearRegressionScratch,
    Residual,
    ResNeXtBlock,
    SoftmaxRegression,
    SoftmaxRegressionScratch,
)
from hardmax.tensorflow.module import Classifier, Module, nn_Module
from hardmax.tensorflow.optimizers import SGD
from hardmax.tensorflow.tensors import (
    abs,
    arange,
    argmax,
    astype,
    concat,
    cpu,
    exp,
    float32,
    gpu,
    log,
    matmul,
    normal,
    num_gpus,
    numpy,
    ones,
    rand,
    reduce_mean,
    reduce_sum,
    reshape,
    size,
    stack,
    tensor,
    transpose,
    try_all_gpus,
    try_gpu,
    zeros,
)
from hardmax.tensorflow.trainer import Trainer

load_data, auto, load = _functions("tensorflow")

__all__ = [
    "DATA_HUB",
    "DATA_URL",
    "SGD",
    "Accumulator",
    "Animator",
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
    "Timer",
    "TrainCallback",
    "Trainer",
    "Updater",
    "abs",
    "accuracy",
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
    "download_all",
    "download_extract",
    "evaluate_accuracy",
    "evaluate_loss",
    "exp",
    "float32",
    "get_dataloader_workers",
    "get_fashion_mnist_labels",
    "gpu",
    "linreg",
    "load",
    "load_array",
    "load_data",
    "load_data_fashion_mnist",
    "log",
    "matmul",
    "nn_Module",
    "normal",
    "num_gpus",
    "numpy",
    "ones",
    "plot",
    "plt",
    "predict_ch3",
    "rand",
    "reduce_mean",
    "reduce_sum",
    "reshape",
    "set_axes",
    "set_figsize",
    "sgd",
    "show_images",
    "size",
    "softmax",
    "squared_loss",
    "stack",
    "synthetic_data",
    "tensor",
    "train_ch3",
    "train_ch6",
    "train_epoch_ch3",
    "transpose",
    "try_all_gpus",
    "try_gpu",
    "use_svg_display",
    "zeros",
]

__getattr__ = _plots.on_demand  # plt
