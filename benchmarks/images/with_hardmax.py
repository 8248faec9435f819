"""hardmax: ``hardmax train DATA --minutes N`` on PyTorch, everything else by default."""

import tempfile
from pathlib import Path

from benchmarks.images.outcome import Outcome
from hardmax.runs.run import Run
from hardmax.runs.settings import Settings
from hardmax.runs.train import train


def fit(source: str, minutes: float) -> Outcome:
    settings = Settings(data=source, framework="torch", minutes=minutes)
    with tempfile.TemporaryDirectory() as folder:
        trained = train(settings, str(Path(folder) / "run"), baselines=False)
        weights = sum(values.size for values in Run.open(str(trained.path)).weights.values())
    test = trained.test
    return Outcome(
        network=trained.settings.model,
        correct=test.correct,
        count=test.count,
        epochs=len(trained.epochs),
        seconds=sum(epoch["seconds"] or 0.0 for epoch in trained.epochs),
        weights=weights,
    )
