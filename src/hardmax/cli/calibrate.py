"""``hardmax calibrate``: calibrate the probabilities of a run."""

from typing import TYPE_CHECKING

from hardmax.checks import plain
from hardmax.cli.lines import print_figures
from hardmax.cli.options import Framework, Json, RunFolder, print_json

if TYPE_CHECKING:
    from hardmax.evaluation.classification import ClassifierEvaluation

__all__ = ["before_and_after", "calibrate"]


def calibrate(run: RunFolder, framework: Framework = None, as_json: Json = False) -> None:
    """Fit a temperature on the validation set of a run; save it in the run and its report."""
    from hardmax.runs.calibrate import calibrate as calibrate_run

    calibration = calibrate_run(run, framework)
    if as_json:
        print_json(calibration.as_dict())
        return
    changes = before_and_after(calibration.before, calibration.after)
    print(f"temperature {calibration.temperature:.4f}")
    print_figures(f"validation ({calibration.before.count} examples) {changes}")
    print(plain(f"saved in {run}; evaluate, predict and export will use it"))


def before_and_after(before: "ClassifierEvaluation", after: "ClassifierEvaluation") -> str:
    """Return the loss and the ECE before and after scaling by a temperature, on one line."""
    return (
        f"loss {before.loss:.4f} to {after.loss:.4f}, "
        f"ECE {before.calibration_error:.4f} to {after.calibration_error:.4f}"
    )
