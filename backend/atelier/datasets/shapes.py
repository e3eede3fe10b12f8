"""Shapes drawn here: pictures whose every property is known exactly."""

from bisect import bisect
from dataclasses import dataclass as plain_dataclass
from functools import cached_property
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw
from pydantic import Field

from atelier.datasets.base import Dataset, DatasetOptions, Item, Split, dataset

OVERSAMPLING = 8


def _regular(corners: int, inner: float | None = None) -> NDArray[np.float64]:
    """A regular polygon with a corner on top; with `inner`, a star whose inner corners have that radius."""
    count = corners * (2 if inner else 1)
    angles = np.arange(count) * 2 * np.pi / count
    radii = np.where(np.arange(count) % 2, inner or 1.0, 1.0)
    return np.stack((np.sin(angles), -np.cos(angles)), axis=1) * radii[:, None]


def _heart() -> NDArray[np.float64]:
    t = np.linspace(0, 2 * np.pi, 100, endpoint=False)
    outline = np.stack((16 * np.sin(t) ** 3, -13 * np.cos(t) + 5 * np.cos(2 * t) + 2 * np.cos(3 * t) + np.cos(4 * t)), axis=1)
    return outline / 17


# corners [n, 2], x to the right and y down, within [-1, 1]
SHAPES: dict[str, NDArray[np.float64]] = {
    "circle": _regular(128),
    "square": np.array([(-1, -1), (1, -1), (1, 1), (-1, 1)]) * 0.88,
    "triangle": np.array([(0, -0.9), (1, 0.83), (-1, 0.83)]),
    "diamond": np.array([(0, -1), (0.72, 0), (0, 1), (-0.72, 0)]),
    "hexagon": _regular(6),
    "star": _regular(5, inner=0.42),
    "cross": np.array([(-1, -3), (1, -3), (1, -1), (3, -1), (3, 1), (1, 1), (1, 3), (-1, 3), (-1, 1), (-3, 1), (-3, -1), (-1, -1)]) / 3,
    "heart": _heart(),
}
COLOURS = {
    "red": (214, 40, 40),
    "orange": (245, 130, 32),
    "yellow": (250, 204, 21),
    "green": (34, 150, 70),
    "blue": (37, 99, 235),
    "purple": (126, 48, 190),
    "pink": (244, 114, 182),
    "brown": (136, 84, 44),
}
BACKGROUNDS = {"white": (255, 255, 255), "cream": (255, 240, 208), "grey": (168, 172, 178), "black": (16, 16, 20)}
RADII = (0.12, 0.36)  # half of a shape's extent, as a part of the picture's side
SIZES = ("small", "medium-sized", "large")
MIDDLE = (0.43, 0.57)  # a centre within is neither left nor right, top nor bottom
EDGE = 0.02  # kept free on each side


class ShapesOptions(DatasetOptions):
    """How many shapes, and which."""

    count: int = Field(5000, ge=1, le=100_000)
    """Pictures to draw; more of them begin with the same ones."""
    seed: int = Field(0, ge=0, le=2**32 - 1)
    """Seed of the random choices; another seed draws other pictures."""
    hold_out: Literal["none", "pairs"] = "none"
    """Keep every fourth pair of shape and colour, in all its pictures, out of the part for training, to see if it is drawn all the same."""


@plain_dataclass(frozen=True)
class Scene:
    """All that is in a picture; lengths are parts of its side."""

    shape: str
    colour: str
    background: str
    radius: float
    x: float  # centre, from the left
    y: float  # centre, from the top

    @property
    def size(self) -> float:
        """0 the smallest, 1 the largest."""
        return (self.radius - RADII[0]) / (RADII[1] - RADII[0])

    @property
    def held_out(self) -> bool:
        """Whether its shape and colour are one of the 16 pairs, two a shape and two a colour, that can be kept from training."""
        return (list(SHAPES).index(self.shape) + list(COLOURS).index(self.colour)) % 4 == 0

    def attributes(self) -> tuple[float, ...]:
        kinds = ((SHAPES, self.shape), (COLOURS, self.colour), (BACKGROUNDS, self.background))
        return (*(float(name == value) for names, value in kinds for name in names), self.size, self.x, self.y)

    def captions(self) -> tuple[str, ...]:
        size = SIZES[min(int(self.size * 3), 2)]
        row = ("top", "", "bottom")[bisect(MIDDLE, self.y)]
        column = ("left", "", "right")[bisect(MIDDLE, self.x)]
        place = f"at the {row} {column}".rstrip() if row else f"on the {column}" if column else "in the centre"
        what = f"{self.colour} {self.shape}"
        article = "an" if what[0] in "aeiou" else "a"
        return (
            f"a {size} {what} {place}, on a {self.background} background",
            f"{article} {what} {place}",
            f"{article} {what} on a {self.background} background",
            f"a {size} {what}",
        )


@dataset("shapes")
class Shapes(Dataset):
    """One plain shape a picture, of random colour, size, place and background: any number of them, all exactly labelled.

    Mirroring such a picture makes what is said of its place wrong.
    """

    title = "Shapes"
    licence = "MIT (drawn by Atelier)"
    mirrorable = False  # captions and attributes say what is on the left
    Options = ShapesOptions
    options: ShapesOptions
    class_names = tuple(SHAPES)
    attribute_names = (*SHAPES, *COLOURS, *(f"{name} background" for name in BACKGROUNDS), "size", "x", "y")

    @cached_property
    def _scenes(self) -> tuple[Scene, ...]:
        # one row of numbers a picture, so that the first n pictures do not depend on how many follow
        rows = np.random.Generator(np.random.PCG64(self.options.seed)).random((self.options.count, 6))
        names = [tuple(kind) for kind in (SHAPES, COLOURS, BACKGROUNDS)]

        def scene(row: list[float]) -> Scene:
            shape, colour, background = (kind[int(value * len(kind))] for kind, value in zip(names, row, strict=False))
            radius = RADII[0] + row[3] * (RADII[1] - RADII[0])
            reach = radius + EDGE
            return Scene(shape, colour, background, radius, *(reach + value * (1 - 2 * reach) for value in row[4:]))

        return tuple(map(scene, rows.tolist()))

    @cached_property
    def items(self) -> tuple[Item, ...]:
        pairs = self.options.hold_out == "pairs"

        def item(scene: Scene) -> Item:
            split: Split | None = "test" if pairs and scene.held_out else None
            return Item(self.class_names.index(scene.shape), scene.captions(), scene.attributes(), split=split)

        return tuple(map(item, self._scenes))

    def draw(self, index: int, resolution: int) -> NDArray[np.uint8]:
        scene, side = self._scenes[index], resolution * OVERSAMPLING
        mask = Image.new("L", (side, side))
        corners = (SHAPES[scene.shape] * scene.radius + (scene.x, scene.y)) * side - 0.5  # Pillow counts from the pixel's centre
        ImageDraw.Draw(mask).polygon([(x, y) for x, y in corners.tolist()], fill=255)
        picture = Image.new("RGB", (resolution, resolution), BACKGROUNDS[scene.background])
        picture.paste(COLOURS[scene.colour], mask=mask.reduce(OVERSAMPLING))
        return np.asarray(picture)

    def identity(self) -> str:
        return "drawing 1"
