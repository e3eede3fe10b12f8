"""Density and coverage: "Reliable Fidelity and Diversity Metrics for Generative Models" (Naeem et al. 2020, arXiv 2002.09797).

Both look for generated images in balls about the real ones alone, each as large as the distance to its k-th neighbour. Density is in
how many balls a generated image lies, over k, so that one outlier among the real images does not vouch for everything near it; it may
exceed 1. Coverage is the share of balls that have a generated image in them, from 0 to 1.
"""

import torch
from torch import Tensor

from atelier.metrics.base import Evidence, Found, error_by_parts, metric

K = 5
PAPER = "https://arxiv.org/abs/2002.09797"
ROWS = 1024  # of a matrix of distances that are in memory at a time


def density_coverage(real: Tensor, generated: Tensor, *, k: int = 5) -> tuple[float, float]:
    """Of features [N, D] and [M, D]. Balls are open, as in the authors' code: a set has density 1 in itself.

    Raises:
        ValueError: there are no more than k real images.
    """
    if len(real) <= k:
        raise ValueError(f"balls to the {k}th neighbour need more than {k} real images, and there are {len(real)}")
    # In float64: cdist multiplies matrices, which in float32 leaves a distance where there is none.
    real, generated = real.double(), generated.double()
    inside, covered = 0, 0
    for start in range(0, len(real), ROWS):
        part = real[start : start + ROWS]
        radii = torch.cdist(part, real).topk(k + 1, largest=False).values.amax(dim=1, keepdim=True)  # itself and k others
        within = torch.cdist(part, generated) < radii  # [B, M]
        inside += int(within.sum())
        covered += int(within.any(dim=1).sum())
    return inside / (k * len(generated)), covered / len(real)


@metric("density", "Density", better="higher", paper=PAPER, needs=("real",), least=10, original="", general="Density")
def density(evidence: Evidence) -> Found:
    """In how many neighbourhoods of real pictures a generated one lies: precision that no single outlier vouches for; it may exceed 1."""
    return _found(evidence, 0)


@metric("coverage", "Coverage", better="higher", paper=PAPER, needs=("real",), least=10, original="", general="Coverage")
def coverage(evidence: Evidence) -> Found:
    """The share of real pictures that have a generated one in their neighbourhood: recall that no single outlier vouches for."""
    return _found(evidence, 1)


def _found(evidence: Evidence, which: int) -> Found:
    real, generated = evidence.real.features, evidence.generated.features
    error = error_by_parts(lambda part: density_coverage(real, part, k=K)[which], generated)
    return Found(density_coverage(real, generated, k=K)[which], error, {"k": K}, {"error_by": "spread over parts"})
