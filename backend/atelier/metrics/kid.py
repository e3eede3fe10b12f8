"""Kernel distance (KID): the squared maximum mean discrepancy of two sets of features (Bińkowski et al. 2018, arXiv 1801.01401)."""

from dataclasses import dataclass

import torch
from torch import Tensor

from atelier.metrics.base import Evidence, Found, error_by_parts, metric

MOST = 2000  # real images that the parts of a set are compared with for the error


@dataclass(frozen=True)
class KernelDistance:
    value: float  # unbiased, so a little below zero for sets that are alike
    deviation: float  # standard deviation over the subsets
    subset_size: int


def kernel_distance(real: Tensor, generated: Tensor, *, subsets: int = 100, subset_size: int = 1000, seed: int = 0) -> KernelDistance:
    """Mean over random subsets of features [N, D] and [M, D]; where a set has fewer than `subset_size`, subsets are as small as it is.

    The same seed gives the subsets that torchmetrics would take.

    Raises:
        ValueError: a set, or a subset, of fewer than 2.
    """
    size = min(len(real), len(generated), subset_size)
    if size < 2:
        raise ValueError(f"subsets need two images at least, and these would have {size}")
    generator = torch.Generator().manual_seed(seed)
    values = []
    for _ in range(subsets):
        x, y = (features[torch.randperm(len(features), generator=generator)[:size]].double() for features in (real, generated))
        values.append(squared_mmd(x, y))
    found = torch.stack(values)
    return KernelDistance(float(found.mean()), float(found.std(correction=0)), size)


def squared_mmd(x: Tensor, y: Tensor) -> Tensor:
    """Unbiased, of features [N, D] and [M, D], for the kernel (x·y/D + 1)³; a scalar."""
    within = [(k.sum() - k.diagonal().sum()) / (len(k) * (len(k) - 1)) for k in (_kernel(x, x), _kernel(y, y))]
    return within[0] + within[1] - 2 * _kernel(x, y).mean()


def _kernel(x: Tensor, y: Tensor) -> Tensor:
    return (x @ y.mT / x.shape[1] + 1) ** 3


@metric(
    "kid", "KID", better="lower", paper="https://arxiv.org/abs/1801.01401", needs=("real",), least=20,
    original="inception", general="Kernel distance",
)  # fmt: skip
def kid(evidence: Evidence) -> Found:
    """How far the generated pictures are from the real ones, with no assumption about their clouds and no bias by their number.

    A little below zero for sets that are alike. The mean over 100 subsets of 1,000, as everywhere; the error is by parts, for those
    subsets share images.
    """
    real, generated = evidence.real.features, evidence.generated.features
    found = kernel_distance(real, generated, seed=evidence.seed)
    few = real[torch.randperm(len(real), generator=torch.Generator().manual_seed(evidence.seed))[:MOST]].double()
    error = error_by_parts(lambda part: float(squared_mmd(few, part.double())), generated)
    conventions = {"kernel": "(x.y/D + 1)^3", "subsets": 100, "subset_size": found.subset_size}
    return Found(found.value, error, conventions, {"error_by": "spread over parts", "deviation_of_subsets": found.deviation})
