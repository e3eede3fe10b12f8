"""The Fréchet distance between two sets of features, taken for normally distributed (Heusel et al. 2017, arXiv 1706.08500).

d² = |m₁ - m₂|² + tr C₁ + tr C₂ - 2 tr (C₁ C₂)^½, which everybody calls the distance though it is its square.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Self

import torch
from torch import Tensor


@dataclass(frozen=True, eq=False)
class Gaussian:
    """Mean [D] and covariance [D, D] of a set of features, in float64."""

    mean: Tensor
    covariance: Tensor
    count: int

    @classmethod
    def of(cls, features: Tensor) -> Self:
        """Of features [N, D], N at least 2; the covariance is the unbiased one."""
        x = features.double()
        mean = x.mean(dim=0)
        centred = x - mean
        return cls(mean, centred.mT @ centred / (len(x) - 1), len(x))

    @cached_property
    def factor(self) -> Tensor:
        """S [D, R] with S Sᵀ = C, where R is the rank; triangular when that is D."""
        if self.count > len(self.mean):
            lower: Tensor
            lower, failed = torch.linalg.cholesky_ex(self.covariance)
            if not failed:
                return lower
        values, vectors = torch.linalg.eigh(self.covariance)
        # Zeros that round-off has made small numbers of: their roots would not be small.
        kept = values > len(values) * torch.finfo(values.dtype).eps * values[-1].clamp_min(0)
        factor: Tensor = vectors[:, kept] * values[kept].sqrt()
        return factor


def frechet_distance(first: Gaussian, second: Gaussian) -> float:
    """Exact for singular covariances as well, and never complex.

    With C₁ = S₁ S₁ᵀ the eigenvalues of C₁ C₂ are those of the symmetric S₁ᵀ C₂ S₁, which takes an eighth of the time of a matrix
    root. Where they may be zero, their roots are taken as the singular values of S₁ᵀ S₂, which have all digits.
    """
    full = len(first.mean)
    if first.factor.shape[1] == second.factor.shape[1] == full:
        eigenvalues = torch.linalg.eigvalsh(first.factor.mT @ second.covariance @ first.factor)
        trace = eigenvalues.clamp_min(0).sqrt().sum()
    else:
        trace = torch.linalg.svdvals(first.factor.mT @ second.factor).sum()
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
