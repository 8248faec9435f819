"""The outputs of an exported run: the label, the probabilities, the scores and the decision."""

from dataclasses import dataclass

import numpy as np

from hardmax.evaluation.decision_rules import Costs
from hardmax.export.graph import DOUBLE, FLOAT, STRING, Graph

__all__ = ["DECISION", "LABEL", "OUTPUTS", "PROBABILITIES", "SCORES", "Answers"]

OUTPUTS = LABEL, PROBABILITIES, SCORES, DECISION = "label", "probabilities", "scores", "decision"

ROWS = "examples"


@dataclass(frozen=True)
class Answers:
    """How scores become answers.

    Probabilities are calibrated by the ``temperature``. Decisions minimize the expected ``costs``,
    or abstain ``below`` a probability; without either there are none.
    """

    classes: tuple[str, ...]
    temperature: float = 1.0
    costs: Costs | None = None
    below: float | None = None

    @property
    def decides(self) -> bool:
        """Whether there is a rule for decisions."""
        return self.costs is not None or self.below is not None

    def add(self, graph: Graph, scores: str) -> None:
        """Add the outputs for scores, float32 (examples, classes).

        Abstaining is an empty decision.
        """
        classes = len(self.classes)
        # In float64, as in hardmax, so that different scores keep different probabilities.
        exact = graph.op("Cast", scores, to=DOUBLE)
        warm = graph.op("Div", exact, graph.constant(self.temperature, np.float64))
        probabilities = graph.op("Softmax", warm, axis=1)
        label = self._named(graph, "ArgMax", scores, self.classes)
        graph.output(LABEL, label, STRING, ROWS)
        plain = graph.op("Cast", probabilities, to=FLOAT)
        graph.output(PROBABILITIES, plain, FLOAT, ROWS, classes)
        graph.output(SCORES, scores, FLOAT, ROWS, classes)
        if self.decides:
            graph.output(DECISION, self._decision(graph, probabilities, label), STRING, ROWS)

    def _decision(self, graph: Graph, probabilities: str, label: str) -> str:
        if self.costs is not None:
            expected = graph.op("MatMul", probabilities, graph.constant(self.costs.matrix))
            return self._named(graph, "ArgMin", expected, self.costs.decisions)
        highest = graph.op("ReduceMax", probabilities, graph.constant([1]), keepdims=0)
        is_low = graph.op("Less", highest, graph.constant(self.below, np.float64))
        return graph.op("Where", is_low, graph.constant("", object), label)

    @staticmethod
    def _named(graph: Graph, kind: str, values: str, names: tuple[str, ...]) -> str:
        """Return the name at the place of each row's largest or smallest value."""
        places = graph.op(kind, values, axis=1, keepdims=0)
        return graph.op("Gather", graph.constant(names, object), places)
