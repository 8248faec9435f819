"""Settings are the one source of options, of the estimator's parameters and of the reference."""

import json
import math
from pathlib import Path

import pytest
from support import module_at
from typer.testing import CliRunner

from hardmax.cli.main import app
from hardmax.data.options import Reading, ReadingOptions
from hardmax.errors import ArgumentError, RunError
from hardmax.fields import flag, options_of
from hardmax.runs.settings import Settings
from hardmax.sklearn import HardmaxClassifier
from hardmax.training.recipes import OPTIMIZERS

DOCS = Path(__file__).parents[3] / "docs"

#: A value other than the default for every setting, as text and as a value.
VALUES = {
    "model": ("mlp", "mlp"),
    "framework": ("jax", "jax"),
    "hidden": ("4,3", (4, 3)),
    "widths": (None, None),
    "pretrained": (None, None),
    "finetune": (None, False),
    "from_run": (None, None),
    "activation": ("tanh", "tanh"),
    "dropout": ("0.5", 0.5),
    "bins": (None, None),
    "init": ("he", "he"),
    "device": ("cpu", "cpu"),
    "precision": ("float32", "float32"),
    "epochs": ("3", 3),
    "minutes": (None, None),
    "batch_size": ("7", 7),
    "augment": ("shift,flip", "shift,flip"),
    "clip": ("1.5", 1.5),
    "ensemble": ("2", 2),
    "folds": (None, None),
    "balanced": (None, True),
    "class_weights": (None, None),
    "patience": ("2", 2),
    "lr": ("0.25", 0.25),
    "optimizer": ("adam", "adam"),
    "momentum": ("0", 0.0),
    "weight_decay": ("0.01", 0.01),
    "schedule": ("cosine", "cosine"),
    "warmup": ("1.5", 1.5),
    "label_smoothing": ("0.2", 0.2),
    "size": ("24x32", (24, 32)),
    "channels": ("3", 3),
    "resize": ("pad", "pad"),
    "skip_bad": (None, True),
    "background": ("#ff8000", "#ff8000"),
    "test": ("0.5", 0.5),
    "seed": ("4", 4),
    "label": ("kind", "kind"),
    "files": (None, None),
    "header": (None, True),
    "text_encoding": ("gbk", "gbk"),
    "group": ("person", "person"),
    "time": (None, None),
    "weight": (None, None),
    "missing": ("unknown, -9,", ("unknown", "-9")),
    "label_missing": ("None", ("None",)),
    "column_kinds": (("zip=category", "a,b=date"), ("zip=category", "a,b=date")),
    "drop": ("a, b", ("a, b",)),
    "keep": ("id", ("id",)),
    "validation": ("0.25", 0.25),
}


#: The settings that the parity command has no option for.
OF_TRAIN = {
    "model",
    "framework",
    "validation",
    "patience",
    "ensemble",
    "folds",
    "pretrained",
    "finetune",
    "from_run",
    "minutes",
    "precision",
}


def command_line(names):
    for name in names:
        texts, value = VALUES[name]
        if value is None or value is False:  # it cannot be combined with the others
            continue
        for text in texts if isinstance(texts, tuple) else (texts,):
            yield flag(name, options_of(Settings)[name][1])
            if text is not None:
                yield text


def run(*arguments):
    result = CliRunner().invoke(app, arguments)
    assert str(result.exception) == "recorded", result.output


def test_every_setting_is_an_option_of_train(received):
    assert {*VALUES} == {*options_of(Settings)} - {"data"}
    run("train", "digits", *command_line(VALUES))
    ((settings, *_), _) = received[0]
    assert settings.as_record() == {
        "data": "digits",
        **{name: value for name, (_, value) in VALUES.items()},
    }


def test_an_option_with_columns_may_be_repeated(received):
    run("train", "a.csv", "--drop", "a, b", "--drop", " c", "--keep", "id")
    ((settings, *_), _) = received[0]
    assert (settings.reading.drop, settings.reading.keep) == (("a, b", "c"), ("id",))
    with pytest.raises(ArgumentError, match="dropped or kept, not both: 'c'"):
        Reading(drop=("b", "c"), keep=("c",))


def test_train_without_options_has_the_defaults(received):
    run("train", "digits")
    ((settings, *_), _) = received[0]
    assert settings == Settings(data="digits")


def test_weights_of_examples_and_classes_are_options(received):
    run("train", "a.csv", "--weight", " w ", "--class-weights", "balanced")
    ((settings, *_), _) = received[0]
    assert (settings.reading.weight, settings.class_weights) == ("w", "balanced")
    with pytest.raises(ArgumentError, match="both make the classes equally important"):
        Settings(data="a.csv", balanced=True, class_weights="balanced")
    with pytest.raises(ArgumentError, match="without regard to their weights"):
        Settings(data="a.csv", balanced=True, weight="w")


def test_minutes_take_the_place_of_epochs(received):
    run("train", "photos", "--minutes", "0.5")
    ((settings, *_), _) = received[0]
    assert settings.minutes == 0.5
    with pytest.raises(ArgumentError, match=r"0\.5 minutes choose .*; use minutes or epochs"):
        Settings(data="photos", minutes=0.5, epochs=3)
    with pytest.raises(ArgumentError, match="add --finetune or leave minutes out"):
        Settings(data="photos", minutes=3.0, pretrained="efficientnet-lite0")
    for wrong in (0.0, -1.0, math.inf, math.nan):
        with pytest.raises(ArgumentError, match=r"minutes must be .*above 0"):
            Settings(data="photos", minutes=wrong)


def test_the_column_of_image_files_is_an_option(received):
    run("train", "a.csv", "--label", "kind", "--files", " name ", "--time", "day")
    ((settings, *_), _) = received[0]
    assert (settings.reading.files, settings.validation) == ("name", None)
    assert settings.reading.without_table == Reading()
    assert Settings(data="a.csv", label="kind", time="day").validation == 0.2


def test_bins_are_an_option_of_realmlp(received):
    run("train", "a.csv", "--model", "realmlp", "--bins", "12")
    ((settings, *_), _) = received[0]
    assert settings.bins == 12
    with pytest.raises(ArgumentError, match="mlp does not take bins; leave it out or use realmlp"):
        Settings(data="a.csv", model="mlp", bins=12)
    with pytest.raises(ArgumentError, match=r"bins must be .*2"):
        Settings(data="a.csv", model="realmlp", bins=1)


def test_settings_are_options_of_parity(received):
    names = [*(VALUES.keys() - OF_TRAIN)]
    run("parity", "digits", *command_line(names), "--models", "mlp,lenet")
    ((settings,), others) = received[0]
    assert settings == {"data": "digits", **{name: VALUES[name][1] for name in names}}
    assert others["models"] == ["mlp", "lenet"]
    assert others["frameworks"] == ["torch", "jax", "tensorflow", "mxnet"]


@pytest.mark.parametrize("command", ["train", "parity"])
def test_help_describes_every_option(command):
    text = " ".join(CliRunner().invoke(app, [command, "--help"], terminal_width=200).output.split())
    for name, (field, option) in options_of(Settings).items():
        if command == "train" or name not in OF_TRAIN:
            assert option.help in text
            assert name == "data" or f"{flag(name, option)} " in text
            assert (
                f"[default: {option.unset}]" in text
                or field.default is not None
                or (not option.unset)
            )


def test_the_parameters_of_the_estimator_are_settings():
    defaults = HardmaxClassifier().get_params()
    settings = Settings(data="X")
    of_data = {*options_of(ReadingOptions)} - {"column_kinds", "drop", "keep"}
    assert {*defaults} == (
        {*VALUES} - of_data - {"patience", "class_weights", "from_run"}
        | {"random_state", "class_weight"}
    )
    for name in defaults.keys() - {"random_state", "class_weight", "lr"}:
        # None stands for the default of the model, and the model for that of the data.
        assert defaults[name] in (getattr(settings, name), None)
        assert f"{name}: " in HardmaxClassifier.__doc__
    assert HardmaxClassifier("mlp", "jax", hidden=(3,)).get_params()["hidden"] == (3,)
    with pytest.raises(TypeError, match="speed"):
        HardmaxClassifier(speed=3)


def test_a_model_names_defaults_and_what_is_set_wins():
    settings = Settings(data="X", model="realmlp")
    recipe = {
        "optimizer": "adamw-ntk",
        "lr": 0.04,
        "weight_decay": 0.02,
        "schedule": "coslog4",
        "label_smoothing": 0.1,
        "epochs": 64,
        "validation": 0.2,
        "patience": 64,
    }
    assert settings.as_record().items() >= recipe.items()
    assert settings.initializer == "data"
    given = {"optimizer": "sgd", "weight_decay": 0.0, "schedule": "constant", "epochs": 10}
    changed = Settings(data="X", model="realmlp", **given)
    assert changed.as_record().items() >= (recipe | given | {"lr": 0.1}).items()
    assert Settings.from_record(changed.as_record()) == changed


@pytest.mark.parametrize(
    ("model", "count", "batch"),
    [("mlp", 640, 16), ("mlp", 10**6, 256), ("realmlp", 640, 32), ("realmlp", 4096, 256)],
)
def test_batches_are_smaller_for_small_data(model, count, batch):
    assert Settings(data="X", model=model).batch(count) == batch
    assert Settings(data="X", model=model, batch_size=7).batch(count) == 7


def test_a_record_has_the_settings():
    values = {name: value for name, (_, value) in VALUES.items()}
    settings = Settings(data="digits", **values)
    assert Settings.from_record(json.loads(json.dumps(settings.as_record()))) == settings
    record = {"data": "digits", "resize": None, "precision": "auto"}
    assert Settings.from_record(record) == Settings(data="digits")


def test_a_record_from_before_a_setting_has_what_was_done_then():
    found = Settings.from_record({"data": "digits"})
    assert found == Settings(data="digits", resize="squash", precision="float32")
    table = {"data": "rows.csv", "label": "kind"}
    assert Settings.from_record(table) == Settings(**table, precision="float32")


@pytest.mark.parametrize(
    ("record", "message"),
    [
        (None, "must be an object, got None"),
        ({}, "do not name the data"),
        ({"data": 3}, "unusable settings: data must be text, got 3"),
        ({"data": "digits", "seed": -1}, "unusable settings: seed must be"),
        ({"data": "digits", "size": [8]}, "unusable settings: size must be 2 integers"),
        ({"data": "digits", "size": [8, 8, 8]}, "unusable settings: size must be 2 integers"),
        ({"data": "digits", "speed": 3, "colour": 1}, "unknown settings: colour, speed"),
        ({"data": "digits", "optimizer": {}}, "optimizer must be one of sgd, adam, adamw"),
    ],
)
def test_unusable_records_are_refused(record, message, refused):
    with refused(RunError, message):
        Settings.from_record(record)


def test_the_reference_page_is_up_to_date():
    module = module_at(DOCS / "make_settings.py")
    assert module.page() == module.PAGE.read_text(), "run make settings"
    for name, (_, option) in options_of(Settings).items():
        assert option.help in module.page()
        assert name == "data" or f"`{flag(name, option)}`" in module.page()


def test_shells_complete_commands_and_choices():
    def completed(text, position):
        environment = {
            "_HARDMAX_COMPLETE": "complete_bash",
            "COMP_WORDS": text,
            "COMP_CWORD": str(position),
        }
        return CliRunner().invoke(app, [], env=environment, prog_name="hardmax").output.split()

    assert completed("hardmax tr", 1) == ["train"]
    assert completed("hardmax train digits --optimizer ", 4) == [*OPTIMIZERS]
