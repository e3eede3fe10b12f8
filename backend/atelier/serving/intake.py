"""Versions that people bring, examined in a process of their own, `python -m atelier.serving.intake`: the web process reads no tensor.

That process has bounds on its memory, its time and what it writes: whatever a file makes of its reader, the server stays as it is.
"""

import asyncio
import json
import logging
import os
import resource
import sys
from asyncio.subprocess import PIPE
from pathlib import Path
from typing import Any

from atelier.errors import Invalid, Overloaded

log = logging.getLogger(__name__)

SECONDS = 600.0
MEMORY = 3 << 30  # bytes beside six times the file's size: the zip's copy, the weights, and both networks
SAMPLES = 64


async def examine(file: Path, folder: Path, *, manifest: str | None, description: dict[str, Any] | None) -> dict[str, Any]:
    """Fill an empty folder with the files of the version that was brought; its manifest.

    Raises:
        Invalid: what is wrong with it, in words.
        Overloaded: it took too long.
    """
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "atelier.serving.intake"),
        stdin=PIPE,
        stdout=PIPE,
        stderr=PIPE,
        env={**os.environ, "OMP_WAIT_POLICY": "PASSIVE", "OMP_NUM_THREADS": "1"},
        start_new_session=True,  # Ctrl+C is for the web process
    )
    memory = MEMORY + 6 * file.stat().st_size
    request = {"file": str(file), "folder": str(folder), "manifest": manifest, "description": description, "memory": memory}
    try:
        told, said = await asyncio.wait_for(process.communicate(json.dumps(request).encode()), SECONDS)
    except TimeoutError as error:
        raise Overloaded("examining the file took too long; the machine is busy", retry_after=60) from error
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    if process.returncode == 0:
        found: dict[str, Any] = json.loads(told)
        return found
    if process.returncode == 2:
        raise Invalid.at("/file", json.loads(told)["detail"])
    log.error("examining a version that was brought ended with code %s: %s", process.returncode, said.decode(errors="replace"))
    raise Invalid.at("/file", "the file can't be read: it breaks what reads it, or needs more memory than a version may")


def main() -> None:
    # The channel is a copy of standard output; what a library prints goes to standard error instead of into the answer.
    channel = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    os.nice(5)  # who draws comes first
    request = json.loads(sys.stdin.buffer.read())
    file, folder = Path(request["file"]), Path(request["folder"])
    bounds = {resource.RLIMIT_DATA: request["memory"], resource.RLIMIT_CPU: int(SECONDS), resource.RLIMIT_CORE: 0}
    for limit, most in bounds.items():
        resource.setrlimit(limit, (most, most))

    from pydantic import ValidationError

    from atelier.models.bundle import Description, take_in

    manifest = None if request["manifest"] is None else request["manifest"].encode()
    try:
        try:
            description = None if request["description"] is None else Description.model_validate(request["description"])
        except ValidationError as error:
            raise ValueError(Invalid.of(error).detail) from error
        told = take_in(file, folder, manifest=manifest, description=description)
        _sample(folder)
        channel.write(told.model_dump_json())
    except ValueError as error:
        channel.write(json.dumps({"detail": str(error)}))
        channel.flush()
        sys.exit(2)
    channel.flush()


def _sample(folder: Path) -> None:
    """Put a grid of samples beside the weights: the one that came along, encoded anew, or one that they draw."""
    import torch
    from PIL import Image

    from atelier.datasets.pictures import Unreadable, examine
    from atelier.models import artifact, bundle
    from atelier.serving.images import grid

    path = folder / artifact.SAMPLES
    if path.exists():
        try:
            with examine(path) as picture:
                sheet = picture.convert("L" if picture.mode in ("L", "1") else "RGB")
        except Unreadable as error:
            raise ValueError(f"{artifact.SAMPLES} is no picture: {error}") from error
    else:
        _, generator = artifact.load(folder, torch.device("cpu"))
        images = ((bundle.sampled(generator, SAMPLES).clamp(-1, 1) + 1) * 127.5).round().byte().permute(0, 2, 3, 1).numpy()
        sheet = grid([Image.fromarray(image.squeeze(-1) if image.shape[-1] == 1 else image) for image in images])
    sheet.save(path, "PNG")


if __name__ == "__main__":
    main()
