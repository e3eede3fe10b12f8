"""Perceptual path length: how much an image changes when its latent moves a little (Karras et al. 2019, arXiv 1812.04948, section 4.1).

The mean of d(G(a), G(b))² / ε² over pairs of latents, where b lies ε of the way from a to another latent, and d is the distance of
features. As StyleGAN2's `ppl2_wend`: steps begin at the latent itself, and the one per cent at either end is left out. With another
feature network than LPIPS on VGG16 it is another number, and named after it.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn


@dataclass(frozen=True)
class PathLength:
    value: float
    error: float  # standard error of the mean
    samples: int
    epsilon: float


@torch.no_grad()
def path_length(
    draw: Callable[..., Tensor],
    features: nn.Module,
    starts: Tensor,
    ends: Tensor,
    *given: Tensor,
    spherical: bool = False,
    epsilon: float = 1e-4,
    batch_size: int = 32,
) -> PathLength:
    """`draw(latents, *given)` → images [N, C, H, W] in [-1, 1]; starts and ends [N, ...] are in its space, z or w.

    `given`, such as conditions [N, K], is the same at both ends of a step, and so must be any noise that `draw` adds.
    `spherical` walks on the sphere, as befits z; else straight, as befits w.

    Raises:
        ValueError: images come in another precision than float32: a step of 1e-4 is lost in bfloat16, and in whole pixel values.
    """
    lengths = []
    for start in range(0, len(starts), batch_size):
        rows = slice(start, start + batch_size)
        a = starts[rows]
        b = slerp(a, ends[rows], epsilon) if spherical else torch.lerp(a, ends[rows], epsilon)
        conditions = [values[rows] for values in given]
        with torch.autocast(a.device.type, enabled=False):
            images = draw(torch.cat([a, b]), *[torch.cat([values, values]) for values in conditions])
            if images.dtype not in (torch.float32, torch.float64):
                raise ValueError(f"path lengths need images in float32, and these are {str(images.dtype).removeprefix('torch.')}")
            first, second = features(images).chunk(2)
        lengths.append((first - second).double().square().sum(dim=1).cpu() / epsilon**2)
    found = torch.cat(lengths)  # [N]
    low = torch.quantile(found, 0.01, interpolation="lower")
    high = torch.quantile(found, 0.99, interpolation="higher")
    kept = found[(found >= low) & (found <= high)]
    return PathLength(float(kept.mean()), float(kept.std() / len(kept) ** 0.5), len(starts), epsilon)


def slerp(a: Tensor, b: Tensor, t: float) -> Tensor:
    """From a to b [N, D] along the great circle, the length going from one's to the other's, so that normal latents stay as they are.

    StyleGAN's own puts everything on the unit sphere, which is right only for networks that normalise z.
    """
    lengths = a.norm(dim=1, keepdim=True), b.norm(dim=1, keepdim=True)
    u, v = a / lengths[0], b / lengths[1]
    angle = (u * v).sum(dim=1, keepdim=True).clamp(-1, 1).acos()
    across = v - u * (u * v).sum(dim=1, keepdim=True)
    direction = torch.cos(t * angle) * u + torch.sin(t * angle) * across / across.norm(dim=1, keepdim=True).clamp_min(1e-12)
    between: Tensor = direction * torch.lerp(*lengths, t)
    return between
