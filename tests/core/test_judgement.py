"""Every metric against scikit-learn, and against itself for other blocks."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn import metrics

from hardmax.judgement import Scored
from hardmax.metrics import log_softmax


@st.composite
def scored(draw):
    n, classes = draw(st.integers(1, 30)), draw(st.integers(2, 5))
    rng = np.random.default_rng(draw(st.integers(0, 10**6)))
    scale = draw(st.sampled_from([1, 3, 1e4]))
    scores = rng.integers(-2, 3, (n, classes)) * scale
    labels = rng.integers(0, draw(st.integers(1, classes)), n)
    return scores.astype(float), labels, rng.integers(1, 4, n).astype(float)


@given(scored(), st.integers(0, 30))
def test_metrics_are_scikit_learns_and_the_same_for_any_split(data, cut):
    scores, labels, weights = data
    classes = scores.shape[1]
    whole, split = Scored(classes), Scored(classes)
    whole.add(*data)
    for part in (slice(None, cut), slice(cut, None)):
        split.add(scores[part], labels[part], weights[part])
    result = whole.as_dict()
    assert result == split.as_dict()
    decided, p, kw = scores.argmax(1), np.exp(log_softmax(scores)), {"sample_weight": weights}
    assert result["accuracy"] == pytest.approx(metrics.accuracy_score(labels, decided, **kw))
    kinds = {"labels": range(classes), "zero_division": 0}
    truth = metrics.precision_recall_fscore_support(labels, decided, **kinds, **kw)
    for name, values in zip(("precision", "recall", "f1", "support"), truth, strict=True):
        assert [x or 0 for x in result["classes"][name]] == pytest.approx(list(values))
    for mean in ("macro", "weighted"):
        truth = metrics.precision_recall_fscore_support(
            labels, decided, average=mean, zero_division=0, **kw
        )
        assert list(result[mean].values()) == pytest.approx(list(truth[:3]))
    if result["kappa"] is not None:
        assert result["kappa"] == pytest.approx(
            metrics.cohen_kappa_score(labels, decided, **kw), abs=1e-9
        )
    if result["matthews"] is not None:
        truth = metrics.matthews_corrcoef(labels, decided, **kw)
        assert result["matthews"] == pytest.approx(truth, abs=1e-9)
    for k in range(classes):
        hit = labels == k
        if hit.any():
            assert result["average_precision"][k] == pytest.approx(
                metrics.average_precision_score(hit, p[:, k], **kw)
            )
        if hit.any() and not hit.all():
            assert result["roc_auc"][k] == pytest.approx(metrics.roc_auc_score(hit, p[:, k], **kw))
    parts = result["brier"]
    one_hot = labels[:, None] == np.arange(classes)
    assert parts["score"] == pytest.approx(np.average(((p - one_hot) ** 2).sum(1), weights=weights))
