"""The Fréchet distance, against closed forms and the definition."""

import math
import weakref
from collections.abc import Iterator

import numpy as np
import pytest
import scipy.linalg
import torch
from torch import Tensor

from atelier.metrics import frechet
from atelier.metrics.frechet import Gaussian, Projection, frechet_distance


def normal(n: int, d: int, seed: int = 0) -> Tensor:
    return torch.randn(n, d, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def correlated(n: int, d: int, seed: int) -> Tensor:
    return normal(n, d, seed) @ normal(d, d, seed + 100) + normal(1, d, seed + 200)


def gaussian(covariance: Tensor, mean: Tensor | None = None) -> Gaussian:
    return Gaussian(torch.zeros(len(covariance), dtype=torch.float64) if mean is None else mean, covariance, 10**6)


def by_definition(a: Gaussian, b: Gaussian) -> float:
    root = np.real(scipy.linalg.sqrtm((a.covariance @ b.covariance).numpy()))
    return float((a.mean - b.mean).square().sum() + (a.covariance + b.covariance).trace()) - 2 * float(np.trace(root))


def test_mean_and_covariance_are_the_unbiased_ones() -> None:
    features = correlated(50, 7, 0)
    found = Gaussian.of(features.float())
    assert torch.allclose(found.mean, features.mean(dim=0), atol=1e-5)
    assert np.allclose(found.covariance, np.cov(features.numpy(), rowvar=False), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("sizes", [(50,), (1,) * 50, (1, 20, 0, 29), (49, 1)])
def test_a_set_that_comes_in_batches_is_the_same_set(sizes: tuple[int, ...]) -> None:
    features = correlated(50, 7, 0)
    found = Gaussian.of_batches(features.split(sizes))
    assert found.count == 50
    assert torch.allclose(found.mean, features.mean(dim=0), rtol=1e-12)
    assert np.allclose(found.covariance, np.cov(features.numpy(), rowvar=False), rtol=1e-12, atol=1e-12)


def test_a_large_set_is_taken_in_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    features = correlated(50, 7, 0)
    whole = Gaussian.of(features)
    monkeypatch.setattr(frechet, "ROWS", 8)
    assert torch.allclose(Gaussian.of(features).covariance, whole.covariance, rtol=1e-12)


def test_no_batch_is_kept() -> None:
    alive: list[weakref.ref[Tensor]] = []

    def batches() -> Iterator[Tensor]:
        for seed in range(20):
            batch = normal(10, 4, seed)
            alive.append(weakref.ref(batch))
            yield batch
            del batch
            assert sum(ref() is not None for ref in alive) <= 1  # the one that was just looked at

    assert Gaussian.of_batches(batches()).count == 200


def test_far_from_zero_digits_are_not_lost() -> None:
    features = normal(200, 5)
    moved = Gaussian.of_batches((features + 1e7).split(10))
    assert torch.allclose(moved.covariance, Gaussian.of(features).covariance, atol=1e-7)


def test_too_few_images_and_what_is_no_number_are_refused() -> None:
    with pytest.raises(ValueError, match="is one"):
        Gaussian.of(normal(1, 4))
    with pytest.raises(ValueError, match="are none"):
        Gaussian.of_batches([])
    features = normal(10, 4)
    features[3, 2] = torch.nan
    with pytest.raises(ValueError, match="no numbers"):
        Gaussian.of(features)
    with pytest.raises(ValueError, match="no numbers"):
        gaussian(torch.eye(2).double(), torch.tensor([0, torch.inf]).double())


def test_sets_of_different_features_have_no_distance() -> None:
    with pytest.raises(ValueError, match="with 4 and 5 features"):
        frechet_distance(Gaussian.of(normal(10, 4)), Gaussian.of(normal(10, 5)))


@pytest.mark.parametrize("n", [100, 12])
def test_the_factor_is_one_of_the_rank_and_kept(n: int) -> None:
    one = Gaussian.of(correlated(n, 20, 0))
    assert one.factor.shape == (20, min(20, n - 1))
    assert torch.allclose(one.factor @ one.factor.mT, one.covariance, rtol=1e-12, atol=1e-12 * float(one.covariance.trace()))
    assert one.rank == min(20, n - 1)
    assert one.cholesky is one.cholesky


def test_of_the_same_shape_elsewhere_it_is_the_square_of_how_far() -> None:
    features = correlated(300, 20, 0)
    moved = features + torch.arange(20)
    assert frechet_distance(Gaussian.of(features), Gaussian.of(moved)) == pytest.approx(sum(i**2 for i in range(20)), rel=1e-9)


def test_of_diagonal_covariances_it_is_that_of_the_deviations() -> None:
    a, b = normal(30, 1, 0).abs().flatten(), normal(30, 1, 1).abs().flatten()
    found = frechet_distance(gaussian(a.diag()), gaussian(b.diag()))
    assert found == pytest.approx(float((a.sqrt() - b.sqrt()).square().sum()), rel=1e-10)


def test_of_covariances_that_commute_it_is_that_of_their_spectra() -> None:
    a, b = normal(30, 1, 0).abs().flatten(), normal(30, 1, 1).abs().flatten()
    b[:7] = 0  # singular, in directions that are no axes
    basis = torch.linalg.qr(normal(30, 30, 2)).Q
    found = frechet_distance(gaussian(basis * a @ basis.mT), gaussian(basis * b @ basis.mT))
    assert found == pytest.approx(float((a.sqrt() - b.sqrt()).square().sum()), rel=1e-9)


@pytest.mark.parametrize("seed", range(5))
def test_of_covariances_that_are_almost_singular_it_is_still_a_number(seed: int) -> None:
    spectrum = torch.logspace(0, -12, 30, dtype=torch.float64)
    basis = torch.linalg.qr(normal(30, 30, seed)).Q
    one = gaussian(basis * spectrum @ basis.mT)
    assert one.factor.shape == (30, 30)
    assert frechet_distance(one, one) == pytest.approx(0, abs=1e-6)
    other = gaussian(basis * (4 * spectrum) @ basis.mT)
    assert frechet_distance(one, other) == pytest.approx(float(spectrum.sum()), rel=1e-6)
    turned = torch.linalg.qr(normal(30, 30, seed + 50)).Q
    elsewhere = gaussian(turned * spectrum @ turned.mT)
    assert frechet_distance(one, elsewhere) == pytest.approx(frechet_distance(elsewhere, one), rel=1e-6)


def test_in_one_dimension_it_is_the_textbook_formula() -> None:
    a, b = (Gaussian(torch.tensor([m]).double(), torch.tensor([[v]]).double(), 100) for m, v in ((1.0, 4.0), (3.0, 0.25)))
    assert frechet_distance(a, b) == pytest.approx((1 - 3) ** 2 + (2 - 0.5) ** 2)


@pytest.mark.parametrize(("n", "m"), [(500, 400), (500, 20), (20, 500), (25, 15)])
def test_it_is_symmetric_and_a_rotation_does_not_matter(n: int, m: int) -> None:
    a, b = correlated(n, 40, 0), correlated(m, 40, 1)
    rotation = torch.linalg.qr(normal(40, 40, 2)).Q
    found = frechet_distance(Gaussian.of(a), Gaussian.of(b))
    assert frechet_distance(Gaussian.of(b), Gaussian.of(a)) == pytest.approx(found, rel=1e-9)
    assert frechet_distance(Gaussian.of(a @ rotation), Gaussian.of(b @ rotation)) == pytest.approx(found, rel=1e-9)


def test_it_agrees_with_the_root_of_the_product() -> None:
    a, b = Gaussian.of(correlated(500, 40, 0)), Gaussian.of(correlated(300, 40, 1))
    assert frechet_distance(a, b) == pytest.approx(by_definition(a, b), rel=1e-9)


@pytest.mark.parametrize(("n", "m"), [(30, 20), (30, 500), (500, 30)])
def test_of_fewer_images_than_features_it_is_exact(n: int, m: int) -> None:
    a, b = correlated(n, 60, 0), correlated(m, 60, 1)
    # The trace of the root is the nuclear norm of the centred sets' product, where no covariance is singular or not.
    centred = [(x - x.mean(dim=0)) / math.sqrt(len(x) - 1) for x in (a, b)]
    traces = sum(x.square().sum() for x in centred) - 2 * torch.linalg.svdvals(centred[0] @ centred[1].mT).sum()
    expected = float((a.mean(dim=0) - b.mean(dim=0)).square().sum() + traces)
    assert frechet_distance(Gaussian.of(a), Gaussian.of(b)) == pytest.approx(expected, rel=1e-10)


def test_a_set_is_nowhere_from_itself() -> None:
    for features in (correlated(500, 40, 0), correlated(10, 40, 0)):
        one = Gaussian.of(features)
        assert frechet_distance(one, one) == pytest.approx(0, abs=1e-10 * float(one.covariance.trace()))


def test_images_that_are_all_alike_have_a_distance() -> None:
    alike = torch.ones(50, 8)
    a, b = Gaussian.of(alike), Gaussian.of(3 * alike)
    assert frechet_distance(a, b) == pytest.approx(8 * 4)
    other = Gaussian.of(normal(50, 8))
    assert frechet_distance(a, other) == pytest.approx(float((a.mean - other.mean).square().sum() + other.covariance.trace()))


def test_a_feature_that_is_always_zero_changes_nothing() -> None:
    a, b = correlated(500, 20, 0), correlated(500, 20, 1)
    padded = [torch.nn.functional.pad(x, (0, 3)) for x in (a, b)]
    found = frechet_distance(*(Gaussian.of(x) for x in padded))
    assert found == pytest.approx(frechet_distance(Gaussian.of(a), Gaussian.of(b)), rel=1e-9)


def test_principal_components_keep_what_varies_most() -> None:
    scales = torch.tensor([1.0, 10.0, 0.1, 5.0], dtype=torch.float64)
    features = normal(2000, 4) * scales + 7
    project = Projection.of(features, 2)
    assert project.explained == pytest.approx(125 / 126.01, abs=0.005)
    assert torch.allclose(project.components.abs()[[1, 3], [0, 1]], torch.ones(2).double(), atol=0.01)
    projected = project(features)
    assert torch.allclose(projected.mean(dim=0), torch.zeros(2).double(), atol=1e-9)
    assert float(torch.cov(projected.mT)[0, 1]) == pytest.approx(0, abs=1e-9)


def test_all_components_keep_the_distance() -> None:
    a, b = correlated(400, 12, 0), correlated(300, 12, 1)
    project = Projection.of(a, 12)
    found = frechet_distance(Gaussian.of(project(a)), Gaussian.of(project(b)))
    assert found == pytest.approx(frechet_distance(Gaussian.of(a), Gaussian.of(b)), rel=1e-9)
