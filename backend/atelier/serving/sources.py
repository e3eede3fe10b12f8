"""In the inference process: what a row that asks for more than a seed is drawn from, each made alone, so that it stays what it is."""

from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load
from torch import Tensor

from atelier.models.base import ConditionalGenerator, Generator
from atelier.serving.rows import MovesRow, Row
from atelier.steering.directions import Direction, Facts, Move, move
from atelier.steering.latents import Latents, read
from atelier.steering.paths import between, mixed

REMEMBERED = 32  # files of directions, and of projections


def steered(row: Row) -> bool:
    """Whether a row is drawn from more than a seed, a condition and options."""
    return any(name in row for name in ("latent", "moves", "between", "mixed"))


def has_styles(generator: Generator, row: Row) -> bool:
    """Whether styles of its own are drawn for a row, and not what the generator makes of z."""
    if not generator.style_dim:
        return False
    ways = [row["between"]] if "between" in row else []
    if "mixed" in row or any(way["space"] == "w" for way in ways):
        return True
    ends = [row, *(way["row"] for way in ways)]
    return any("moves" in end or isinstance(end.get("latent"), dict) for end in ends)


def source(generator: Generator, row: Row) -> Latents:
    """One row of latents; styles among them are truncated as the options say."""
    options = row.get("options", {})
    if "mixed" in row:
        other = row["mixed"]["row"]
        one, another = (move(generator, _start(generator, end), [_moves(end.get("moves"))], options=options) for end in (row, other))
        return mixed(generator, one, another, row["mixed"]["layers"], options)
    latents, moves = _start(generator, row), _moves(row.get("moves"))
    if "between" in row:
        other, t = row["between"]["row"], row["between"]["t"]
        latents = between(generator, latents, _start(generator, other), t, row["between"]["space"], options)
        # Amounts are led straight as well: a slider that goes from -3 to 3 passes all that lies between.
        moves = [*_moves(row.get("moves"), 1 - t), *_moves(other.get("moves"), t)]
    return move(generator, latents, [moves], options=options)


def _start(generator: Generator, row: Row) -> Latents:
    """What a row is drawn from, before it is moved."""
    chosen = dict(row.get("chosen", ()))
    given = row.get("latent")
    if isinstance(given, dict):
        found = _projection(Path(given["file"]), given["version"], next(generator.parameters()).device)
        if not chosen or found.styles is not None:
            return found
        return Latents((found.inputs[0], _condition(generator, found.inputs[1], row["seed"], chosen)))
    inputs = generator.inputs([row["seed"]], [chosen] if generator.condition_dim else None)
    return Latents(inputs if given is None else (torch.tensor([given], dtype=inputs[0].dtype).to(inputs[0]), *inputs[1:]))


def _condition(generator: Generator, found: Tensor, seed: int, chosen: Mapping[Any, float]) -> Tensor:
    """The condition [1, condition_dim] that a projection has found, with what was chosen put in."""
    if isinstance(generator, ConditionalGenerator):
        return generator.put(found[0], chosen)[None]
    return generator.inputs([seed], [chosen])[1]


def _moves(moves: MovesRow | None, share: float = 1.0) -> list[Move]:
    if moves is None:
        return []
    vectors = _vectors(moves["vectors"])
    found = []
    for along in moves["along"]:
        # All that moving asks of it; layers come as a list through JSON.
        facts: dict[str, Any] = {**along, "name": along["id"], "layers": along["layers"] and tuple(along["layers"])}
        found.append((Direction(Facts.model_construct(None, **facts), vectors[along["id"]]), share * along["amount"]))
    return found


@lru_cache(maxsize=REMEMBERED)
def _vectors(path: str) -> dict[str, Tensor]:
    try:
        return load(Path(path).read_bytes())
    except FileNotFoundError as error:
        raise ValueError("its directions were found anew meanwhile; ask again") from error


@lru_cache(maxsize=REMEMBERED)
def _projection(path: Path, version: str, device: torch.device) -> Latents:
    try:
        return read(path, device, digest=version)
    except FileNotFoundError as error:
        raise ValueError("the projection has been removed") from error
