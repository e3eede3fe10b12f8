"""Directions of a generator's latents: what they are, moving images along them, and the folder that keeps a version's.

A direction is a unit vector in a space (z, codes or w) and the same for all images: a slider from -3 to 3 moves them by so many standard
deviations of the latents along it. How they are found: sefa.py, pca.py, interfacegan.py.
"""

import fcntl
import hashlib
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import torch
from pydantic import BaseModel, ConfigDict, Field
from safetensors.torch import load, save
from torch import Tensor

from atelier.models.base import Generator
from atelier.steering.latents import Latents, Space, draw, styles, write_whole

FILE, LOCK = "directions.json", "lock"
REACH = 3.0  # standard deviations to either side
STRIP_SEEDS, STRIP_STEPS = 4, 7  # rows and columns of a strip

Method = Literal["sefa", "pca", "interfacegan"]
METHODS: tuple[Method, ...] = ("sefa", "pca", "interfacegan")


class Facts(BaseModel):
    """What is known of a direction."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    id: str
    """By which it is asked for."""
    name: str = Field(min_length=1, max_length=100)
    """What people call it."""
    method: Method
    """How it was found: in the generator's weights (SeFa), in how its latents vary (PCA), or by a classifier (InterFaceGAN)."""
    space: Space
    """What it is a vector of: z, the codes that z becomes, or the styles w."""
    layers: tuple[int, int] | None = None
    """Of styles, the layers that are moved: from the first to before the second; null: all, or what has none."""
    scale: float
    """A standard deviation of the latents along it, which an amount of 1 moves by."""
    share: float | None = None
    """Of SeFa and PCA: how much of all that varies it accounts for, 0 to 1."""
    dial: str | None = None
    """Of InterFaceGAN: what the classifier sees more of."""
    accuracy: float | None = None
    """Of InterFaceGAN: the share that its plane tells right, of images that show it most or least and that it was not fitted to."""
    change: float = 0.0
    """How far pixels move on average from one end of the slider to the other, of the way from black to white, 0 to 1."""
    strip: str | None = None
    """Name of the picture's file that shows it."""
    hidden: bool = False
    """Whether somebody has put it aside."""


class Description(BaseModel):
    """All directions of a version."""

    format: int = 1
    """Version of this layout."""
    version: str
    """Digest of the version."""
    classifier: str | None = None
    """Digest of the classifier that directions were found by."""
    tried: list[Method] = []
    """How directions were looked for, whether or not some were found."""
    directions: list[Facts] = []
    vectors: str = ""
    """Name of the file beside this one."""


@dataclass(frozen=True, eq=False)
class Direction:
    facts: Facts
    vector: Tensor  # [K] of length 1


Move = tuple[Direction, float]  # and by how many standard deviations


def signed(vectors: Tensor) -> Tensor:
    """Vectors [M, K] whose largest entry is positive: they have no sign of their own, and so it is the same each time."""
    largest = vectors.gather(1, vectors.abs().argmax(dim=1, keepdim=True))
    return torch.where(largest < 0, -vectors, vectors)


def hold(direction: Direction, others: Sequence[Direction]) -> Direction:
    """The direction without what it has of others, so that moving along it leaves alone what those stand for.

    InterFaceGAN's conditional manipulation (arXiv 1907.10786, section 3.3): of one other, n1 - (n1 · n2) n2.

    Raises:
        ValueError: they are of another space, or nothing is left.
    """
    if any(other.facts.space != direction.facts.space for other in others):
        raise ValueError(f"{direction.facts.name} is a direction of {direction.facts.space}: only others of it can be held beside it")
    if not others:
        return direction
    vector = direction.vector.double()
    held = torch.stack([other.vector.double() for other in others]).mT  # [K, M]
    left = vector - held @ torch.linalg.lstsq(held, vector[:, None], driver="gelsd").solution[:, 0]
    if left.norm() < 1e-3:
        raise ValueError(f"of {direction.facts.name} nothing is left beside {', '.join(other.facts.name for other in others)}")
    return replace(direction, vector=(left / left.norm()).to(direction.vector.dtype))


def move(generator: Generator, latents: Latents, moves: Sequence[Sequence[Move]], *, options: Mapping[str, Any] | None = None) -> Latents:
    """Latents with each row moved along its directions. Rows without a move, or by 0 alone, stay what they are, bit for bit.

    Moves in z or codes come before those in w. `options` are what the generator's forward takes beside its inputs: with moves in w,
    styles stand in the result, truncated as they say.

    Raises:
        ValueError: a direction is not one of this generator, or one of z is to move what has styles by now.
    """
    z = latents.inputs[0]
    width = generator.style_dim or generator.codes(z[:1]).shape[1]
    offsets, by_layer = torch.zeros(len(z), width, device=z.device), dict[tuple[int, int] | None, Tensor]()
    rows = torch.zeros(len(z), 1, dtype=torch.bool, device=z.device)
    for row, of_row in enumerate(moves):
        for direction, amount in of_row:
            facts, vector = direction.facts, direction.vector.to(z)
            if (facts.space == "w") != bool(generator.style_dim) or len(vector) != width:
                raise ValueError(f"{facts.name} is a direction of another generator: {len(vector)} entries of {facts.space}")
            if amount == 0:
                continue
            rows[row] = True
            if facts.space == "w":
                by_layer.setdefault(facts.layers, torch.zeros_like(offsets))[row] += amount * facts.scale * vector
            else:
                offsets[row] += amount * facts.scale * vector
    if not rows.any():
        return latents
    if by_layer:
        w = styles(generator, latents, options).clone()  # [N, L, style_dim]
        for layers, offset in by_layer.items():
            w[:, slice(*(layers or (None,)))] += offset[:, None]
        return Latents(latents.inputs, w)
    moved = generator.from_codes(generator.codes(z) + offsets)
    return Latents((torch.where(rows, moved, z), *latents.inputs[1:]), latents.styles)


@torch.no_grad()
def seen(generator: Generator, direction: Direction, *, seeds: int = STRIP_SEEDS, steps: int = STRIP_STEPS) -> Tensor:
    """Images [seeds, steps, C, H, W] from one end of the slider to the other."""
    amounts = torch.linspace(-REACH, REACH, steps).tolist()
    latents = Latents(tuple(value.repeat_interleave(steps, dim=0) for value in generator.inputs(range(seeds))))
    images = draw(generator, move(generator, latents, [[(direction, amount)] for _ in range(seeds) for amount in amounts]))
    return images.view(seeds, steps, *images.shape[1:])


def change(images: Tensor) -> float:
    """`Facts.change`, of what `seen` gives."""
    return float((images[:, -1] - images[:, 0]).abs().mean() / 2)


# --------------------------------------------------------------------------------------------------------------------- on disk


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """One writer at a time, so that a name that is given while directions are found anew is not lost."""
    folder.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(folder / LOCK, os.O_RDWR | os.O_CREAT, 0o644)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def read_description(folder: Path) -> Description | None:
    """Of the directions that were published there, if some were."""
    with suppress(FileNotFoundError):
        return Description.model_validate_json((folder / FILE).read_bytes())
    return None


def read(folder: Path) -> list[Direction]:
    """
    Raises:
        ValueError: the file is damaged.
    """
    description = read_description(folder)
    if description is None:
        return []
    try:
        content = (folder / description.vectors).read_bytes()
    except FileNotFoundError:
        content = b""
    if _name(content) != description.vectors:
        raise ValueError("the directions of this version are damaged: run a discovery with again set to true")
    vectors = load(content)
    return [Direction(facts, vectors[facts.id].clone()) for facts in description.directions]


def publish(
    folder: Path,
    found: Sequence[Direction],
    strips: Mapping[str, bytes],  # PNGs by ids
    *,
    version: str,
    methods: Sequence[Method],
    classifier: str | None,
) -> Description:
    """Put directions that were found by these methods in place of those that the methods have found before.

    Names that people have given stay with directions that are found again, of whatever sign. Readers find the old ones or the new ones:
    vectors and pictures come first, under names of their own, and the rename of the description publishes them.
    """
    with _locked(folder):
        before = read_description(folder) or Description(version=version)
        try:
            known = {direction.facts.id: direction for direction in read(folder)}
        except ValueError:
            known, before = {}, Description(version=version)
        kept = [direction for direction in known.values() if direction.facts.method not in methods]
        merged = [*kept, *(_renamed(direction, known.get(direction.facts.id)) for direction in found)]
        merged.sort(key=lambda direction: METHODS.index(direction.facts.method))
        content = save({direction.facts.id: direction.vector.cpu().contiguous() for direction in merged})
        names = {identity: f"{hashlib.sha256(png).hexdigest()[:16]}.png" for identity, png in strips.items()}
        description = Description(
            version=version,
            classifier=classifier if "interfacegan" in methods else before.classifier,
            tried=[method for method in METHODS if method in methods or method in before.tried],
            directions=[_with_strip(direction.facts, names) for direction in merged],
            vectors=_name(content),
        )
        for identity, png in strips.items():
            write_whole(folder / names[identity], png)
        write_whole(folder / description.vectors, content)
        _write(folder, description)
        needed = {FILE, LOCK, description.vectors, before.vectors, *(facts.strip for facts in description.directions)}
        for left in folder.iterdir():  # also what killed processes left; the vectors before, for whoever has just read their name
            if left.name not in needed:
                left.unlink(missing_ok=True)
        return description


def update(folder: Path, identity: str, *, name: str | None = None, hidden: bool | None = None, removed: bool = False) -> Facts | None:
    """Change what people may change of a direction, or remove it; None where there is none of this id."""
    if not (folder / FILE).exists():
        return None
    with _locked(folder):
        description = read_description(folder)
        old = next((facts for facts in description.directions if facts.id == identity), None) if description else None
        if description is None or old is None:
            return None
        given = {"name": name, "hidden": hidden}
        new = old.model_copy(update={field: value for field, value in given.items() if value is not None})
        changed = [new if facts is old else facts for facts in description.directions if not (removed and facts is old)]
        _write(folder, description.model_copy(update={"directions": changed}))
        return new


def _name(content: bytes) -> str:
    return f"{hashlib.sha256(content).hexdigest()[:16]}.safetensors"


def _write(folder: Path, description: Description) -> None:
    write_whole(folder / FILE, (description.model_dump_json(indent=2) + "\n").encode())


def _renamed(direction: Direction, known: Direction | None) -> Direction:
    if known is None or known.vector.shape != direction.vector.shape or abs(float(known.vector @ direction.vector.cpu())) < 0.99:
        return direction
    return replace(direction, facts=direction.facts.model_copy(update={"name": known.facts.name, "hidden": known.facts.hidden}))


def _with_strip(facts: Facts, names: Mapping[str, str]) -> Facts:
    return facts.model_copy(update={"strip": names.get(facts.id, facts.strip)})
