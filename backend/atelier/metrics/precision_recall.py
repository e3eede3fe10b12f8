"""Precision and recall of generated images: "Improved Precision and Recall Metric for Assessing Generative Models" (arXiv 1904.06991).

Precision is the share of generated images that lie among the real ones, recall the share of real images that lie among the
generated ones. Both depend on how many images there are: compare figures of sets of the same sizes.
"""

import torch
from torch import Tensor

from atelier.metrics.base import Evidence, Found, error_by_parts, metric

K = 3
PAPER = "https://arxiv.org/abs/1904.06991"
ROWS = 1024  # of a matrix of distances that are in memory at a time


def precision_recall(real: Tensor, generated: Tensor, *, k: int = 3) -> tuple[float, float]:
    """Of features [N, D] and [M, D]."""
    return covered(generated, real, k=k), covered(real, generated, k=k)


def covered(points: Tensor, reference: Tensor, *, k: int = 3) -> float:
    """Share of points [N, D] that are, for any point of the reference [M, D], no further from it than its k-th nearest neighbour.

    Raises:
        ValueError: the reference has no more than k points.
    """
    if len(reference) <= k:
        raise ValueError(f"balls to the {k}th neighbour need more than {k} images, and there are {len(reference)}")
    # In float64: cdist multiplies matrices, which in float32 leaves a distance where there is none.
    points, reference = points.double(), reference.double()
    itself_and_k = [torch.cdist(part, reference).topk(k + 1, largest=False).values for part in _parts(reference)]
    radii = torch.cat(itself_and_k).amax(dim=1)  # [M]
    inside = [(torch.cdist(part, reference) <= radii).any(dim=1) for part in _parts(points)]
    return float(torch.cat(inside).double().mean())


def _parts(points: Tensor) -> list[Tensor]:
    return [points[start : start + ROWS] for start in range(0, len(points), ROWS)]


@metric("precision", "Precision", better="higher", paper=PAPER, needs=("real",), least=10, original="", general="Precision")
def precision(evidence: Evidence) -> Found:
    """The share of generated pictures that lie among the real ones: how good they are, however few kinds there are."""
    real, generated = evidence.real.features, evidence.generated.features
    error = error_by_parts(lambda part: covered(part, real, k=K), generated)
    return Found(covered(generated, real, k=K), error, {"k": K}, {"error_by": "spread over parts"})


@metric("recall", "Recall", better="higher", paper=PAPER, needs=("real",), least=10, original="", general="Recall")
def recall(evidence: Evidence) -> Found:
    """The share of real pictures that lie among the generated ones: how much of all there is they show."""
    real, generated = evidence.real.features, evidence.generated.features
    error = error_by_parts(lambda part: covered(real, part, k=K), generated)
    return Found(covered(real, generated, k=K), error, {"k": K}, {"error_by": "spread over parts"})
