"""Zip files from strangers: looked through before anything is written, and unpacked within bounds."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Limits:
    """What an archive may become."""

    max_bytes: int = 50 * 10**9  # unpacked, all together
    max_files: int = 2_000_000
    max_ratio: float = 200.0  # unpacked to packed
    keep_free: int = 10**9  # bytes that the disk must still have afterwards


def check(path: Path, limits: Limits) -> None:
    raise NotImplementedError


def unpack(path: Path, folder: Path, limits: Limits, on_progress: Callable[[int, int], None] | None = None) -> None:
    raise NotImplementedError
