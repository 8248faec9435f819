"""The public surface: the book's names, its signatures, and nothing by accident."""

import inspect

import pytest

#: The names of both editions that the chapters on linear regression, linear classification and
#: multilayer perceptrons use or define, and three more: plt, softmax and cross_entropy.
NAMES = """
    Accumulator Animator Classifier DATA_HUB DATA_URL DataModule FashionMNIST HyperParameters
    LinearRegression LinearRegressionScratch Module ProgressBoard SGD SoftmaxRegression
    SoftmaxRegressionScratch SyntheticRegressionData Timer Trainer abs accuracy add_to_class arange
    argmax astype concat cpu cross_entropy download download_all download_extract
    evaluate_accuracy evaluate_loss exp float32 get_dataloader_workers get_fashion_mnist_labels gpu
    linreg load_array load_data_fashion_mnist log matmul nn_Module normal num_gpus numpy ones plot
    plt predict_ch3 rand randn reduce_mean reduce_sum reshape set_axes set_figsize sgd show_images
    size softmax squared_loss stack synthetic_data tensor to train_ch3 train_epoch_ch3 transpose
    try_all_gpus try_gpu use_svg_display zeros
""".split()

#: The book's signatures: the arguments that a reader may give by position or by name.
SIGNATURES = {
    "HyperParameters.save_hyperparameters": "ignore",
    "ProgressBoard": "xlabel ylabel xlim ylim xscale yscale ls colors fig axes figsize display",
    "ProgressBoard.draw": "x y label every_n",
    "Module": "plot_train_per_epoch plot_valid_per_epoch",
    "Module.loss": "y_hat y",
    "Module.forward": "X",
    "Module.plot": "key value train",
    "Module.training_step": "batch",
    "Module.validation_step": "batch",
    "Module.configure_optimizers": "",
    "Module.apply_init": "inputs init",
    "DataModule": "root num_workers",
    "DataModule.get_dataloader": "train",
    "DataModule.get_tensorloader": "tensors train indices",
    "Trainer": "max_epochs num_gpus gradient_clip_val",
    "Trainer.prepare_data": "data",
    "Trainer.prepare_model": "model",
    "Trainer.fit": "model data",
    "Trainer.fit_epoch": "",
    "Trainer.prepare_batch": "batch",
    "Trainer.clip_gradients": "grad_clip_val model",
    "SyntheticRegressionData": "w b noise num_train num_val batch_size",
    "LinearRegressionScratch": "num_inputs lr sigma",
    "SGD": "params lr",
    "SGD.step": "",
    "SGD.zero_grad": "",
    "LinearRegression": "lr",
    "LinearRegression.get_w_b": "",
    "FashionMNIST": "batch_size resize",
    "FashionMNIST.text_labels": "indices",
    "FashionMNIST.visualize": "batch nrows ncols labels",
    "show_images": "imgs num_rows num_cols titles scale",
    "Classifier.accuracy": "Y_hat Y averaged",
    "Classifier.loss": "Y_hat Y averaged",
    "Classifier.layer_summary": "X_shape",
    "SoftmaxRegression": "num_outputs lr",
    "download": "url folder sha1_hash",
    "plot": "X Y xlabel ylabel legend xlim ylim xscale yscale fmts figsize axes",
    "set_axes": "axes xlabel ylabel xlim ylim xscale yscale legend",
    "set_figsize": "figsize",
    "synthetic_data": "w b num_examples",
    "linreg": "X w b",
    "squared_loss": "y_hat y",
    "sgd": "params lr batch_size",
    "load_array": "data_arrays batch_size is_train",
    "load_data_fashion_mnist": "batch_size resize",
    "get_fashion_mnist_labels": "labels",
    "accuracy": "y_hat y",
    "evaluate_accuracy": "net data_iter",
    "evaluate_loss": "net data_iter loss",
    "Accumulator": "n",
    "Animator": "xlabel ylabel legend xlim ylim xscale yscale fmts nrows ncols figsize",
    "Animator.add": "x y",
    "train_epoch_ch3": "net train_iter loss updater",
    "train_ch3": "net train_iter test_iter loss num_epochs updater",
    "predict_ch3": "net test_iter n",
    "gpu": "i",
    "try_gpu": "i",
    "download_extract": "name folder",
}

#: The defaults that matter to a reader who leaves them out.
DEFAULTS = {
    ("Module", "plot_train_per_epoch"): 2,
    ("Module", "plot_valid_per_epoch"): 1,
    ("Trainer", "num_gpus"): 0,
    ("Trainer", "gradient_clip_val"): 0,
    ("SyntheticRegressionData", "noise"): 0.01,
    ("SyntheticRegressionData", "num_train"): 1000,
    ("SyntheticRegressionData", "num_val"): 1000,
    ("SyntheticRegressionData", "batch_size"): 32,
    ("LinearRegressionScratch", "sigma"): 0.01,
    ("FashionMNIST", "batch_size"): 64,
    ("FashionMNIST", "resize"): (28, 28),
    ("DataModule", "root"): "../data",
    ("Classifier.accuracy", "averaged"): True,
    ("Classifier.loss", "averaged"): True,
    ("predict_ch3", "n"): 6,
    ("load_array", "is_train"): True,
    ("ProgressBoard.draw", "every_n"): 1,
    ("show_images", "scale"): 1.5,
    ("plot", "figsize"): (3.5, 2.5),
}


def parameters(fw, path):
    name, _, method = path.partition(".")
    thing = getattr(fw, name)
    thing = getattr(thing, method) if method else thing
    found = dict(inspect.signature(thing).parameters)
    found.pop("self", None)
    return found


def test_the_declared_names_are_the_books(fw):
    assert sorted(fw.__all__) == sorted(NAMES)


def test_every_declared_name_is_there(fw):
    assert [name for name in NAMES if not hasattr(fw, name)] == []


def test_nothing_else_is_public_but_the_siblings_own_modules(fw):
    modules = {"data", "engine", "functions", "layers", "models", "module", "tensors", "trainer"}
    found = {name for name in vars(fw) if not name.startswith("_")}
    assert found - set(NAMES) - modules == set()


@pytest.mark.parametrize("path", SIGNATURES)
def test_signatures_begin_as_in_the_book(fw, path):
    found = parameters(fw, path)
    book = SIGNATURES[path].split()
    assert list(found)[: len(book)] == book
    beyond = list(found.values())[len(book) :]
    assert all(p.default is not p.empty or p.kind in (2, 4) for p in beyond), "must be optional"


@pytest.mark.parametrize(("path", "name"), DEFAULTS)
def test_defaults_are_the_books(fw, path, name):
    assert parameters(fw, path)[name].default == DEFAULTS[path, name]


def test_every_public_name_is_documented(fw):
    documented = [name for name in NAMES if inspect.isclass(getattr(fw, name))]
    documented += [name for name in NAMES if inspect.isfunction(getattr(fw, name))]
    assert [name for name in documented if not getattr(fw, name).__doc__] == []
