"""The Fréchet distance between two sets of features, taken for normally distributed (Heusel et al. 2017, arXiv 1706.08500).

d² = |m₁ - m₂|² + tr C₁ + tr C₂ - 2 tr (C₁ C₂)^½, which everybody calls the distance though it is its square.
"""

import os
import zipfile
import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Self

import numpy as np
import torch
from scipy.linalg.lapack import dpstrf
from torch import Tensor

ROWS = 4096  # of a set that are copied to float64 at a time


@dataclass(frozen=True, eq=False)
class Gaussian:
    """Mean [D] and covariance [D, D] of a set of features, in float64 on the CPU.

    Raises:
        ValueError: a feature is no number.
    """

    mean: Tensor
    covariance: Tensor
    count: int | None  # of images; None where a file did not say

    def __post_init__(self) -> None:
        if not (self.mean.isfinite().all() and self.covariance.isfinite().all()):
            raise ValueError("the features have values that are no numbers, so no distance can be taken")

    @classmethod
    def of(cls, features: Tensor) -> Self:
        """Of features [N, D], N at least 2; the covariance is the unbiased one."""
        return cls.of_batches(features[start : start + ROWS] for start in range(0, len(features), ROWS))

    @classmethod
    def of_batches(cls, batches: Iterable[Tensor]) -> Self:
        """Of features [N, D] that come a few at a time, in memory for one batch and one covariance, however many there are.

        Means and squares are carried from batch to batch about the mean so far (Chan, Golub and LeVeque 1979), since sums of raw
        squares lose digits where means are large.

        Raises:
            ValueError: fewer than 2 features.
        """
        count, mean, scatter = 0, torch.zeros(0), torch.zeros(0)
        for batch in batches:
            x = batch.detach().cpu().double()  # [B, D]
            if not len(x):
                continue
            if not count:
                mean, scatter = x.new_zeros(x.shape[1]), x.new_zeros(x.shape[1], x.shape[1])
            centre = x.mean(dim=0)
            moved = centre - mean
            rows = torch.cat([x - centre, moved[None] * (count * len(x) / (count + len(x))) ** 0.5])
            scatter.addmm_(rows.mT, rows)
            count += len(x)
            mean = mean + moved * (len(x) / count)
        if count < 2:
            raise ValueError(f"a covariance needs two images at least, and there {'is one' if count else 'are none'}")
        return cls(mean, scatter / (count - 1), count)

    def save(self, path: Path) -> None:
        """As the `.npz` of pytorch-fid, `mu` and `sigma`, with `n` besides; written whole, so that a crash leaves what was there."""
        beside = path.with_name(f"{path.name}.{os.getpid()}.tmp")
        try:
            with beside.open("wb") as file:
                counted: dict[str, Any] = {} if self.count is None else {"n": self.count}
                np.savez(file, mu=self.mean.numpy(), sigma=self.covariance.numpy(), **counted)
                file.flush()
                os.fsync(file.fileno())
            beside.replace(path)
        finally:
            beside.unlink(missing_ok=True)

    @classmethod
    def load(cls, path: Path) -> Self:
        """From a `.npz` of pytorch-fid's, or ours; a file can't run code.

        Raises:
            FileNotFoundError: there is no such file.
            ValueError: it is damaged, or holds something else.
        """
        try:
            with path.open("rb") as file, np.load(file, allow_pickle=False) as held:
                mean, covariance, count = held["mu"], held["sigma"], int(held["n"]) if "n" in held else None
        except (ValueError, TypeError, KeyError, AttributeError, EOFError, zipfile.BadZipFile, zlib.error) as error:
            raise ValueError(f"{path.name} is no statistics of features: it is damaged, or has no plain arrays mu and sigma") from error
        if mean.ndim != 1 or covariance.shape != 2 * mean.shape or not {mean.dtype.kind, covariance.dtype.kind} <= {"f"}:
            raise ValueError(f"{path.name} has mu of {mean.dtype}{mean.shape} and sigma of {covariance.dtype}{covariance.shape}")
        if not np.allclose(covariance, covariance.T, rtol=1e-4, atol=1e-6 * abs(covariance).max(initial=0)):
            raise ValueError(f"{path.name} has a sigma that is not symmetric, so it is no covariance")
        return cls(torch.from_numpy(mean.astype(np.float64)), torch.from_numpy(covariance.astype(np.float64)), count)

    @cached_property
    def factor(self) -> Tensor:
        """S [D, R] with S Sᵀ = C, where R is the rank: by Cholesky, the largest remaining variance first.

        It ends where all that remains is round-off, so that singular covariances need no eigenvectors, and takes a tenth of their time.
        """
        lower, order, rank, _ = dpstrf(self.covariance.numpy(), lower=1)
        factor = np.empty((len(lower), rank))
        factor[order - 1] = np.tril(lower)[:, :rank]
        return torch.from_numpy(factor)


def frechet_distance(first: Gaussian, second: Gaussian) -> float:
    """Exact for singular covariances as well, and never complex.

    With C = S Sᵀ the trace of the root of C₁ C₂ is the sum of the singular values of S₁ᵀ S₂. Where none of them is zero, they are
    taken as roots of the eigenvalues of a symmetric matrix, which takes half the time. A factor is kept with its Gaussian, so of many
    distances to one set, all but the first are spared that set's.

    Raises:
        ValueError: the sets have different numbers of features.
    """
    if len(first.mean) != len(second.mean):
        raise ValueError(f"sets with {len(first.mean)} and {len(second.mean)} features have no distance")
    product = first.factor.mT @ second.factor  # [R, S]
    if product.shape == first.covariance.shape:
        trace = torch.linalg.eigvalsh(product @ product.mT).clamp_min(0).sqrt().sum()
    else:
        trace = torch.linalg.svdvals(product).sum()
    distance = (first.mean - second.mean).square().sum() + first.covariance.trace() + second.covariance.trace() - 2 * trace
    return float(distance)


@dataclass(frozen=True, eq=False)
class Projection:
    """Onto the principal components of a reference set: for covariances that few images can tell."""

    mean: Tensor  # [D]
    components: Tensor  # [D, K], orthonormal
    explained: float  # share of the reference set's variance

    @classmethod
    def of(cls, features: Tensor, dimensions: int) -> Self:
        """Fitted to features [N, D]."""
        gaussian = Gaussian.of(features)
        values, vectors = torch.linalg.eigh(gaussian.covariance)  # ascending
        return cls(gaussian.mean, vectors[:, -dimensions:].flip(1), float(values[-dimensions:].sum() / values.sum()))

    def __call__(self, features: Tensor) -> Tensor:
        """[N, D] → [N, K] in float64."""
        return (features.double() - self.mean) @ self.components
