"""One image as the inference process is asked for it: JSON, and typed on both sides."""

from typing import Any, NotRequired, TypedDict

from atelier.serving.images import Format
from atelier.steering.latents import Space
from atelier.steering.paths import PathSpace

Entry = tuple[int | str, float]  # of a condition, by its place in it, or a prompt; and how much of it


class LatentRow(TypedDict):
    """What a projection has found."""

    file: str
    version: str  # digest of the version that it is for


class AlongRow(TypedDict):
    """A direction, and how far along it."""

    id: str
    space: Space
    layers: tuple[int, int] | None
    scale: float
    amount: float


class MovesRow(TypedDict):
    vectors: str  # path of the file that holds them, which is named by its content
    along: list[AlongRow]


class DialRow(TypedDict):
    """To what an image is turned, and by which classifier."""

    folder: str
    digest: str
    targets: list[tuple[int, float]]


class Steered(TypedDict):
    """What of a row is said neither by a condition nor by options."""

    latent: NotRequired[list[float] | LatentRow]  # in place of the seed's z
    moves: NotRequired[MovesRow]
    dial: NotRequired[DialRow]


class Row(Steered):
    """All but the parameters decides the image."""

    seed: int
    chosen: NotRequired[list[Entry]]  # entries of its condition, or prompts; the data decide the others
    read: NotRequired[str]  # a prompt, of which not an image is wanted, but what the version makes of it
    options: NotRequired[dict[str, Any]]  # what the generator's forward takes beside its inputs
    between: NotRequired["BetweenRow"]
    mixed: NotRequired["MixedRow"]
    parameters: NotRequired[dict[str, Any]]  # what the picture carries
    format: NotRequired[Format]  # of the picture; PNG without it
    file: NotRequired[str]  # where it is kept, as PNG


class BetweenRow(TypedDict):
    """An image on the way from the row that this is part of to another, whose options are the same."""

    row: Row
    t: float  # 0 to 1
    space: PathSpace


class MixedRow(TypedDict):
    """An image with the styles of another row, whose options are the same, in these layers."""

    row: Row
    layers: list[int]
