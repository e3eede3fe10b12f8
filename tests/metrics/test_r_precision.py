"""R-precision: captions are told where pictures show them, and by chance where they do not."""

import pytest
import torch

from atelier.metrics import metrics
from atelier.metrics.base import Evidence, Seen
from atelier.metrics.features import open_network
from atelier.metrics.r_precision import CHOICES

TEXTS = [f"text {index}" for index in range(200)]
SENTENCES = torch.randn(200, 32, generator=torch.Generator().manual_seed(0))
LOOK = torch.randn(32, 48, generator=torch.Generator().manual_seed(1))


def measured(shuffled: bool) -> tuple[float, float, float | None]:
    """Features are a linear look at what the captions say, with some noise."""
    random = torch.Generator().manual_seed(2)

    def pictures(count: int) -> Seen:
        rows = torch.randint(200, (count,), generator=random)
        features = SENTENCES[rows] @ LOOK + 0.3 * torch.randn(count, 48, generator=random)
        said = rows[torch.randperm(count, generator=random)] if shuffled else rows
        return Seen(features, captions=[TEXTS[row] for row in said.tolist()])

    real, generated = pictures(1500), pictures(150)
    if shuffled:
        random = torch.Generator().manual_seed(3)
    places = {text: index for index, text in enumerate(TEXTS)}
    evidence = Evidence(
        open_network("lite0", None, torch.device("cpu")),  # type: ignore[arg-type]
        0,
        150,
        lambda: generated,
        see_real=lambda: real,
        read=lambda texts: SENTENCES[[places[text] for text in texts]],
        reader="the test",
    )
    found = metrics["r_precision"].measure(evidence)
    assert found.conventions["sentences"] == "the test"
    return found.value, found.details["real"], found.error


def test_pictures_that_show_their_captions_are_told_by_them() -> None:
    value, real, error = measured(shuffled=False)
    assert value > 0.9
    assert real > 0.9
    assert error is not None
    assert error < 0.05


def test_by_chance_it_is_one_of_a_hundred() -> None:
    value, real, _ = measured(shuffled=True)
    assert value == pytest.approx(1 / CHOICES, abs=0.03)
    assert real == pytest.approx(1 / CHOICES, abs=0.03)
