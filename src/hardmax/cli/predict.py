"""``hardmax predict``: classify images or table rows with a run."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
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
)
from hardmax.errors import ArgumentError

if TYPE_CHECKING:
    from hardmax.runs.predict import Predictions
    from hardmax.runs.predictions import Batch, Prediction

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
    from hardmax.runs.predict import predict as predict_by_run

    if out is not None:
        _check_out(out, files)
    with predict_by_run(
        run,
        [str(file) for file in files],
        framework,
        costs=costs,
        below=abstain_below,
        coverage=coverage,
        skip_bad=skip_bad,
    ) as predictions:
        for message in predictions.notices:
            notice(message)
        _write(predictions, out, as_json)
        for message in predictions.later():
            notice(message)
    if out is not None and not as_json:
        print(plain(f"predictions {out}"))


def _write(predictions: "Predictions", out: Path | None, as_json: bool) -> None:
    """Print or write the predictions; what is printed as soon as a batch is done."""
    from hardmax.data.parallel import progress_bar
    from hardmax.runs.predictions import open_predictions

    # On one terminal, a bar would disturb what is printed.
    title = None if out is None or as_json else "predicting"
    is_table, decides = predictions.is_table, predictions.decides
    with ExitStack() as stack:
        advance = stack.enter_context(progress_bar(title, predictions.count))
        writers: list[Callable[[Batch], None]] = []
        if out is not None:
            opened = open_predictions(out, is_table=is_table, decides=decides)
            writers.append(stack.enter_context(opened))
        if as_json:
            writers.append(stack.enter_context(_json_array()))
        elif out is None:
            writers.append(_rows_printer(decides) if is_table else _print_lines)
        for batch in predictions.batches:
            for write in writers:
                write(batch)
            advance(len(batch.predictions))


def _print_lines(batch: "Batch") -> None:
    """Print the predictions for images."""
    print(*(plain(_line(prediction)) for prediction in batch.predictions), sep="\n", flush=True)


def _rows_printer(decides: bool) -> Callable[["Batch"], None]:
    """Return a function that prints rows and their predictions as CSV."""
    import io

    from hardmax.data.tables.writing import TableWriter
    from hardmax.runs.predictions import with_predictions

    data = io.BytesIO()
    writer = TableWriter(data, ".csv")

    def print_rows(batch: "Batch") -> None:
        writer.write(with_predictions(batch, decides=decides))
        print(data.getvalue().decode(), end="", flush=True)
        data.seek(0)
        data.truncate()

    return print_rows


@contextmanager
def _json_array() -> Iterator[Callable[["Batch"], None]]:
    """Yield a function that adds predictions to a JSON array, printed if the block has no error.

    Until then it is in a temporary file, because a part of an array is of no use.
    """
    import shutil
    import sys
    from tempfile import TemporaryFile

    from hardmax.runs.record import dumps

    with TemporaryFile("w+", encoding="ascii") as file:
        yield lambda batch: file.writelines(
            f", {dumps(one.as_dict())}" for one in batch.predictions
        )
        file.seek(len(", "))
        print("[", end="")
        shutil.copyfileobj(file, sys.stdout)
        print("]")


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
