"""FID∞: what a distance would be of infinitely many images, from what it is of fewer and fewer (Chong and Forsyth 2020, arXiv 1911.07023).

A distance of N images is biased upward by about a constant over N, and by another constant for each generator, so that even of equal
N two can come out in the wrong order. A line through distances over 1/N has at 0 what is left without the bias. The bias by the number
of real images remains.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from atelier.metrics.base import Evidence, Found, metric
from atelier.metrics.frechet import Gaussian, frechet_distance

POINTS = 7  # each takes a distance


@dataclass(frozen=True)
class Extrapolation:
    value: float  # the line's at 1/N = 0
    error: float  # standard error of it by least squares; subsets share images, so it is rather too small
    slope: float  # over 1/N
    sizes: tuple[int, ...]
    distances: tuple[float, ...]  # of a subset of each size


def fid_infinity(
    distance: Callable[[Tensor], float], generated: Tensor, *, smallest: int | None = None, points: int = 15, seed: int = 0
) -> Extrapolation:
    """Of features [N, D], and any `distance` of such sets to the real one; sizes go evenly from `smallest` to N.

    Each subset is drawn anew without replacement. `smallest` is a tenth of N where it isn't given: 5,000 of 50,000, as the authors take.

    Raises:
        ValueError: fewer than 3 different sizes, through which a line goes by chance.
    """
    count = len(generated)
    smallest = max(2, count // 10) if smallest is None else smallest
    sizes = [smallest + round(i * (count - smallest) / max(1, points - 1)) for i in range(points)]
    if smallest < 2 or len(set(sizes)) < 3 or max(sizes) > count:
        raise ValueError(f"a line needs three sizes or more between 2 and {count}, and {points} from {smallest} are not")
    generator = torch.Generator().manual_seed(seed)
    distances = [distance(generated[torch.randperm(count, generator=generator)[:size]]) for size in sizes]

    x, y = 1 / torch.tensor(sizes, dtype=torch.float64), torch.tensor(distances, dtype=torch.float64)
    centred = x - x.mean()
    slope = float(centred @ y / centred.square().sum())
    value = float(y.mean()) - slope * float(x.mean())
    variance = float((y - value - slope * x).square().sum()) / (len(sizes) - 2)  # of what the line leaves
    error = (variance * (1 / len(sizes) + float(x.mean()) ** 2 / float(centred.square().sum()))) ** 0.5
    return Extrapolation(value, error, slope, tuple(sizes), tuple(distances))


@metric(
    "fid_infinity", "FID∞", better="lower", paper="https://arxiv.org/abs/1911.07023", needs=("statistics",), least=100,
    original="inception", general="Fréchet distance∞",
)  # fmt: skip
def infinity(evidence: Evidence) -> Found:
    """What the Fréchet distance would be of infinitely many generated pictures, by a line through those of fewer and fewer.

    Of other numbers of pictures it can be compared; the bias by the number of real ones remains. The line begins at a fifth of the set.
    """
    real, features = evidence.real.gaussian, evidence.generated.features
    found = fid_infinity(
        lambda some: frechet_distance(real, Gaussian.of(some)), features, smallest=len(features) // 5, points=POINTS, seed=evidence.seed
    )
    details = {"error_by": "least squares", "slope": found.slope, "sizes": list(found.sizes), "distances": list(found.distances)}
    return Found(found.value, found.error, {"points": POINTS, "smallest": found.sizes[0]}, details)
