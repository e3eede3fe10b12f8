"""Pictures as people have them, made into what networks learn from: every mode, turned upright, cut square, reduced."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image


class Unreadable(ValueError):
    """A picture that can't be used; the message is for the user and says why."""


def open_picture(path: Path, *, at_least: int | None = None) -> Image.Image:
    """The picture, decoded, upright, in mode "L" or "RGB"."""
    raise NotImplementedError


def crop_square(image: Image.Image, box: tuple[float, float, float, float] | None = None) -> Image.Image:
    raise NotImplementedError


def resize(image: Image.Image, resolution: int) -> NDArray[np.uint8]:
    raise NotImplementedError
