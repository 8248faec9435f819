"""The public API: the book's names and signatures, and nothing unintended."""

import inspect

import pytest

#: The names that the classification chapters of both editions use or define, and six more: plt,
#: softmax and cross_entropy, and auto, load and load_data for the user's own data.
NAMES = """
    Accumulator Animator Classifier DATA_HUB DATA_URL DataModule FashionMNIST HyperParameters
    LeNet LinearRegression LinearRegressionScratch Module ProgressBoard ResNeXtBlock Residual
    SGD SoftmaxRegression SoftmaxRegressionScratch SyntheticRegressionData Timer Trainer abs
    accuracy add_to_class arange argmax astype auto concat corr2d cpu cross_entropy download
    download_all download_extract evaluate_accuracy evaluate_accuracy_gpu evaluate_loss exp
    float32 get_dataloader_workers get_fashion_mnist_labels gpu init_cnn linreg load load_array
    load_data load_data_fashion_mnist log matmul nn_Module normal num_gpus numpy ones plot plt
    predict_ch3 rand randn reduce_mean reduce_sum reshape set_axes set_figsize sgd show_images
    size softmax squared_loss stack synthetic_data tensor to train_ch3 train_ch6 train_epoch_ch3
    transpose try_all_gpus try_gpu use_svg_display zeros
""".split()

#: The book's signatures: the arguments that can be passed by position or by name.
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
    "corr2d": "X K",
    "init_cnn": "module",
    "LeNet": "lr num_classes",
    "Residual": "num_channels use_1x1conv strides",
    "ResNeXtBlock": "num_channels groups bot_mul use_1x1conv strides",
    "evaluate_accuracy_gpu": "net data_iter device",
    "train_ch6": "net train_iter test_iter num_epochs lr device",
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

#: The book's defaults.
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
    ("LeNet", "lr"): 0.1,
    ("LeNet", "num_classes"): 10,
    ("Residual", "use_1x1conv"): False,
    ("Residual", "strides"): 1,
    ("ResNeXtBlock", "use_1x1conv"): False,
    ("ResNeXtBlock", "strides"): 1,
    ("evaluate_accuracy_gpu", "device"): None,
}

OTHER_DEFAULTS = {("jax", name, "strides"): (1, 1) for name in ("Residual", "ResNeXtBlock")}

#: Names above that the book's edition for a framework does not have, and additional ones.
MISSING = {
    "jax": """
        Accumulator Animator DATA_HUB Timer accuracy download_all download_extract evaluate_accuracy
        evaluate_accuracy_gpu evaluate_loss get_dataloader_workers get_fashion_mnist_labels init_cnn
        linreg load_array load_data_fashion_mnist normal plt predict_ch3 rand randn set_axes
        set_figsize sgd size squared_loss synthetic_data train_ch3 train_ch6 train_epoch_ch3
    """.split(),
    "tensorflow": ["evaluate_accuracy_gpu", "init_cnn", "randn", "to"],
    "mxnet": ["init_cnn"],
}
ADDITIONAL = {"jax": ["get_key", "get_seed"], "tensorflow": ["TrainCallback", "Updater"]}

#: Signatures that differ by framework: JAX's models are functions of their parameters, with Flax
#: fields as settings; TensorFlow's gradients are passed as arguments.
OTHER_SIGNATURES = {
    "mxnet": {"Module.apply_init": None, "SGD.step": "_", "SGD.zero_grad": None},
    "tensorflow": {
        "Module.apply_init": None,
        "DataModule": "root",
        "Trainer.clip_gradients": "grad_clip_val grads",
        "SGD": "lr",
        "SGD.step": None,
        "SGD.zero_grad": None,
        "SGD.apply_gradients": "grads_and_vars",
        "sgd": "params grads lr batch_size",
        "Updater": "params lr",
        "TrainCallback": "net train_iter test_iter num_epochs device_name",
        "train_ch6": "net_fn train_iter test_iter num_epochs lr device",
    },
    "jax": {
        "LeNet": "lr num_classes kernel_init",
        "Residual": "num_channels use_1x1conv strides training",
        "ResNeXtBlock": "num_channels groups bot_mul use_1x1conv strides training",
        "Module": "",
        "Module.training_step": "params batch state",
        "Module.validation_step": "params batch state",
        "Module.apply_init": "dummy_input key",
        "DataModule": "root",
        "Trainer.fit": "model data key",
        "Trainer.clip_gradients": "grad_clip_val grads",
        "SGD": "lr",
        "SGD.step": None,
        "SGD.zero_grad": None,
        "SGD.init": "params",
        "SGD.update": "updates state params",
        "LinearRegressionScratch.loss": "params X y state",
        "LinearRegression.get_w_b": "state",
        "Classifier.accuracy": "params X Y state averaged",
        "Classifier.loss": "params X Y state averaged",
        "Classifier.layer_summary": "X_shape key",
    },
}


def pytest_generate_tests(metafunc):
    """Generate a test for each signature and default of this framework."""
    framework = metafunc.config.getoption("--framework")
    signatures = {
        path: names
        for path, names in (SIGNATURES | OTHER_SIGNATURES.get(framework, {})).items()
        if names is not None and path.partition(".")[0] not in MISSING.get(framework, ())
    }
    if "book" in metafunc.fixturenames:
        metafunc.parametrize(("path", "book"), signatures.items(), ids=signatures)
    if "name" in metafunc.fixturenames:
        cases = [case for case in DEFAULTS if case[1] in signatures.get(case[0], "").split()]
        metafunc.parametrize(("path", "name"), cases)


@pytest.fixture
def names(framework):
    return sorted({*NAMES, *ADDITIONAL.get(framework, ())} - {*MISSING.get(framework, ())})


def parameters(fw, path):
    name, _, method = path.partition(".")
    function = getattr(fw, name)
    function = getattr(function, method) if method else function
    arguments = dict(inspect.signature(function).parameters)
    arguments.pop("self", None)
    return arguments


def test_the_declared_names_match_the_book(fw, names):
    assert sorted(fw.__all__) == names


def test_every_declared_name_exists(fw, names):
    assert [name for name in names if not hasattr(fw, name)] == []


#: The modules that every backend has, and those that only one needs.
MODULES = {
    *"augmentation data engine export functions image_layers layers models module".split(),
    *"optimizers processes resuming runtime table_layers tensors trainer".split(),
}
OTHER_MODULES = {
    "torch": {"batch_norm"},
    "jax": {"program"},
    "tensorflow": {"collectives"},
    "mxnet": {"old_numpy", "seeds"},
}


def test_nothing_else_is_public_except_the_backends_modules(fw, names, framework):
    # The module of PyTorch's that only several processes import may be there or not.
    public = {name for name in vars(fw) if not name.startswith("_")} - {"replicas"}
    assert public - set(names) == MODULES | OTHER_MODULES.get(framework, set())


def test_signatures_start_with_the_books_arguments(fw, path, book):
    arguments = parameters(fw, path)
    assert list(arguments)[: len(book.split())] == book.split()
    others = list(arguments.values())[len(book.split()) :]
    assert all(p.default is not p.empty or p.kind in (2, 4) for p in others), "must be optional"


def test_defaults_match_the_book(fw, framework, path, name):
    book = OTHER_DEFAULTS.get((framework, path, name), DEFAULTS[path, name])
    assert parameters(fw, path)[name].default == book


def test_every_public_name_is_documented(fw, names):
    documented = [name for name in names if inspect.isclass(getattr(fw, name))]
    documented += [name for name in names if inspect.isfunction(getattr(fw, name))]
    assert [name for name in documented if not getattr(fw, name).__doc__] == []
