"""Statistics of real sets: kept whole, found by all that they depend on, readable by pytorch-fid."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from atelier.metrics.frechet import Gaussian
from atelier.metrics.statistics import DESCRIPTION, FEATURES, GAUSSIAN, RealSet, kept

SET = RealSet("emoji", "a" * 64, "train", "lite0", "b" * 64, "bicubic to 128 px", 40)


@pytest.fixture
def features() -> torch.Tensor:
    return torch.randn(40, 6, generator=torch.Generator().manual_seed(0))


def test_what_was_kept_comes_back(tmp_path: Path, features: torch.Tensor) -> None:
    assert SET.load(tmp_path / "statistics") is None
    folder = SET.save(tmp_path / "statistics", features, Gaussian.of(features))
    found = SET.load(tmp_path / "statistics")
    assert found is not None
    assert torch.equal(found[0], features)
    assert torch.equal(found[1].covariance, Gaussian.of(features).covariance)
    assert kept(tmp_path / "statistics") == [(SET, folder)]
    assert [path.name for path in (tmp_path / "statistics").iterdir()] == [SET.key]  # nothing half-done beside it


@pytest.mark.parametrize(
    "change", [{"fingerprint": "c" * 64}, {"split": "test"}, {"network": "x"}, {"digest": "d" * 64}, {"resize": "x"}, {"num_images": 41}]
)
def test_whatever_decides_the_features_decides_the_key(tmp_path: Path, features: torch.Tensor, change: dict[str, object]) -> None:
    SET.save(tmp_path, features, Gaussian.of(features))
    assert replace(SET, **change).load(tmp_path) is None  # type: ignore[arg-type]
    assert replace(SET, name="another word for it").load(tmp_path) is not None


@pytest.mark.parametrize("file", [FEATURES, GAUSSIAN, DESCRIPTION])
def test_what_is_damaged_is_not_taken_and_replaced(tmp_path: Path, features: torch.Tensor, file: str) -> None:
    path = SET.save(tmp_path, features, Gaussian.of(features)) / file
    path.write_bytes(path.read_bytes()[:-20] + bytes(20))
    assert SET.load(tmp_path) is None
    SET.save(tmp_path, features, Gaussian.of(features))
    assert SET.load(tmp_path) is not None
    assert len(list(tmp_path.iterdir())) == 1


def test_the_gaussian_is_a_file_as_pytorch_fid_has_it(tmp_path: Path, features: torch.Tensor) -> None:
    with np.load(SET.save(tmp_path, features, Gaussian.of(features)) / GAUSSIAN) as file:
        assert np.allclose(file["mu"], features.double().mean(dim=0))
        assert np.allclose(file["sigma"], np.cov(features.double().numpy(), rowvar=False))
