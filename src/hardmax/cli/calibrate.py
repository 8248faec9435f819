"""``hardmax calibrate``: make a run's probabilities mean what they say."""

from typing import TYPE_CHECKING

from hardmax.checks import plain
from hardmax.cli.options import Framework, Json, RunFolder, print_json

if TYPE_CHECKING:
    from hardmax.evaluation.classification import Judgement

__all__ = ["before_and_after", "calibrate"]


def calibrate(run: RunFolder, framework: Framework = None, as_json: Json = False) -> None:
    """Fit a temperature on a run's validation part, and keep it in the run."""
    from hardmax.runs import evaluate

    fitted = evaluate.calibrate(run, framework)
    if as_json:
        print_json(fitted.as_dict())
        return
    changes = before_and_after(fitted.before, fitted.after)
    print(f"temperature {fitted.temperature:.4f}")
    print(f"validation ({fitted.before.count} examples) {changes}")
    print(plain(f"kept in {run}; evaluate and predict apply it"))


def before_and_after(before: "Judgement", after: "Judgement") -> str:
    """Say on one line what a temperature changes."""
    return (
        f"loss {before.loss:.4f} to {after.loss:.4f}, "
        f"ECE {before.calibration_error:.4f} to {after.calibration_error:.4f}"
    )
