"""Diversity: how far pictures of a set are from each other, as LPIPS sees it (as in Zhu et al. 2017, arXiv 1711.11586, section 5.2).

High where pictures differ, whether they are good or not; near 0 where the generator always draws the same.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from atelier.metrics.base import Evidence, Found, metric
from atelier.metrics.features import FeatureNetwork

PICTURES = 2000  # of those asked for, that are looked at: a thousand pairs tell a mean to a few per cent of itself


@dataclass(frozen=True)
class Diversity:
    value: float
    error: float  # standard error of the mean
    pairs: int


@torch.no_grad()
def diversity(network: FeatureNetwork, images: Tensor, *, batch_size: int = 16, seed: int = 0) -> Diversity:
    """Mean of the squared distances of vectors over pairs of images [N, C, H, W], uint8 or float in [-1, 1]: LPIPS through "vgg16".

    Each image is in one pair at most, drawn by the seed, so that the standard error is what it says.

    Raises:
        ValueError: fewer than 4 images.
    """
    pairs = len(images) // 2
    if pairs < 2:
        raise ValueError(f"a mean of distances with its error needs two pairs of images at least, and there are {len(images)} images")
    order = torch.randperm(len(images), generator=torch.Generator().manual_seed(seed))[: 2 * pairs]
    distances = []
    for start in range(0, pairs, batch_size // 2):
        rows = order.view(pairs, 2)[start : start + batch_size // 2].mT.flatten()
        first, second = network(images[rows].to(network.device)).chunk(2)
        distances.append((first - second).square().sum(dim=1).cpu())
    found = torch.cat(distances).double()
    return Diversity(float(found.mean()), float(found.std() / pairs**0.5), pairs)


@metric(
    "diversity",
    "LPIPS diversity",
    better="higher",
    paper="https://arxiv.org/abs/1711.11586",
    needs=("perceptual",),
    least=10,
    original="vgg16",
    general="Perceptual diversity",
)
def lpips_diversity(evidence: Evidence) -> Found:
    """How far generated pictures are from each other to the eye: high where they differ, good or not, and 0 where all are the same.

    Compare it with that of the real set, and pictures of one size.
    """
    assert evidence.draw_pictures is not None
    pictures, network = evidence.draw_pictures(min(evidence.num_samples, PICTURES)), evidence.perceptual
    told = network.register_forward_hook(lambda module, images, found: evidence.on_images(len(found)))
    try:
        found = diversity(network, pictures, seed=evidence.seed)
    finally:
        told.remove()
    size = "x".join(str(side) for side in (pictures.shape[3], pictures.shape[2]))
    details = {"pairs": found.pairs, "error_by": "deviation over the root of N"}
    return Found(found.value, found.error, {"pairs": "each picture in one", "size": size}, details, len(pictures))
