"""Checkpoints of a run, written whole: a crash at any moment leaves the previous one."""

import os
from pathlib import Path
from typing import Any

import torch

FORMAT = 2  # of what a checkpoint holds


def save(path: Path, state: dict[str, Any]) -> None:
    """Write beside, flush to the disk, rename."""
    beside = path.with_suffix(".tmp")
    with beside.open("wb") as file:
        torch.save(state | {"format": FORMAT}, file)
        file.flush()
        os.fsync(file.fileno())
    beside.replace(path)


def load(path: Path) -> dict[str, Any]:
    """Read a checkpoint to the CPU; tensors and plain values only, so a foreign file can't run code.

    Raises:
        ValueError: an older or a newer Atelier wrote it.
    """
    state: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
    if state.get("format", 1) != FORMAT:
        raise ValueError("The checkpoint was written by another version of Atelier. That one can resume it; this one can retry it.")
    return state
