"""What a version's images can be moved along and drawn from beside seeds: its directions, and the latents that projections have found."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path

from safetensors import SafetensorError, safe_open

from atelier.errors import Invalid
from atelier.serving.rows import AlongRow, LatentRow, MovesRow
from atelier.steering.directions import Description, Facts, read, read_description

DIGITS = 16  # of a digest, where it stands in parameters


@dataclass(frozen=True)
class Sliders:
    """A version's directions, as they were when they were read."""

    folder: Path
    description: Description

    @cached_property
    def digests(self) -> Mapping[str, str]:
        """Of what moving along each direction does, by its id: found anew, a direction may be another one."""
        found = {}
        for direction in read(self.folder):
            facts = direction.facts
            told = hashlib.sha256(f"{facts.space} {facts.layers} {facts.scale!r} ".encode())
            told.update(direction.vector.float().numpy().tobytes())
            found[facts.id] = told.hexdigest()[:DIGITS]
        return found

    @cached_property
    def called(self) -> dict[str, Facts]:
        """Directions by their ids, and by their names where those are one direction's alone."""
        every = self.description.directions
        names = [facts.name for facts in every]
        return {facts.name: facts for facts in every if names.count(facts.name) == 1} | {facts.id: facts for facts in every}

    @property
    def listed(self) -> list[str]:
        """For people: ids, and in brackets what somebody calls them."""
        return [f"{facts.id} ({facts.name})" for facts in self.description.directions]

    def moves(self, amounts: Mapping[str, float]) -> tuple[dict[str, float], MovesRow]:
        """Amounts by ids, and the same for the inference process; moves by 0 are none.

        Raises:
            Invalid: a direction is named twice.
        """
        chosen: dict[str, float] = {}
        for name, amount in amounts.items():
            identity = self.called[name].id
            if identity in chosen:
                raise Invalid.at("/directions", f"{identity} is asked for twice, by its id and by its name")
            chosen[identity] = amount
        chosen = {identity: amount for identity, amount in sorted(chosen.items()) if amount != 0}
        along: list[AlongRow] = []
        for identity, amount in chosen.items():
            facts = self.called[identity]
            along.append(AlongRow(id=identity, space=facts.space, layers=facts.layers, scale=facts.scale, amount=amount))
        return chosen, MovesRow(vectors=str(self.folder / self.description.vectors), along=along)


def sliders(folder: Path) -> Sliders | None:
    """Those that a discovery has found, if it has found some."""
    description = read_description(folder)
    return Sliders(folder, description) if description is not None and description.directions else None


def projected(path: Path, version: str) -> tuple[str, LatentRow]:
    """The digest of a latent that a projection has found, and where it lies. `version` is the digest of the version that is to draw it.

    Raises:
        FileNotFoundError: there is none.
        ValueError: it is damaged, or belongs to another version.
    """
    stat = path.stat()
    digest, of = _inside(path, stat.st_mtime_ns, stat.st_ino)
    if of != version:
        raise ValueError("it is a latent of another version: a picture has one of its own in each")
    return digest, LatentRow(file=str(path), version=version)


@lru_cache(maxsize=256)
def _inside(path: Path, modified: int, inode: int) -> tuple[str, str]:
    """Digests of a file and of the version that it is for; read once while it is what it was."""
    try:
        with safe_open(path, "pt") as file:
            of = (file.metadata() or {}).get("version", "")
    except SafetensorError as error:
        raise ValueError("its file is damaged: project the picture again") from error
    return hashlib.sha256(path.read_bytes()).hexdigest()[:DIGITS], of
