"""Moving pictures that were made, as files named by their content; those that nobody asked for the longest leave when there are many."""

import hashlib
import json
import os
from pathlib import Path
from typing import Any

from atelier.serving.animation import Animation
from atelier.serving.images import keep as write

MOST_BYTES = 1 << 29  # of all of them


def film_name(images: list[str], parameters: dict[str, Any], fps: float, format: Animation) -> str:
    """Of the frames with these ids: the same frames at the same pace, telling the same of themselves, are the same film."""
    return f"{hashlib.sha256(json.dumps([images, parameters, fps], sort_keys=True).encode()).hexdigest()[:32]}.{format}"


def find(folder: Path, name: str) -> Path | None:
    """A film that is there, marked as asked for now."""
    path = folder / name
    try:
        os.utime(path)
    except FileNotFoundError:
        return None
    return path


def keep(folder: Path, name: str, content: bytes) -> Path:
    """Write a film whole, and delete those that are too many by now."""
    write(folder / name, content)
    films = sorted((path for path in folder.iterdir() if path.name != name), key=lambda path: path.stat().st_mtime, reverse=True)
    total = len(content)
    for path in films:
        total += path.stat().st_size
        if total > MOST_BYTES:
            path.unlink(missing_ok=True)
    return folder / name
