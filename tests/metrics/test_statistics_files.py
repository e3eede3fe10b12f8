"""Statistics of sets as files: pytorch-fid's, read and written."""

import os
from pathlib import Path

import numpy as np
import pytest
import torch
from pytorch_fid.fid_score import compute_statistics_of_path

from atelier.metrics.frechet import Gaussian, frechet_distance


def some(n: int = 50, d: int = 6, seed: int = 0) -> Gaussian:
    return Gaussian.of(torch.randn(n, d, generator=torch.Generator().manual_seed(seed)))


def test_what_is_saved_comes_back_to_the_last_bit(tmp_path: Path) -> None:
    path = tmp_path / "faces.npz"
    some().save(path)
    found = Gaussian.load(path)
    assert (found.count, some().count) == (50, 50)
    assert torch.equal(found.mean, some().mean)
    assert torch.equal(found.covariance, some().covariance)
    assert [entry.name for entry in tmp_path.iterdir()] == ["faces.npz"]


def test_pytorch_fid_reads_ours(tmp_path: Path) -> None:
    path = tmp_path / "faces.npz"
    some().save(path)
    mean, covariance = compute_statistics_of_path(str(path), None, 1, 6, "cpu")
    assert np.array_equal(mean, some().mean)
    assert np.array_equal(covariance, some().covariance)


@pytest.mark.parametrize("kind", [np.float64, np.float32])
def test_we_read_pytorch_fids(tmp_path: Path, kind: type) -> None:
    path = tmp_path / "faces.npz"
    np.savez_compressed(path, mu=some().mean.numpy().astype(kind), sigma=some().covariance.numpy().astype(kind))
    found = Gaussian.load(path)
    assert found.count is None
    assert found.mean.dtype == found.covariance.dtype == torch.float64
    assert frechet_distance(found, some()) == pytest.approx(0, abs=1e-5)
    found.save(path)
    assert Gaussian.load(path).count is None


def test_statistics_of_few_images_are_as_exact_from_a_file(tmp_path: Path) -> None:
    few, other = some(4), some(50, seed=1)
    few.save(tmp_path / "few.npz")
    assert frechet_distance(Gaussian.load(tmp_path / "few.npz"), other) == frechet_distance(few, other)


def test_a_crash_while_writing_leaves_what_was_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "faces.npz"
    some().save(path)
    before = path.read_bytes()

    def full(descriptor: int) -> None:
        raise OSError("No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        some(seed=1).save(path)
    assert path.read_bytes() == before
    assert [entry.name for entry in tmp_path.iterdir()] == ["faces.npz"]


def test_damaged_files_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "faces.npz"
    some().save(path)
    whole = path.read_bytes()
    for content in (b"", b"PK", b"mu, sigma", whole[:-30], whole[: len(whole) // 2], whole[:200] + b"\xff" * 40 + whole[240:]):
        path.write_bytes(content)
        with pytest.raises(ValueError, match=r"faces\.npz is no statistics"):
            Gaussian.load(path)


def test_a_file_runs_no_code(tmp_path: Path) -> None:
    class Evil:
        def __reduce__(self) -> tuple[object, tuple[str]]:
            return os.mkdir, (str(tmp_path / "ran"),)

    path = tmp_path / "faces.npz"
    np.savez(path, mu=np.array([Evil()], dtype=object), sigma=np.eye(1))
    with pytest.raises(ValueError, match=r"faces\.npz is no statistics"):
        Gaussian.load(path)
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize(
    ("arrays", "said"),
    [
        ({"mean": np.zeros(3), "cov": np.eye(3)}, "no plain arrays mu and sigma"),
        ({"mu": np.zeros(3), "sigma": np.eye(4)}, r"sigma of float64\(4, 4\)"),
        ({"mu": np.zeros((3, 3)), "sigma": np.eye(3)}, r"mu of float64\(3, 3\)"),
        ({"mu": np.zeros(3, int), "sigma": np.eye(3)}, "mu of int64"),
        ({"mu": np.zeros(3), "sigma": np.triu(np.ones((3, 3)))}, "not symmetric"),
        ({"mu": np.full(3, np.nan), "sigma": np.eye(3)}, "no numbers"),
        ({"mu": np.zeros(3), "sigma": np.eye(3), "n": np.array(["x"])}, "no plain arrays"),
    ],
)
def test_files_of_something_else_are_refused(tmp_path: Path, arrays: dict[str, np.ndarray], said: str) -> None:
    np.savez(tmp_path / "faces.npz", **arrays)
    with pytest.raises(ValueError, match=said):
        Gaussian.load(tmp_path / "faces.npz")


def test_an_array_that_is_no_archive_is_refused(tmp_path: Path) -> None:
    with (tmp_path / "faces.npz").open("wb") as file:
        np.save(file, np.eye(3))
    with pytest.raises(ValueError, match=r"faces\.npz is no statistics"):
        Gaussian.load(tmp_path / "faces.npz")


def test_a_missing_file_is_missing(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        Gaussian.load(tmp_path / "faces.npz")
