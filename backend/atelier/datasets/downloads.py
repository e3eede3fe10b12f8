"""Published data sets that torchvision can fetch, written out in one of the layouts."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Download:
    """A data set that can be fetched where there is a network."""

    name: str
    title: str
    licence: str
    layout: str  # that the fetched files have
    bytes: int  # to fetch, about
    images: int


downloads: dict[str, Download] = {}


def fetch(name: str, folder: Path, on_progress: Callable[[int, int], None] | None = None) -> None:
    raise NotImplementedError
