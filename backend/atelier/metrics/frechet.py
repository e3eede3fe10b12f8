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
from scipy.linalg.lapack import dpstrf, dsygst
from torch import Tensor

Array = np.ndarray[Any, np.dtype[np.float64]]

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
    def cholesky(self) -> tuple[Array, Tensor]:
        """L [D, R] and an order [D] of the features, in which L Lᵀ = C and L is lower triangular: the largest remaining variance first.

        R is the rank, for it ends where all that remains is round-off; so singular covariances need no eigenvectors, which take ten
        times as long.
        """
        lower, order, rank, _ = dpstrf(self.covariance.numpy(), lower=1)
        return np.asfortranarray(np.tril(lower)[:, :rank]), torch.from_numpy(order - 1).long()

    @cached_property
    def lower(self) -> Array:
        """L [D, D], lower triangular, of a regular covariance, L Lᵀ = C, of features in their own order: another covariance need not be
        put into this one's, which takes a tenth of a distance. From `cholesky`, for without an order it can fail by round-off.
        """
        upper = torch.linalg.qr(self.factor.mT, mode="r").R
        return np.asfortranarray(upper.mT.numpy())  # as LAPACK wants it, else it is copied each time

    @property
    def rank(self) -> int:
        return len(self.cholesky[0].T)

    @property
    def factor(self) -> Tensor:
        """S [D, R] with S Sᵀ = C, of features in their own order."""
        lower, order = self.cholesky
        factor = torch.empty(lower.shape, dtype=torch.float64)
        factor[order] = torch.from_numpy(lower)
        return factor


def frechet_distance(first: Gaussian, second: Gaussian) -> float:
    """Exact for singular covariances as well, and never complex.

    What is costly about the first, the real set, is kept with it: distances to many sets take it once.

    Raises:
        ValueError: the sets have different numbers of features.
    """
    if len(first.mean) != len(second.mean):
        raise ValueError(f"sets with {len(first.mean)} and {len(second.mean)} features have no distance")
    distance = (first.mean - second.mean).square().sum() + first.covariance.trace() + second.covariance.trace()
    return float(distance) - 2 * _trace_of_root(first, second)


def influence(first: Gaussian, second: Gaussian, features: Tensor) -> Tensor | None:
    """How much each image of the second set, features [N, D], moves the distance times N, to first order: [N], of mean 0 or nearly.

    Their standard deviation over √N is the standard error of the distance, the first set taken as it is: that of m is 2 (m₂ - m₁), that
    of C₂ is 1 - T, where T = L (Lᵀ C₂ L)^-½ Lᵀ carries the second normal distribution onto the first. None where C₂ is nearly singular.

    The first covariance must be regular.
    """
    lower, order = first.cholesky
    factor = torch.from_numpy(lower)
    values, vectors = torch.linalg.eigh(factor.mT @ second.covariance[order][:, order] @ factor)
    if values[0] <= len(values) * torch.finfo(torch.float64).eps * values[-1]:
        return None
    whitened = factor @ vectors * values.pow(-0.25)  # [D, D]: T is this times its transpose
    slope, parts = 2 * (second.mean - first.mean), []
    for start in range(0, len(features), ROWS):
        x = features[start : start + ROWS].double() - second.mean
        parts.append(x @ slope + x.square().sum(dim=1) - (x[:, order] @ whitened).square().sum(dim=1))
    moved = torch.cat(parts)
    return moved - moved.mean()


def _trace_of_root(first: Gaussian, second: Gaussian) -> float:
    """tr (C₁ C₂)^½.

    With C₁ = L Lᵀ the eigenvalues of C₁ C₂ are those of the symmetric Lᵀ C₂ L. Their roots lose half of the digits where eigenvalues
    are zero but for round-off; if that is because a covariance is singular, their sum is taken as that of the singular values of
    S₁ᵀ S₂ instead, which have all digits and take twice the time.
    """
    dimensions = len(first.mean)
    if first.rank == dimensions and (second.count is None or second.count > dimensions):
        product, _ = dsygst(second.covariance.numpy().T, first.lower, itype=2, lower=1)  # a quarter of two products
        eigenvalues = torch.linalg.eigvalsh(torch.from_numpy(product))  # looks at the lower triangle alone; ascending
        if eigenvalues[0] > dimensions * torch.finfo(torch.float64).eps * eigenvalues[-1] or second.rank == dimensions:
            return float(eigenvalues.clamp_min(0).sqrt().sum())
    return float(torch.linalg.svdvals(first.factor.mT @ second.factor).sum())


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
