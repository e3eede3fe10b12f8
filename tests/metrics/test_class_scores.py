"""Scores of what is conditioned on classes: of each class its own."""

import pytest
import torch

from atelier.metrics import metrics
from atelier.metrics.base import Evidence, Seen
from atelier.metrics.features import open_network

CENTRES = torch.tensor([[0.0, 0.0], [9.0, 0.0], [0.0, 9.0]])


def evidence(real: torch.Tensor, generated: torch.Tensor, shown: torch.Tensor) -> Evidence:
    """Of real classes, and pictures asked to be of a class that show another."""
    random = torch.Generator().manual_seed(0)
    first = Seen(CENTRES[real] + torch.randn(len(real), 2, generator=random), labels=real)
    second = Seen(CENTRES[shown] + torch.randn(len(shown), 2, generator=random), labels=generated, told=shown)
    network = open_network("lite0", None, torch.device("cpu"))  # type: ignore[arg-type]
    return Evidence(network, 0, len(generated), lambda: second, see_real=lambda: first)


LABELS = torch.arange(300) % 3


def test_a_generator_that_ignores_its_condition_is_seen_by_both_and_by_no_fid() -> None:
    obeying, ignoring = evidence(LABELS, LABELS, LABELS), evidence(LABELS, LABELS, LABELS.roll(1))
    assert metrics["fid"].measure(ignoring).value == pytest.approx(metrics["fid"].measure(obeying).value, abs=0.5)
    assert metrics["class_fid"].measure(obeying).value < 0.5
    assert metrics["class_fid"].measure(ignoring).value > 50
    assert metrics["class_accuracy"].measure(obeying).value == 1
    assert metrics["class_accuracy"].measure(ignoring).value == 0


def test_accuracy_has_the_error_of_a_share_and_tells_of_each_class() -> None:
    found = metrics["class_accuracy"].measure(evidence(LABELS, LABELS, torch.where(LABELS == 2, 0, LABELS)))
    assert found.value == pytest.approx(2 / 3)
    assert found.error == pytest.approx((2 / 9 / 300) ** 0.5)
    assert found.details["of_classes"] == {"0": 1, "1": 1, "2": 0}


def test_small_classes_are_left_out_and_too_small_ones_refused() -> None:
    labels = torch.cat([LABELS, torch.tensor([3] * 9)])
    extended = torch.cat([CENTRES, torch.zeros(1, 2)])
    real = Seen(extended[labels] + torch.randn(len(labels), 2), labels=labels)
    network = open_network("lite0", None, torch.device("cpu"))  # type: ignore[arg-type]
    found = metrics["class_fid"].measure(Evidence(network, 0, 309, lambda: real, see_real=lambda: real))
    assert found.conventions["classes"] == 3
    few = Seen(torch.randn(20, 2), labels=torch.arange(20))
    with pytest.raises(ValueError, match="no class has 10 pictures"):
        metrics["class_fid"].measure(Evidence(network, 0, 20, lambda: few, see_real=lambda: real))
