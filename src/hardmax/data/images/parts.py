"""The names by which folders of images are the training, validation or test set."""

import re

from hardmax.checks import listed, shortened
from hardmax.errors import DataError

__all__ = ["TEST", "TRAIN", "VALIDATION", "check_classes", "choose_parts", "part_named"]

TRAIN, VALIDATION, TEST = "train", "validation", "test"

#: The usual names of each part, in lowercase, and what may follow them.
NAMES = {
    TRAIN: ("train", "training"),
    VALIDATION: ("val", "valid", "validation", "dev"),
    TEST: ("test", "testing"),
}
ENDINGS = ("", "set", "data", "dataset", "images")

PARTS = {
    name + ending: part for part, names in NAMES.items() for name in names for ending in ENDINGS
}

LAYOUT = "use train/CLASS/*.png (or .jpg, ...) and test/CLASS/*.png"


def part_named(folder: str) -> str | None:
    """Return the part that a folder's name stands for, such as ``Training_Set``, or None.

    Case, hyphens, underscores, spaces and digits (``train2017``) do not matter.
    """
    return PARTS.get(re.sub(r"[\W\d_]+", "", folder).lower())


def part_mentioned(folder: str) -> str | None:
    """Return the part that a word of a folder's name stands for, such as ``seg_train``, or None."""
    words = re.findall(r"[A-Z]?[a-z]+|[A-Z]+", folder)
    return next((PARTS[word.lower()] for word in words if word.lower() in PARTS), None)


def choose_parts(root: str, folders: list[str], others: list[str]) -> dict[str, str]:
    """Return the folders of the parts by their names; the test set may be a validation folder.

    ``folders`` are those with the name of a part and with subfolders, ``others`` further ones with
    images. Raises DataError if it is unclear which folders are the parts.
    """
    chosen: dict[str, str] = {}
    for part in (TRAIN, VALIDATION, TEST):
        names = [folder for folder in folders if part_named(folder) == part]
        if len(names) > 1:
            raise DataError(
                f"{root} has more than one folder for the {part} set: {listed(names)}; merge them, "
                "or move all but one elsewhere"
            )
        if names:
            chosen[part] = names[0]
    if TRAIN not in chosen:
        raise DataError(
            f"{root} has a folder {listed(chosen.values())} with subfolders, but no train "
            "folder beside it; add it, or, if these folders are classes, rename them"
        )
    if TEST not in chosen and VALIDATION in chosen:
        chosen[TEST] = chosen.pop(VALIDATION)
    if [*chosen] == [TRAIN] and others:
        raise DataError(
            f"{root} has a folder {chosen[TRAIN]} with subfolders, like a training set, beside "
            f"other folders with images: {listed(others)}; {LAYOUT}, or move the others elsewhere"
        )
    return chosen


def check_classes(root: str, folders: dict[str, set[str]]) -> None:
    """Raise DataError if folders look like a training and a test set, or have such subfolders.

    ``folders`` has the subfolders of each.
    """
    for name, inner in folders.items():
        parts = {part_named(subfolder) for subfolder in inner}
        if TRAIN in parts and parts & {TEST, VALIDATION}:
            raise DataError(
                f"{root}: the folder {shortened(name)} has the folders {listed(sorted(inner))}, "
                f"like a training and a test set, whose images would be mixed; {LAYOUT}"
            )
    named = {name: part_named(name) for name in folders}
    alike = {
        name: part or part_mentioned(name)
        for name, part in named.items()
        if part or (folders[name] and part_mentioned(name))
    }
    if TRAIN in alike.values() and len({*alike.values()}) > 1 and 2 * len(alike) >= len(folders):
        raise DataError(
            f"{root}: the folders {listed(alike)} look like a training and a test set, not like "
            f"classes; {LAYOUT}, or rename the folders if they are classes"
        )
