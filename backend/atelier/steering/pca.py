"""GANSpace: E. Härkönen et al.: "GANSpace: Discovering Interpretable GAN Controls" (2020, arXiv 2004.02546).

The principal components of what the generator makes of z before it draws: of styles w, as section 2.2 has it, or of the codes of an
autoencoder. Of z itself there are none, because it varies alike in all directions. The paper then takes the first layer's activations
and looks for the z that leads along their components (section 2.3): where that layer is linear, these are SeFa's directions.
"""

import torch
from torch import Tensor

from atelier.models.base import Generator
from atelier.steering.directions import Direction, Facts, signed
from atelier.steering.latents import points, sample, space_of

COUNT = 10
SAMPLES = 10_000


def components(data: Tensor, count: int) -> tuple[Tensor, Tensor, Tensor]:
    """Points [N, K] → the directions [count, K] in which they vary most, their standard deviations there, and shares of all variance."""
    values, vectors = torch.linalg.eigh(torch.cov(data.double().mT))  # ascending
    values, vectors = values.flip(0).clamp_min(0), signed(vectors.flip(1).mT)
    return vectors[:count].float(), values[:count].sqrt(), values[:count] / values.sum()


def find(generator: Generator) -> list[Direction]:
    """
    Raises:
        ValueError: the generator draws from z directly.
    """
    space = space_of(generator)
    if space == "z":
        raise ValueError("PCA needs styles or codes: z itself varies alike in all directions")
    vectors, deviations, shares = components(points(generator, sample(generator, SAMPLES)), COUNT)
    return [
        Direction(Facts(id=f"pca-{i}", name=f"PCA {i}", method="pca", space=space, scale=scale, share=share), vector.cpu())
        for i, (vector, scale, share) in enumerate(zip(vectors, deviations.tolist(), shares.tolist(), strict=True), 1)
    ]
