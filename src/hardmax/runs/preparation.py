"""Reads the data of a training, and chooses what its settings leave to the data or to a run."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from hardmax.data import load, problems
from hardmax.data.datasets import Dataset, Examples, Vectors
from hardmax.data.equality import repeated
from hardmax.data.row_encoding import ordered_features
from hardmax.errors import ArgumentError
from hardmax.networks.pretrained import SIDE, backbone
from hardmax.runs import auto
from hardmax.runs.fitting import Fitting
from hardmax.runs.pace import MOST_EPOCHS
from hardmax.runs.run import Run
from hardmax.runs.settings import AUTO, Settings
from hardmax.runs.warm_start import WarmStart, continued, warm_start
from hardmax.training.precision import BFLOAT16

__all__ = ["Prepared", "prepared", "read_data"]


@dataclass(frozen=True)
class Prepared:
    """What a training needs: ``settings`` in which nothing is left to choose, and the data.

    ``asked`` are the settings before that; ``start`` is the network to go on from, if any.
    """

    asked: Settings
    settings: Settings
    dataset: Dataset
    start: WarmStart | None

    @property
    def ordered(self) -> tuple[int, ...] | None:
        """The positions of the features that are scaled numbers, if known."""
        return ordered_features(self.dataset.encoding)

    @property
    def held_out(self) -> Examples:
        """The examples that each epoch is evaluated on, if there are no folds."""
        return self.dataset.validation or self.dataset.test

    @property
    def held_out_name(self) -> str:
        """What the epochs are evaluated on: ``folds``, ``validation set`` or ``test set``."""
        if self.settings.folds is not None:
            return "folds"
        return "test set" if self.dataset.validation is None else "validation set"

    def fitting(self, **options: Any) -> Fitting:
        """Return the fit of the networks; ``options`` are further arguments of ``Fitting``."""
        return Fitting(
            self.settings,
            self.dataset.train,
            self.held_out,
            classes=self.dataset.classes,
            ordered=self.ordered,
            class_weights=self.settings.class_weights,
            start=self.start,
            **options,
        )

    def log_choices(self, log: Callable[[str], None]) -> None:
        """Log what was chosen beyond what was asked for."""
        asked, settings = self.asked, self.settings
        is_narrow = asked.precision == AUTO and settings.precision == BFLOAT16
        precision = ", precision bfloat16" * is_narrow
        if self.start is not None:
            model, epochs = settings.model, settings.epochs
            log(f"{model}, {epochs} epochs{precision}: {self.start.described}")
            self._log_splits(log)
        elif asked.model == AUTO or asked.pretrained is not None:
            log(auto.described(settings) + precision)
        elif is_narrow:
            log(f"{settings.model}{precision}")
        if asked.minutes is not None:
            epochs, most = settings.epochs, settings.epochs == MOST_EPOCHS
            limit = ", the most that --minutes chooses" if most else ""
            same = f"--epochs {epochs}"
            if settings.widths != asked.widths:
                same = f"--widths {','.join(map(str, settings.widths or ()))} {same}"
            log(f"{asked.minutes:g} minutes: {epochs} epochs{limit}; {same} repeats it")

    def _log_splits(self, log: Callable[[str], None]) -> None:
        """Log that a run may have been trained on images of the sets that are split off."""
        sets = ["test"] * ("split_off" in self.dataset.preprocessing)
        sets += ["validation"] * (self.settings.validation is not None)
        if sets:
            log(
                f"images were split off at random for the {' and the '.join(sets)} set; if "
                f"{self.asked.from_run} was trained on some of them, their accuracy is too high"
            )


def read_data(settings: Settings) -> Dataset:
    """Return the data of a training, with warnings also of what may be wrong with its contents.

    Raises DataError or ArgumentError for data that cannot be read, or not with these settings.
    """
    dataset = load.load(settings.data, settings.reading)
    is_split = "split_off" in dataset.preprocessing
    is_by_time = is_split and settings.time is not None
    found = problems.of_dataset(
        dataset, is_split=is_split and not is_by_time, is_split_by_time=is_by_time
    )
    return replace(dataset, warnings=(*dataset.warnings, *found))


def prepared(
    asked: Settings,
    read: Callable[[Settings], Dataset] = read_data,
    chosen: Settings | None = None,
) -> Prepared:
    """Read the data of a training with the function ``read``, and choose what is left open.

    ``chosen`` are the settings of a training that is resumed, in which that was done. Raises
    DataError or RunError for data, weights or a run that cannot be read, and ArgumentError for
    settings that do not suit the data.
    """
    settings, former = asked, None
    if asked.from_run is not None:
        _check_no_table(asked, "--from")
        former = Run.open(asked.from_run)
        settings = continued(asked, former)
    if asked.pretrained is not None:
        _check_no_table(asked, "--pretrained")
        # So that missing weights are found before the images are read.
        backbone(asked.model, asked.pretrained, (SIDE, SIDE, 3))
    dataset = read(settings)
    if "split_off" not in dataset.preprocessing:
        dataset = _with_folds_like_test(dataset)
    start = None if former is None else warm_start(settings, former, dataset.classes)
    ready = Prepared(asked, settings, dataset, start)
    if chosen is not None:
        return replace(ready, settings=chosen)
    settings = auto.chosen(
        settings,
        dataset.train,
        ready.ordered,
        classes=dataset.classes,
        has_validation=dataset.validation is not None,
        held_out=ready.held_out,
        network=None if start is None else start.network,
    )
    return replace(ready, settings=settings)


def _with_folds_like_test(dataset: Dataset) -> Dataset:
    """Return a data set whose training rows are copies of no others if the test set has some, too.

    Folds should tell how well a network does on the given test set. If this has about as many rows
    of the training set as that has equal ones in itself, so should a fold have of the other folds;
    but not if it has so many that its accuracy is too high.
    """
    train = dataset.train
    if not isinstance(train, Vectors) or not dataset.has_test:
        return dataset
    usual = repeated(train.groups).mean()
    if not usual:
        return dataset
    common = np.isin(dataset.test.keys, train.keys).mean()
    if common < usual / 2 or problems.is_leaking(dataset):
        return dataset
    return replace(dataset, train=replace(train, copies=np.arange(len(train))))


def _check_no_table(settings: Settings, option: str) -> None:
    if load.is_table(settings.data) and settings.files is None:
        raise ArgumentError(
            f"{settings.data} is a table; {option} is for networks on images; leave it out"
        )
