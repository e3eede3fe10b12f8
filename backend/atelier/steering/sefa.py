"""SeFa: Y. Shen, B. Zhou: "Closed-Form Factorization of Latent Semantics in GANs" (2021, arXiv 2007.06600).

What moves an image most is what the first linear map of the latent stretches most: the eigenvectors of AᵀA, with the largest eigenvalues
(eq. 6). No data and no image are needed. Of styles, A holds the affine maps of all layers that are to be moved (section 3.3).
"""

import torch
from torch import Tensor

from atelier.models.base import Generator
from atelier.steering.directions import Direction, Facts, signed
from atelier.steering.latents import Space, points, sample, space_of
from atelier.steering.probe import first_map, style_maps

COUNT, COUNT_IN_RANGE = 8, 4  # directions of all layers, and of a third of them
SAMPLES = 4096
RANGES = ("coarse", "middle", "fine")


def factorise(weights: Tensor, count: int) -> tuple[Tensor, Tensor]:
    """Weights A [outputs, K] → the unit vectors [count, K] that A stretches most, and their shares [count] of all stretching."""
    values, vectors = torch.linalg.eigh(weights.double().mT @ weights.double())  # ascending
    values, vectors = values.flip(0)[:count], vectors.flip(1).mT[:count]
    return signed(vectors).float(), (values / weights.double().square().sum()).clamp_min(0)


def find(generator: Generator) -> list[Direction]:
    """
    Raises:
        ValueError: no linear map takes the generator's latent.
    """
    space = space_of(generator)
    data = points(generator, sample(generator, SAMPLES))
    if space == "w":
        maps = style_maps(generator)
        thirds = [round(len(maps) * third / 3) for third in range(4)]
        ranges = [("", None, COUNT), *((name, (thirds[i], thirds[i + 1]), COUNT_IN_RANGE) for i, name in enumerate(RANGES))]
        parts = [(name, layers, torch.cat(maps[slice(*(layers or (None,)))]), count) for name, layers, count in ranges]
    else:
        weights = first_map(generator)
        if weights is None:
            raise ValueError("SeFa needs a linear map that takes the latent first, and this generator has none")
        parts = [("", None, weights, COUNT)]
    found = []
    for name, layers, weights, count in parts:
        if len(weights):
            found += _directions(name, layers, *factorise(weights, count), data, space)
    if not found:
        raise ValueError("SeFa needs linear maps that take the styles, and this generator has none")
    return found


def _directions(name: str, layers: tuple[int, int] | None, vectors: Tensor, shares: Tensor, data: Tensor, space: Space) -> list[Direction]:
    found = []
    for index, (vector, share) in enumerate(zip(vectors, shares.tolist(), strict=True), 1):
        facts = Facts(
            id="-".join(filter(None, ("sefa", name, str(index)))),
            name=" ".join(filter(None, ("SeFa", name, str(index)))),
            method="sefa",
            space=space,
            layers=layers,
            scale=1.0 if space == "z" else float((data @ vector).std()),
            share=share,
        )
        found.append(Direction(facts, vector.cpu()))
    return found
