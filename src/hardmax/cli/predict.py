"""``hardmax predict``: classify images or table rows with a run."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hardmax.checks import plain
from hardmax.cli.options import (
    AbstainBelow,
    CostsFile,
    Framework,
    Json,
    RunFolder,
    notice,
    print_json,
)
from hardmax.errors import ArgumentError

if TYPE_CHECKING:
    from hardmax.runs.predict import ImagePredictions, TablePredictions
    from hardmax.runs.predictions import Prediction

__all__ = ["predict"]


def predict(
    run: RunFolder,
    files: Annotated[
        list[Path],
        typer.Argument(
            metavar="FILE...",
            help="Image files, folders of them and patterns such as 'photos/**/*.jpg', or one "
            "table.",
        ),
    ],
    framework: Framework = None,
    costs: CostsFile = None,
    abstain_below: AbstainBelow = None,
    coverage: Annotated[
        float | None,
        typer.Option(
            metavar="P",
            help="Also predict the set of classes that has the true one with probability P; "
            "requires a run that was trained with a validation set.",
        ),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            dir_okay=False,
            help="File to write the predictions to (.csv, .tsv, .parquet or .jsonl); those for a "
            "table follow its columns.  [default: stdout]",
        ),
    ] = None,
    skip_bad: Annotated[
        bool, typer.Option("--skip-bad", help="Skip image files that cannot be read.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Predict the classes of images or of the rows of a table."""
    from hardmax.runs.predict import ImagePredictions
    from hardmax.runs.predict import predict as predict_by_run

    if out is not None:
        _check_out(out, files)
    predictions = predict_by_run(
        run,
        [str(file) for file in files],
        framework,
        costs=costs,
        below=abstain_below,
        coverage=coverage,
        skip_bad=skip_bad,
    )
    for message in predictions.notices:
        notice(message)
    if isinstance(predictions, ImagePredictions):
        _write_images(predictions, out, as_json)
    else:
        _write_table(predictions, out, as_json)
    if out is not None and not as_json:
        print(plain(f"predictions {out}"))


def _write_images(predictions: "ImagePredictions", out: Path | None, as_json: bool) -> None:
    """Print or write the predictions for images; lines as soon as a batch is done."""
    from hardmax.data.parallel import progress_bar
    from hardmax.runs.predictions import open_predictions

    # On one terminal, a bar would disturb what is printed.
    title = None if out is None or as_json else "predicting"
    with ExitStack() as stack:
        batches = stack.enter_context(closing(predictions.batches))
        advance = stack.enter_context(progress_bar(title, len(predictions.images.files)))
        if out is not None:
            write = stack.enter_context(open_predictions(out, decides=predictions.decides))
        if as_json:
            add = stack.enter_context(_json_array())
        for batch in batches:
            if out is not None:
                write(batch)
            if as_json:
                add(batch)
            elif out is None:
                print(*(plain(_line(prediction)) for prediction in batch), sep="\n", flush=True)
            advance(len(batch))
    for message in predictions.images.notices:
        notice(message)


@contextmanager
def _json_array() -> Iterator[Callable[[Sequence["Prediction"]], None]]:
    """Yield a function that adds predictions to a JSON array, printed if the block has no error.

    Until then it is in a temporary file, because a part of an array is of no use.
    """
    import shutil
    import sys
    from tempfile import TemporaryFile

    from hardmax.runs.record import dumps

    with TemporaryFile("w+", encoding="ascii") as file:
        yield lambda batch: file.writelines(f", {dumps(one.as_dict())}" for one in batch)
        file.seek(len(", "))
        print("[", end="")
        shutil.copyfileobj(file, sys.stdout)
        print("]")


def _write_table(predictions: "TablePredictions", out: Path | None, as_json: bool) -> None:
    from hardmax.data.tables.writing import table_bytes
    from hardmax.files import write_whole

    if out is not None:
        write_whole(out, table_bytes(predictions.table, out.suffix.lower()))
    if as_json:
        print_json([prediction.as_dict() for prediction in predictions.all])
    elif out is None:
        print(table_bytes(predictions.table, ".csv").decode(), end="")


def _check_out(out: Path, files: list[Path]) -> None:
    """Raise ArgumentError if ``out`` has an unsupported ending or is one of the inputs."""
    from hardmax.data.tables.writing import WRITABLE

    if out.suffix.lower() not in WRITABLE:
        raise ArgumentError(f"--out must end in {', '.join(WRITABLE)}, got {out}")
    if any(out.exists() and file.exists() and out.samefile(file) for file in files):
        raise ArgumentError(f"--out {out} is also an input; choose another file")


def _line(prediction: "Prediction") -> str:
    """Return the decision, and what follows from it, on one line.

    The most likely class is added if that is a different one, and the prediction set if there is.
    """
    from hardmax.runs.predictions import as_text

    details = f"{prediction.probability:.4f}"
    if prediction.decision != prediction.label:
        details = f"{prediction.label} {details}"
    decision = "abstained" if prediction.decision is None else prediction.decision
    line = f"{prediction.file}: {decision} ({details})"
    if prediction.prediction_set is None:
        return line
    return f"{line}, set {as_text(prediction.prediction_set)}"
