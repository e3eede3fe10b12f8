"""Where images are drawn from: z and a condition, or the styles that a generator made of them; drawn, and kept as a file."""

import hashlib
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any, Literal

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from atelier.models.base import Generator

Space = Literal["z", "code", "w"]  # codes: what z becomes where it is given another density first

CONDITIONS = 256  # that samples share: of a text, one takes as long as many images
SYNTHESIS = ("noise_mode", "seeds")  # options of the half that draws styles; the others are of the half that makes them


@dataclass(frozen=True, eq=False)
class Latents:
    """Of N images: what `forward` takes, and in its place styles, once something was done to them."""

    inputs: tuple[Tensor, ...]  # z [N, latent_dim], and a condition [N, condition_dim] where the generator takes one
    styles: Tensor | None = None  # [N, L, style_dim]

    def __len__(self) -> int:
        return len(self.inputs[0])

    def rows(self, indices: list[int] | slice) -> "Latents":
        return Latents(tuple(value[indices] for value in self.inputs), None if self.styles is None else self.styles[indices])


def styles(generator: Any, latents: Latents, options: Mapping[str, Any] | None = None) -> Tensor:
    """[N, L, style_dim], truncated where the options say so; as they are where the latents have some."""
    if latents.styles is not None:
        return latents.styles
    of_styles = {name: value for name, value in (options or {}).items() if name not in SYNTHESIS}
    made: Tensor = generator.styles(*latents.inputs, **of_styles)
    return made


def draw(generator: Any, latents: Latents, options: Mapping[str, Any] | None = None) -> Tensor:
    """Images [N, C, H, W] in [-1, 1]. `options` are what the generator's forward takes beside its inputs."""
    if latents.styles is None:
        images: Tensor = generator(*latents.inputs, **(options or {}))
    else:
        images = generator.synthesis(latents.styles, **{name: value for name, value in (options or {}).items() if name in SYNTHESIS})
    return images


def space_of(generator: Generator) -> Space:
    """Where directions of the generator are looked for: as near to what is drawn as its latents come."""
    if generator.style_dim:
        return "w"
    z = generator.inputs([0])[0]
    return "z" if torch.equal(generator.codes(z), z) else "code"


def sample(generator: Generator, count: int, *, seed: int = 0) -> Latents:
    """What so many images are drawn from, with conditions that the data have."""
    few = generator.inputs(range(min(count, CONDITIONS)))
    z = torch.randn(count, generator.latent_dim, generator=torch.Generator().manual_seed(seed)).to(few[0].device)
    rows = torch.arange(count, device=z.device) % len(few[0])
    return Latents((z, *(condition[rows] for condition in few[1:])))


@torch.no_grad()
def points(generator: Generator, latents: Latents) -> Tensor:
    """Latents in the space of `space_of`, [N, K]; of styles, which are all the same before something is done to them, one."""
    return styles(generator, latents)[:, 0] if generator.style_dim else generator.codes(latents.inputs[0])


# --------------------------------------------------------------------------------------------------------------------- on disk


def write_whole(path: Path, content: bytes) -> None:
    """Into a folder that is there; who finds the file finds all of it, also after a crash."""
    with NamedTemporaryFile(dir=path.parent, suffix=".part", delete=False) as file:
        beside = Path(file.name)
        try:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
            beside.chmod(0o644)  # a temporary file is its owner's alone
            beside.replace(path)
        except BaseException:
            beside.unlink(missing_ok=True)
            raise
    descriptor = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def keep(path: Path, latents: Latents, *, digest: str) -> str:
    """Write latents of the version with that digest, in place of what the file may hold; the SHA-256 of the file."""
    tensors = {f"input{index}": value for index, value in enumerate(latents.inputs)}
    if latents.styles is not None:
        tensors["styles"] = latents.styles
    content = save({name: value.detach().cpu().contiguous() for name, value in tensors.items()}, {"version": digest})
    path.parent.mkdir(parents=True, exist_ok=True)
    write_whole(path, content)
    return hashlib.sha256(content).hexdigest()


def read(path: Path, device: torch.device, *, digest: str) -> Latents:
    """
    Raises:
        FileNotFoundError: there is none.
        ValueError: it is damaged, or belongs to another version than that with this digest.
    """
    try:
        with safe_open(path, "pt", device=str(device)) as file:
            of, names = (file.metadata() or {}).get("version"), list(file.keys())
            tensors = {name: file.get_tensor(name) for name in names}
    except SafetensorError as error:
        raise ValueError(f"the latent {path.stem} is damaged: project the picture again") from error
    if of != digest:
        raise ValueError(f"the latent {path.stem} belongs to another version: a picture has a latent of its own in each version")
    inputs = tuple(tensors[name].clone() for name in sorted(tensors.keys() - {"styles"}))  # aligned, as weights are
    return Latents(inputs, tensors["styles"].clone() if "styles" in tensors else None)
