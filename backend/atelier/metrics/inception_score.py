"""Inception Score: pictures that are each of one class for certain, and of all classes together (Salimans et al. 2016, arXiv 1606.03498).

exp of the mean Kullback-Leibler divergence of p(y|x) from p(y): from 1 to the number of classes. It says nothing of real pictures, so
one good picture of each class gets the most there is; and with another classifier than Inception it is another number.
"""

from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor

from atelier.metrics.base import Evidence, Found, metric

SPLITS = 10


@dataclass(frozen=True)
class InceptionScore:
    value: float
    deviation: float  # standard deviation over the splits
    splits: int


def inception_score(probabilities: Tensor, *, splits: int = 10, seed: int = 0) -> InceptionScore:
    """Mean over random splits of class probabilities [N, K]; the fewer pictures a split has, the lower it is.

    Raises:
        ValueError: rows are no probabilities, as logits are not; or there are fewer than `splits`.
    """
    p = probabilities.detach().cpu().double()
    if not ((p >= 0).all() and torch.allclose(p.sum(dim=1), p.new_ones(len(p)), atol=1e-3)):
        raise ValueError("each row should be probabilities, none below 0, that sum to 1")
    if len(p) < splits:
        raise ValueError(f"{splits} splits need as many images, and there are {len(p)}")
    p = p[torch.randperm(len(p), generator=torch.Generator().manual_seed(seed))]
    bounds = [split * len(p) // splits for split in range(splits + 1)]
    scores = torch.stack([_score(p[start:end]) for start, end in pairwise(bounds)])
    return InceptionScore(float(scores.mean()), float(scores.std(correction=0)), splits)


def _score(p: Tensor) -> Tensor:
    """The divergence is the entropy of all together less that of each, which holds where probabilities are 0; a scalar."""
    together, each = (torch.special.entr(x).sum(dim=-1) for x in (p.mean(dim=0), p))
    score: Tensor = (together - each.mean()).exp()
    return score


@metric(
    "inception_score", "Inception Score", better="higher", paper="https://arxiv.org/abs/1606.03498", needs=("logits",), least=10 * SPLITS,
    original="inception", general="Class score",
)  # fmt: skip
def score(evidence: Evidence) -> Found:
    """Whether pictures are each of one of ImageNet's classes for certain, and of all classes together; of real ones it knows nothing.

    The error is the spread over ten splits, over the root of ten.
    """
    p = evidence.network.logits(evidence.generated.features.to(evidence.network.device)).double().softmax(dim=1)
    found = inception_score(p, splits=SPLITS, seed=evidence.seed)
    error = found.deviation / (SPLITS - 1) ** 0.5  # the deviation is that of a whole population
    return Found(found.value, error, {"splits": SPLITS, "classes": p.shape[1]}, {"error_by": "spread over splits"})
