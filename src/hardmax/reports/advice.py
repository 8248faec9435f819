"""What to do next after a training, in a sentence or two; ``docs/report.md`` has the rules."""

import math
import shlex
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from hardmax.reports.conclusions import Outcome, failures, percent, result
from hardmax.reports.curves import recipe_of
from hardmax.reports.records import RunRecord
from hardmax.reports.suspects import Suspects
from hardmax.training.contracts import EpochRecord

__all__ = ["GROWN", "Finished", "conclusions"]

#: A loss that is this many times that of guessing has grown, and a smaller learning rate may help.
GROWN = 1.5

#: The most pieces of advice.
MOST = 2

#: A test set is tiny if the 95 % interval of the accuracy is wider than this.
WIDE = 0.2

#: A loss was still falling if it fell by at least this share in the last epoch.
FALLING = 0.02

#: Confidence is off if it is outside of the interval of the accuracy, and by at least this.
OFF = 0.03

#: A network has memorized its training set if it is better on it by this.
MEMORIZED = 0.1

#: Suspects are worth a look if there are this many, and this share of the examples.
SUSPECTS, SUSPECT_SHARE = 5, 0.01

#: A class is rare if it has fewer training examples than this share of the mean of the classes.
RARE = 0.5


@dataclass(frozen=True)
class Finished:
    """A finished training: its record, its history and what its results say.

    ``held_out`` names the set that the history was computed on. Without ``epochs``, it is a later
    evaluation on other data.
    """

    record: RunRecord
    outcome: Outcome
    epochs: Sequence[EpochRecord]
    held_out: str
    suspects: Sequence[Suspects]

    @property
    def setting(self) -> Callable[..., object]:
        """Returns the value of a setting by its name, or the given default."""
        return self.record["settings"].get


def conclusions(finished: Finished) -> list[str]:
    """Return how good a network is, where it fails, and what to do next."""
    if finished.outcome.has_one_class:
        return [result(finished.outcome)]
    found = (rule(finished) for rule in RULES)
    advice = [sentence for sentence in found if sentence][:MOST]
    if not advice:
        advice = [_nothing(finished)]
    sentences = [result(finished.outcome), failures(finished.outcome), " ".join(advice)]
    return [sentence for sentence in sentences if sentence]


def _leak(finished: Finished) -> str:
    leaks = finished.record["data"]["preprocessing"].get("leaks")
    if not isinstance(leaks, dict) or not leaks:
        return ""
    name, count = next(iter(leaks.items()))
    return (
        f"Column {name} alone gives the class away: it classifies {count} training rows correctly. "
        "If it is not known when new rows are classified, these figures do not hold for them: "
        f"train again with --drop {shlex.quote(name)}."
    )


def _interrupted(finished: Finished) -> str:
    if not (finished.epochs and finished.record["results"]["interrupted"]):
        return ""
    return "The training was interrupted: let it run to the end."


def _diverged(finished: Finished) -> str:
    if not finished.epochs or finished.outcome.has_skill:
        return ""
    loss = finished.epochs[-1]["train_loss"]
    guessing = math.log(len(finished.outcome.evaluation.classes))
    if loss is not None and loss <= GROWN * guessing:
        return ""
    shown = "not finite" if loss is None or not math.isfinite(loss) else f"{loss:.3g}"
    recipe = recipe_of(finished.record["settings"])
    return (
        f"The network learned nothing: its training loss ended at {shown}, and guessing gives "
        f"{guessing:.3g}. Train with a smaller learning rate (--lr {recipe.smaller_rate:g})"
        f"{', and for more epochs' if len(finished.epochs) == 1 else ''}."
    )


def _tiny(finished: Finished) -> str:
    evaluation = finished.outcome.evaluation
    if evaluation.interval is None or np.diff(evaluation.interval)[0] <= WIDE:
        return ""
    low, high = evaluation.interval
    return (
        f"Test on more {finished.outcome.examples}: with {evaluation.count}, the accuracy on new "
        f"ones may be anything from {percent(low)} to {percent(high)}."
    )


def _unfinished(finished: Finished) -> str:
    epochs = finished.epochs
    if not epochs or finished.record["results"]["stopped_early"]:
        return ""
    if len(epochs) == 1 and "members" not in finished.record["results"]:
        return "Train for more epochs: it was trained for one only."
    losses = [epoch["val_loss"] for epoch in epochs if epoch["val_loss"] is not None]
    if len(losses) < 2 or min(losses) < losses[-1] or not losses[-1] < (1 - FALLING) * losses[-2]:
        return ""
    training = epochs[-1]["train_loss"]
    # At the end of a schedule the loss falls because the rate does, also if all is learned.
    is_learned = training is None or training < losses[-1]
    if finished.setting("schedule", "constant") != "constant" and is_learned:
        return ""
    return (
        f"Train for more epochs: the {finished.held_out} loss was still falling at the end, from "
        f"{losses[-2]:.3g} to {losses[-1]:.3g} in the last epoch."
    )


def _no_skill(finished: Finished) -> str:
    if finished.outcome.has_skill:
        return ""
    return (
        "Before training longer, check that each label belongs to its example, and that a person "
        f"could tell the classes of a few {finished.outcome.examples} apart."
    )


def _baseline(finished: Finished) -> str:
    best = finished.outcome.baseline
    if best is None or not finished.outcome.has_skill or finished.outcome.baseline_lead <= 0:
        return ""
    return f"Use {best['name']}, which is better and simpler, or try another model."


def _weak_class(finished: Finished) -> str:
    outcome = finished.outcome
    if not outcome.has_skill or not outcome.weak:
        return ""
    weakest = outcome.weak[0]
    name, (other, _) = outcome.name(weakest), outcome.taken_for(weakest)
    counts = finished.record["data"].get("class_counts", {}).get("train")
    if counts is not None and counts[int(weakest.value)] < RARE * sum(counts) / len(counts):
        count = counts[int(weakest.value)]
        weights = ", or give all classes the same total weight (--class-weights balanced)"
        has_weights = finished.setting("balanced") or finished.setting("class_weights")
        return (
            f"Collect more examples of {name}, of which only {count} of {sum(counts)} training "
            f"{outcome.examples} are{'' if has_weights else weights}."
        )
    labeled = sum(one.label == name for part in finished.suspects for one in part.found)
    check = f", and check the labels of the {labeled} of {name} that are suspects"
    return f"Collect more examples that show {name} beside {other}{check if labeled else ''}."


def _confidence(finished: Finished) -> str:
    evaluation, record = finished.outcome.evaluation, finished.record
    confidence, gap = _mean_confidence(finished)
    if abs(gap) < OFF or not finished.outcome.has_skill or _unfinished(finished):
        return ""
    if evaluation.interval is not None:
        low, high = evaluation.interval
        if low <= confidence <= high:
            return ""
    if "calibration" in record:
        remedy = "although they were calibrated, so that these examples differ from the others"
    elif record["data"]["validation"]:
        remedy = "so calibrate them: hardmax calibrate RUN"
    else:
        remedy = "so train with --validation 0.1, then calibrate them: hardmax calibrate RUN"
    return (
        f"The probabilities are too {'high' if gap > 0 else 'low'}: that of the predicted class is "
        f"{percent(confidence)} on average, {remedy}."
    )


def _mean_confidence(finished: Finished) -> tuple[float, float]:
    """Return the mean confidence, and how much higher it is than the accuracy."""
    evaluation = finished.outcome.evaluation
    mean = float(np.average(evaluation.confidence, weights=evaluation.example_weights))
    return mean, mean - evaluation.accuracy


def _labels(finished: Finished) -> str:
    found = sum(len(part.found) for part in finished.suspects)
    count = sum(part.count for part in finished.suspects)
    if found < max(SUSPECTS, SUSPECT_SHARE * count) or not finished.outcome.has_skill:
        return ""
    return (
        f"Check the labels of the {found} {finished.outcome.examples} that are suspects; the most "
        "suspicious are listed below."
    )


def _memorized(finished: Finished) -> str:
    if not finished.epochs or not finished.outcome.has_skill:
        return ""
    training = finished.epochs[-1]["train_accuracy"]
    if training is None or training - finished.outcome.evaluation.accuracy < MEMORIZED:
        return ""
    can_augment = finished.outcome.examples == "images" and (
        finished.setting("augment", "none") == "none"
    )
    augment = ", or change them at random (--augment auto)" if can_augment else ""
    return (
        f"Train on more {finished.outcome.examples}{augment}: {percent(training)} of those in "
        "training were classified correctly in the last epoch."
    )


def _nothing(finished: Finished) -> str:
    confidence, gap = _mean_confidence(finished)
    if abs(gap) >= OFF:
        return "Nothing needs to be mended; more training examples are the surest way to improve."
    return (
        "Nothing needs to be mended, and the probabilities can be taken at face value: that of the "
        f"predicted class is {percent(confidence)} on average."
    )


#: The rules, the most important first.
RULES: tuple[Callable[[Finished], str], ...] = (
    *(_leak, _interrupted, _diverged, _tiny, _unfinished, _no_skill),
    *(_baseline, _weak_class, _confidence, _labels, _memorized),
)
