"""The functions of a framework's namespace for the user's own data: load_data, auto and load.

Every backend exports them from here; each one is the command line's work in Python. What they need
is imported when they are called, so that importing a framework stays quick.
"""

import inspect
import logging
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from hardmax import frameworks
from hardmax.checks import check_choice, check_whole
from hardmax.data.datasets import Dataset, Images
from hardmax.data.options import ReadingOptions
from hardmax.errors import ArgumentError
from hardmax.fields import help_of, options_of
from hardmax.runs.settings import Settings
from hardmax.training.callbacks import Callback
from hardmax.training.contracts import Plan
from hardmax.training.own_data import OwnData

if TYPE_CHECKING:
    from hardmax.runs.classifier import TrainedClassifier

__all__ = ["functions"]

log = logging.getLogger(__name__)

#: The options of ``load_data``, and the settings of ``auto``; the seed decides the splits as well.
READING = options_of(ReadingOptions)
TRAINING = {
    name: pair
    for name, pair in options_of(Settings).items()
    if name not in {*READING, "data", "framework"} - {"seed"}
}

LOAD_DATA = """Return the user's own data, in a training, a validation and a test set.

    ``path`` is a folder of images (one subfolder per class) or of IDX files, an .npz file, a table
    (CSV, Parquet, Excel and others; requires ``label``, and ``files`` if its rows name images), or
    the name of a data set, ``"digits"`` or ``"fashion-mnist"``. The options are those of ``hardmax
    train``. ``batch_size`` is that of the loaders and of trainings on the data, by default what
    suits so many examples.

    The data has ``train``, ``validation`` (None without one) and ``test``, ``classes``, ``shape``,
    ``train_dataloader()``, ``val_dataloader()`` (the validation set or else the test set),
    ``test_dataloader()`` and ``visualize()``. How it was read is logged as INFO, what may be wrong
    with it as WARNING. Raises ArgumentError for an unknown option or an invalid value, and
    DataError for data that cannot be read.

    Parameters:
"""

AUTO = """Return a model for ``data`` and the trainer to fit it with, as (model, trainer).

    ``data`` is what ``load_data`` returned. Without settings, the network and its training are what
    ``hardmax train`` would take; ``model.settings`` says what was chosen. ``trainer.fit(model,
    data)`` then trains exactly as that does, also several networks whose probabilities are averaged
    in ``model``; ``trainer.evaluate(model, data)`` evaluates on the test set, and
    ``trainer.save(folder)`` writes a run folder that every command reads. ``callbacks`` are called
    during the fit. If a setting requires that the data is read in another way, such as the
    validation set of ``model="realmlp"``, it is read again: ``trainer.plan.data`` is what is used.
    The seed and the batch size are those of the data, unless they are given.

    Raises ArgumentError for an unknown setting, an invalid value, or one that does not suit the
    data.

    Parameters:
"""

LOAD = """Return the trained classifier of a run folder, also of one trained in another framework.

    It has the native ``model``, ``classes``, ``settings`` and ``record``, and classifies images,
    rows or files by ``predict`` and ``predict_proba``. Raises RunError for an unusable run.
    """


def functions(
    framework: str,
) -> tuple[
    Callable[..., OwnData[Any, Any]],
    Callable[..., tuple[Any, Any]],
    Callable[..., "TrainedClassifier"],
]:
    """Return load_data, auto and load of a framework."""

    def load_data(
        path: str | os.PathLike[str], *, batch_size: int | None = None, **options: Any
    ) -> OwnData[Any, Any]:
        return _load_data(framework, os.fspath(path), batch_size, _plain(options))

    def auto(
        data: OwnData[Any, Any],
        *,
        seed: int | None = None,
        batch_size: int | None = None,
        callbacks: Sequence[Callback] = (),
        **settings: Any,
    ) -> tuple[Any, Any]:
        given = {"seed": seed, "batch_size": batch_size}
        settings |= {name: value for name, value in given.items() if value is not None}
        return _auto(framework, data, callbacks, _plain(settings))

    def load(run: str | os.PathLike[str]) -> "TrainedClassifier":
        from hardmax.runs.classifier import TrainedClassifier

        return TrainedClassifier(run, framework)

    load.__doc__ = LOAD
    _describe(load_data, LOAD_DATA, READING)
    _describe(auto, AUTO, TRAINING)
    for function in (load_data, auto, load):
        function.__module__, function.__qualname__ = f"hardmax.{framework}", function.__name__
    return load_data, auto, load


def _describe(function: Any, head: str, options: Mapping[str, Any]) -> None:
    """Give a function keyword arguments for options, and their help."""
    signature = inspect.signature(function)
    *named, _ = signature.parameters.values()
    known = {parameter.name for parameter in named}
    more = [
        inspect.Parameter(
            name,
            inspect.Parameter.KEYWORD_ONLY,
            default=field.default,
            annotation=field.type if field.default is not None else field.type | None,
        )
        for name, (field, _) in options.items()
        if name not in known
    ]
    function.__signature__ = signature.replace(parameters=[*named, *more])
    function.__doc__ = head + help_of(options)


def _plain(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return arguments in which paths are texts."""
    return {
        name: os.fspath(value) if isinstance(value, os.PathLike) else value
        for name, value in values.items()
    }


def _check_names(names: Iterable[str], what: str, known: Iterable[str]) -> None:
    for name in names:
        check_choice(what, name, [*known])


def _load_data(
    framework: str, path: str, batch_size: int | None, options: dict[str, Any]
) -> OwnData[Any, Any]:
    from hardmax.runs.command import absolute
    from hardmax.runs.preparation import read_data

    _check_names(options, "option of load_data", READING)
    if batch_size is not None:
        options["batch_size"] = check_whole("batch size", batch_size, 1)
    settings = Settings(data=path, framework=framework, **options)
    dataset = read_data(settings)
    # So that a training repeats it from any folder.
    options = {**options, "data": absolute(path)}
    if isinstance(options.get("test"), str):
        options["test"] = absolute(options["test"])
    _log_notices(dataset)
    # That of the plainest network, as nobody knows which one will be trained.
    plain = Settings(data=path, model="softmax-regression", batch_size=batch_size)
    of_images, of_rows = _classes(framework)
    make = of_images if isinstance(dataset.train, Images) else of_rows
    return make(
        dataset,
        plain.batch(len(dataset.train)),
        source=path,
        options=options,
        reading=Settings(framework=framework, **options).reading,
    )


def _classes(framework: str) -> tuple[type[OwnData[Any, Any]], type[OwnData[Any, Any]]]:
    """Return the framework's classes of own images and of own rows."""
    data = frameworks.load(framework).data
    return data.OwnImages, data.OwnRows


def _log_notices(dataset: Dataset, known: Dataset | None = None) -> None:
    """Log the notices and warnings of a data set that another one did not have."""
    for notice in dataset.notices:
        if known is None or notice not in known.notices:
            log.info(notice)
    for warning in dataset.warnings:
        if known is None or warning not in known.warnings:
            log.warning(warning)


def _auto(
    framework: str,
    data: OwnData[Any, Any],
    callbacks: Sequence[Callback],
    settings: dict[str, Any],
) -> tuple[Any, Any]:
    from hardmax.runs.members import trainer_arguments
    from hardmax.runs.plan import OwnPlan
    from hardmax.runs.preparation import prepared, read_data

    if not isinstance(data, _classes(framework)):
        raise ArgumentError(
            f"auto needs data that load_data of hardmax.{framework} returned, got {data!r}"
        )
    for name in settings:
        if name in READING and name not in TRAINING:
            raise ArgumentError(f"{name} says how data is read; give it to load_data")
    _check_names(settings, "setting of auto", TRAINING)
    options = {**data.options, **settings}
    used = [data]

    def read(asked: Settings) -> Dataset:
        if asked.reading == data.reading:
            return data.dataset
        log.info("%s is read again, as the settings of the training require", data.source)
        dataset = read_data(asked)
        _log_notices(dataset, data.dataset)
        used.append(
            type(data)(
                dataset,
                data.batch_size,
                source=data.source,
                options=data.options,
                reading=asked.reading,
            )
        )
        return dataset

    ready = prepared(Settings(framework=framework, **options), read)
    ready.log_choices(log.info)
    chosen = ready.settings
    backend = frameworks.load(framework)
    network = ready.fitting().fitted_network
    model = backend.models.NetworkClassifier(
        network, ready.dataset.shape, chosen.recipe, chosen.precision
    )
    model.settings = chosen
    trainer = backend.Trainer(**trainer_arguments(chosen), callbacks=callbacks)
    trainer.find_device()  # raises now, not in the fit, if there is none
    plan: Plan = OwnPlan(ready, model, given=data, data=used[-1])
    trainer.plan = plan
    return model, trainer
