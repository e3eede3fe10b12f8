"""Pictures between files and the core: decoded, brought to a size, and back to pixels."""

from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor
from torch.nn.functional import interpolate

from atelier.datasets.pictures import open_picture

LARGEST = 4096  # pixels of the longer side
SHORTEST = 32  # … of the shorter one: what networks with four pools still see something of


def read(path: Path, longest: int = LARGEST) -> Tensor:
    """Any picture as float32 [1, 3, H, W] in [-1, 1]: upright, over white, grey as colours, its longer side at most `longest` pixels.

    Raises:
        atelier.datasets.pictures.Unreadable: it is no picture, is damaged, or has too many or too few pixels.
    """
    image = open_picture(path).convert("RGB")
    if max(image.size) > longest:
        image.thumbnail((longest, longest), Image.Resampling.LANCZOS)
    return from_pixels(np.array(image))


def from_pixels(pixels: NDArray[np.uint8]) -> Tensor:
    """[H, W, 3] → [1, 3, H, W] in [-1, 1]."""
    return torch.from_numpy(pixels).permute(2, 0, 1)[None].float().contiguous() / 127.5 - 1


def to_pixels(picture: Tensor) -> NDArray[np.uint8]:
    """[1, 3, H, W] in [-1, 1] → [H, W, 3]; the very pixels that `from_pixels` was given."""
    pixels = ((picture[0].detach().float().cpu() + 1) * 127.5).round().clamp(0, 255)
    return np.ascontiguousarray(pixels.byte().permute(1, 2, 0).numpy())


def fitted(picture: Tensor, size: int) -> tuple[int, int]:
    """Height and width of the picture with a longer side of `size`; more where the shorter one would fall below 32 pixels."""
    height, width = picture.shape[2:]
    scale = max(size / max(height, width), SHORTEST / min(height, width))
    return max(SHORTEST, round(height * scale)), max(SHORTEST, round(width * scale))


def resize(picture: Tensor, height: int, width: int) -> Tensor:
    """By a bicubic filter that takes in every pixel; what it overshoots is cut off."""
    if picture.shape[2:] == (height, width):
        return picture
    source = picture.cpu() if picture.device.type == "mps" else picture  # Apple's GPUs have no such filter
    return interpolate(source, (height, width), mode="bicubic", align_corners=False, antialias=True).clamp(-1, 1).to(picture.device)
