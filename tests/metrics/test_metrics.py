"""What holds for every metric there is, those to come included."""

import json
import math
from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from atelier.metrics import metrics
from atelier.metrics.base import NEEDS, PERCEPTUAL, Evidence, Found, Metric, Seen, error_by_parts, metric
from atelier.metrics.features import FeatureNetwork
from atelier.metrics.frechet import Gaussian
from atelier.models import architectures
from atelier.models.base import Generator, ImageSpec

N, D, CLASSES = 120, 12, 3


class Small(FeatureNetwork):
    """A linear look at pictures, with as many classes as features."""

    name, title, dim, classes, resize = "small", "Small", D, D, "none"

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.weights = torch.nn.Parameter(torch.randn(D, 3 * 16 * 16) / 16, requires_grad=False)

    def forward(self, images: Tensor) -> Tensor:
        values = images.float() / 127.5 - 1 if images.dtype == torch.uint8 else images
        return values.expand(-1, 3, -1, -1).flatten(1) @ self.weights.mT

    def logits(self, features: Tensor) -> Tensor:
        return features


@pytest.fixture(scope="module")
def generator() -> Generator:
    cls = architectures["stylegan"]
    torch.manual_seed(1)
    return cls(cls.hyperparameters("debug"), ImageSpec(3, 16)).generator.eval().requires_grad_(False)


def seen(seed: int, shift: float = 0.0) -> Seen:
    random = torch.Generator().manual_seed(seed)
    labels = torch.randint(CLASSES, (N,), generator=random)
    features = torch.randn(N, D, generator=random) + shift
    return Seen(features, labels=labels, captions=[f"a {label}" for label in labels.tolist()], told=labels.roll(1))


@pytest.fixture(scope="module")
def evidence(generator: Generator) -> Callable[..., Evidence]:
    network = Small().eval()

    def make(metric: Metric, *, shift: float = 0.5) -> Evidence:
        """With what the metric says it needs, and nothing else."""
        real = seen(1)
        bare = Seen(None, gaussian=real.gaussian)
        words = torch.randn(CLASSES, 6, generator=torch.Generator().manual_seed(3))
        return Evidence(
            network,
            7,
            N,
            lambda: seen(2, shift),
            see_real=(lambda: real) if "real" in metric.needs else (lambda: bare) if "statistics" in metric.needs else None,
            open_perceptual=(lambda: network) if "perceptual" in metric.needs else None,
            draw_pictures=lambda count: torch.randint(
                0, 256, (count, 3, 16, 16), dtype=torch.uint8, generator=torch.Generator().manual_seed(4)
            ),
            generator=generator if "generator" in metric.needs else None,
            inputs=generator.inputs if "generator" in metric.needs else None,
            read=(lambda texts: words[: len(texts)]) if "captions" in metric.needs else None,
        )

    return make


@pytest.mark.parametrize("name", metrics)
def test_a_metric_says_what_it_is_and_finds_a_number_with_what_it_needs(name: str, evidence: Callable[..., Evidence]) -> None:
    metric = metrics[name]
    assert metric.summary.endswith(".")
    assert metric.paper.startswith("https://arxiv.org/abs/")
    assert metric.needs <= NEEDS.keys()
    found = metric.measure(evidence(metric))
    assert math.isfinite(found.value)
    assert found.error is None or found.error > 0
    assert (found.error is None) == ("error_by" not in found.details)
    assert json.loads(json.dumps(dict(found.conventions))) == dict(found.conventions)
    json.dumps(dict(found.details), allow_nan=False)


@pytest.mark.parametrize("name", metrics)
def test_the_same_seed_finds_the_same(name: str, evidence: Callable[..., Evidence]) -> None:
    metric = metrics[name]
    assert metric.measure(evidence(metric)).value == metric.measure(evidence(metric)).value


@pytest.mark.parametrize("name", ["fid", "kid", "fid_infinity", "class_fid"])
def test_distances_grow_with_what_is_between_the_sets(name: str, evidence: Callable[..., Evidence]) -> None:
    metric = metrics[name]
    near, far = (metric.measure(evidence(metric, shift=shift)).value for shift in (0.1, 1.0))
    assert near < far
    assert metric.better == "lower"


@pytest.mark.parametrize("name", ["precision", "recall", "density", "coverage"])
def test_shares_shrink_with_what_is_between_the_sets(name: str, evidence: Callable[..., Evidence]) -> None:
    metric = metrics[name]
    near, far = (metric.measure(evidence(metric, shift=shift)).value for shift in (0.1, 3.0))
    assert near > far
    assert metric.better == "higher"


def test_a_distance_through_another_network_is_not_called_fid() -> None:
    assert metrics["fid"].title_through("inception") == "FID"
    assert metrics["fid"].title_through("lite0") == "Fréchet distance (lite0)"
    for known in metrics.values():
        assert {"FID", "KID", "PPL", "LPIPS"}.isdisjoint(known.title_through("lite0").replace("-", " ").split()), known.name


def test_path_lengths_in_w_and_z_are_told_apart_and_count_what_they_draw(evidence: Callable[..., Evidence]) -> None:
    found = {name: metrics[name].measure(evidence(metrics[name])) for name in ("ppl", "ppl2_wend", "ppl2_zend", "ppl2_zfull")}
    assert found["ppl"] == found["ppl2_wend"]  # the generator has a w
    assert len({one.value for one in found.values()}) == 3
    assert {(one.conventions["space"], one.conventions["sampling"]) for one in found.values()} == {
        ("w", "ends"),
        ("z", "ends"),
        ("z", "full"),
    }
    assert found["ppl"].images == N
    counted: list[int] = []
    of = evidence(metrics["ppl"])
    of.on_images = counted.append
    metrics["ppl"].measure(of)
    assert sum(counted) == N


@pytest.mark.parametrize("name", ["ppl", "ppl2_zend"])
def test_another_seed_draws_other_pictures(name: str, evidence: Callable[..., Evidence]) -> None:
    of = [evidence(metrics[name]) for _ in range(2)]
    of[1].seed += 1
    assert metrics[name].measure(of[0]).value != metrics[name].measure(of[1]).value


def test_truncation_shortens_paths_to_nothing(evidence: Callable[..., Evidence]) -> None:
    of = evidence(metrics["ppl"])
    of.options = {"truncation_psi": 0.0}
    assert metrics["ppl"].measure(of).value < 1e-3


def test_the_error_of_a_distance_is_its_spread_over_sets() -> None:
    real = Gaussian.of(torch.randn(4000, 8, generator=torch.Generator().manual_seed(0)).double())
    values, errors = [], []
    for seed in range(60):
        features = 1.3 * torch.randn(400, 8, generator=torch.Generator().manual_seed(seed + 1)) + 0.2
        of = Evidence(Small(), 0, 400, lambda: Seen(features), see_real=lambda: Seen(None, gaussian=real))  # noqa: B023
        found = metrics["fid"].measure(of)
        assert found.details["error_by"] == "influence of each image"
        values.append(found.value)
        assert found.error is not None
        errors.append(found.error)
    assert torch.tensor(errors).mean() == pytest.approx(float(torch.tensor(values).std()), rel=0.25)


def test_of_few_images_the_error_is_by_parts_and_the_bias_is_told() -> None:
    real = Gaussian.of(torch.randn(4000, 64, generator=torch.Generator().manual_seed(0)))
    features = torch.randn(60, 64, generator=torch.Generator().manual_seed(1))
    of = Evidence(Small(), 0, 60, lambda: Seen(features), see_real=lambda: Seen(None, gaussian=real))
    found = metrics["fid"].measure(of)
    assert found.details["error_by"] == "spread over parts"
    assert "fewer images than the 64 features" in found.details["note"]


def test_the_error_by_parts_is_that_of_a_mean() -> None:
    values = [error_by_parts(lambda part: float(part.mean()), torch.randn(500, 1)) for _ in range(50)]
    assert torch.tensor(values, dtype=torch.float64).square().mean().sqrt() == pytest.approx(1 / 500**0.5, rel=0.3)
    assert error_by_parts(lambda part: 0.0, torch.randn(49, 1)) is None


def test_a_name_is_given_once() -> None:
    with pytest.raises(ValueError, match=r"metric 'fid' is already defined in atelier\.metrics\.fid"):
        metric("fid", "FID", better="lower", paper="", least=2)(lambda evidence: Found(0.0))


def test_every_network_of_scores_has_one_of_perceptual_distances() -> None:
    from atelier.metrics import networks

    assert {*PERCEPTUAL, *PERCEPTUAL.values()} <= networks.keys()
