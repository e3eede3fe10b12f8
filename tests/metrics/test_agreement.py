"""Scores against those of pytorch-fid, torchmetrics and torch-fidelity, all of the same features."""

from collections.abc import Iterator
from types import SimpleNamespace

import numpy as np
import pytest
import scipy.linalg
import torch
from pytorch_fid import fid_score
from torch import Tensor, nn
from torch_fidelity.metric_fid import fid_features_to_statistics, fid_statistics_to_metric
from torch_fidelity.metric_isc import isc_features_to_metric
from torch_fidelity.metric_kid import kid_features_to_metric
from torch_fidelity.metric_prc import calculate_precision_recall_full
from torchmetrics.functional.image import perceptual_path_length
from torchmetrics.image.fid import FrechetInceptionDistance
from torchmetrics.image.inception import InceptionScore
from torchmetrics.image.kid import KernelInceptionDistance

from atelier.metrics.frechet import Gaussian, frechet_distance
from atelier.metrics.inception_score import inception_score
from atelier.metrics.kid import kernel_distance
from atelier.metrics.ppl import path_length
from atelier.metrics.precision_recall import precision_recall

pytestmark = pytest.mark.filterwarnings("ignore:Metric .* will save all extracted features in buffer")  # torchmetrics says so of itself

D = 64
REL = 1e-6


class Given(nn.Module):
    """In the place of a feature network: what comes in are features."""

    num_features = D

    def forward(self, features: Tensor) -> Tensor:
        return features


def features(n: int, seed: int, *, shift: float = 0.0) -> Tensor:
    """Correlated, and cut off at 0 as a network's are: [n, D] in float64."""
    mix = torch.randn(D, D, generator=torch.Generator().manual_seed(9), dtype=torch.float64)
    x = torch.randn(n, D, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    return ((x * torch.linspace(1, 0.1, D)) @ mix / D**0.5 + 0.3 + shift).relu()


REAL, GENERATED, LOGITS = features(1500, 0), features(1200, 1, shift=0.1), 4 * features(1000, 2)
FEW = features(40, 3, shift=0.1)  # fewer than features, so that their covariance is singular


@pytest.fixture(autouse=True)
def _disp_of_scipy(monkeypatch: pytest.MonkeyPatch) -> None:
    """pytorch-fid 0.3 passes an argument that SciPy 1.18 took away, after which a root comes without an estimate of its error."""

    def sqrtm(matrix: np.ndarray, disp: bool = True) -> object:
        root = scipy.linalg.sqrtm(matrix)
        return root if disp else (root, None)

    monkeypatch.setattr(fid_score, "linalg", SimpleNamespace(sqrtm=sqrtm))


@pytest.fixture(autouse=True)
def _seed() -> Iterator[None]:
    """torchmetrics draws from the seed of the process."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        yield


def of_torchmetrics(metric: type, real: Tensor, generated: Tensor, **options: int) -> Tensor | tuple[Tensor, Tensor]:
    found = metric(feature=Given(), **options).set_dtype(torch.float64)
    found.update(real, real=True)
    found.update(generated, real=False)
    return found.compute()


@pytest.mark.parametrize("generated", [GENERATED, 1.01 * REAL[:750], FEW])
def test_frechet_distances(generated: Tensor) -> None:
    """To 1e-12, and to 5e-8 of few images, where the others take roots of zeros that round-off made 1e-16 of."""
    ours = frechet_distance(Gaussian.of(REAL), Gaussian.of(generated))
    statistics = [(x.mean(dim=0).numpy(), np.cov(x.numpy(), rowvar=False)) for x in (REAL, generated)]
    assert ours == pytest.approx(fid_score.calculate_frechet_distance(*statistics[0], *statistics[1]), rel=REL)
    assert ours == pytest.approx(float(of_torchmetrics(FrechetInceptionDistance, REAL, generated)), rel=REL)
    theirs = fid_statistics_to_metric(fid_features_to_statistics(REAL), fid_features_to_statistics(generated), False)
    assert ours == pytest.approx(theirs["frechet_inception_distance"], rel=REL)


def test_kernel_distances_of_the_subsets_that_torchmetrics_draws() -> None:
    ours = kernel_distance(REAL, GENERATED, subsets=20, subset_size=300, seed=0)
    value, deviation = of_torchmetrics(KernelInceptionDistance, REAL, GENERATED, subsets=20, subset_size=300)
    assert ours.value == pytest.approx(float(value), rel=REL)
    assert ours.deviation == pytest.approx(float(deviation), rel=REL)


def test_kernel_distances_of_whole_sets() -> None:
    real, generated = REAL[:1200], GENERATED
    ours = kernel_distance(real, generated, subsets=1, subset_size=1200)
    theirs = kid_features_to_metric(real, generated, kid_subsets=1, kid_subset_size=1200, verbose=False)
    assert ours.value == pytest.approx(theirs["kernel_inception_distance_mean"], rel=REL)


def test_inception_scores_of_the_same_splits() -> None:
    ours = inception_score(LOGITS.softmax(dim=1), splits=10, seed=0)
    order = torch.randperm(len(LOGITS), generator=torch.Generator().manual_seed(0))
    theirs = isc_features_to_metric(LOGITS[order], splits=10, shuffle=False)
    assert ours.value == pytest.approx(theirs["inception_score_mean"], rel=REL)
    assert ours.deviation == pytest.approx(theirs["inception_score_std"], rel=REL)

    metric = InceptionScore(feature=Given(), splits=10).set_dtype(torch.float64)
    metric.update(LOGITS)
    torch.manual_seed(0)
    value, deviation = metric.compute()
    assert ours.value == pytest.approx(float(value), rel=REL)
    assert ours.deviation == pytest.approx(float(deviation) * 0.9**0.5, rel=REL)  # theirs is that of a sample


@pytest.mark.parametrize("k", [1, 3, 7])
def test_precision_and_recall(k: int) -> None:
    precision, recall = calculate_precision_recall_full(GENERATED, REAL, k)
    assert 0.05 < precision < 1
    assert 0.05 < recall < 1
    assert precision != pytest.approx(recall, abs=0.01)  # or which is which would not show
    assert precision_recall(REAL, GENERATED, k=k) == pytest.approx((precision, recall), rel=REL)


def test_path_lengths_but_for_the_one_per_cent() -> None:
    """torchmetrics leaves out one more at the upper end than StyleGAN does, so its distances are compared before any are left out."""
    matrix = torch.randn(8, 48, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    z = [torch.randn(300, 8, generator=torch.Generator().manual_seed(seed), dtype=torch.float64) for seed in (2, 3)]

    class Linear(nn.Module):
        drawn = 0

        def sample(self, count: int) -> Tensor:
            self.drawn += 1
            return z[self.drawn - 1]

        def forward(self, latents: Tensor) -> Tensor:
            return ((latents @ matrix).view(-1, 3, 4, 4).tanh() + 1) * 127.5  # as torchmetrics wants them

    class Squares(nn.Module):
        def forward(self, a: Tensor, b: Tensor) -> Tensor:
            return (a - b).square().sum(dim=(1, 2, 3))

    _, _, theirs = perceptual_path_length(Linear(), 300, sim_net=Squares(), resize=None, lower_discard=None, upper_discard=None)
    kept = theirs.sort().values[2:-2]  # of 300, the ends of the one per cent are the 3rd ones
    ours = path_length(lambda latents: Linear()(latents) / 127.5 - 1, nn.Flatten().eval(), *z)
    assert ours.value == pytest.approx(float(kept.mean()), rel=REL)
