"""Keeping the colours of the content (Gatys et al. 2016, "Preserving Color in Neural Artistic Style Transfer", arXiv 1606.05897)."""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

LUMA = (0.299, 0.587, 0.114)  # of R, G and B: ITU-R BT.601, which JPEG uses


def luminance(picture: Tensor) -> Tensor:
    """[1, 3, H, W] → [1, 1, H, W]."""
    return (picture * picture.new_tensor(LUMA)[:, None, None]).sum(dim=1, keepdim=True)


def match_luminance(style: Tensor, content: Tensor) -> Tensor:
    """The style's luminance [1, 1, H, W] with the mean and the deviation of the content's; section 4.2, eq. 10."""
    deviation = style.std().clamp_min(1e-6)
    return (style - style.mean()) * (content.std() / deviation) + content.mean()


def recoloured(content: NDArray[np.uint8], light: NDArray[np.floating]) -> NDArray[np.uint8]:
    """The content [H, W, 3] with the luminance `light` [H, W] in [0, 255].

    R, G and B are raised by the same whole number, as far as all three stay in range: their differences, which are all there is to
    chroma, remain what they are bit for bit.
    """
    pixels = content.astype(np.int16)
    change = np.rint(light - pixels @ np.array(LUMA)).astype(np.int16)
    change = change.clip(-pixels.min(axis=2), 255 - pixels.max(axis=2))
    raised: NDArray[np.uint8] = (pixels + change[:, :, np.newaxis]).astype(np.uint8)
    return raised


def transfer(style: Tensor, content: Tensor) -> Tensor:
    """The style [1, 3, h, w] in the colours of the content: with the mean and the covariance that the content's colours have.

    The map is the linear one that moves colours the least (Pitié and Kokaram 2007, "The linear Monge-Kantorovitch linear colour
    mapping"): C'^-½ (C'^½ C C'^½)^½ C'^-½. The paper's own, section 4.1, may turn them. What leaves [-1, 1] is cut off.
    """
    every = max(1, max(content.shape[2:]) // 512)  # so many of the content's colours say enough
    source, target = (picture.cpu().double().flatten(2)[0] for picture in (style, content[..., ::every, ::every]))  # [3, N]
    root = _power(torch.cov(source), 0.5)
    back = _power(torch.cov(source), -0.5)
    mapping = back @ _power(root @ torch.cov(target) @ root, 0.5) @ back
    moved = mapping @ (source - source.mean(dim=1, keepdim=True)) + target.mean(dim=1, keepdim=True)
    return moved.view(style.shape).clamp(-1, 1).to(style)


def _power(matrix: Tensor, exponent: float) -> Tensor:
    """Of a symmetric matrix without negative eigenvalues; those near zero are kept away from it, so that grey has an inverse."""
    values, vectors = torch.linalg.eigh(matrix)
    power: Tensor = (vectors * values.clamp_min(1e-6).pow(exponent)) @ vectors.mT
    return power
