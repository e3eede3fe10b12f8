"""Data sets that people bring: what is known of each picture, written once, beside the pictures or pointing at where they lie."""

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from itertools import islice
from pathlib import Path
from typing import Literal, overload

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

from atelier.datasets.base import Dataset, DatasetOptions, Item, Split
from atelier.datasets.layouts.base import Box, Skipped
from atelier.datasets.pictures import draw_square

SOURCE, ITEMS, REPORT, SKIPPED = "source.json", "items.jsonl", "report.json", "skipped.jsonl"
FILES = "files"  # the pictures of an archive or a download


class Manifest(BaseModel):
    """source.json: the set as a whole."""

    name: str
    title: str
    layout: str
    licence: str
    origin: str
    """Where it came from, in words."""
    root: str
    """Folder of the pictures, absolute or below the set's own."""
    channels: Literal[1, 3]
    mirrorable: bool
    class_names: tuple[str, ...]
    attribute_names: tuple[str, ...]
    num_images: int
    num_skipped: int
    num_duplicates: int
    class_counts: list[int]
    splits: dict[Split, int]
    has_captions: bool
    has_boxes: bool
    bytes: int
    """Of the pictures' files."""
    digest: str
    """SHA-256 over all that decides what is drawn, and what is known of it."""
    job: int
    """The one that published it."""
    created_at: datetime


class Spread(BaseModel):
    """How a measure is distributed."""

    min: int
    median: int
    max: int


class Bin(BaseModel):
    """Pictures whose smaller side has so many pixels."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    pixels: str
    """Such as "128–255"."""
    count: int


class Sizes(BaseModel):
    """Of the pictures as they were brought, in pixels."""

    width: Spread
    height: Spread
    histogram: list[Bin]


class Duplicates(BaseModel):
    """Pictures that are the same, or nearly; they stay in the set, and in one split."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    groups: int
    images: int
    """Pictures in these groups."""
    examples: list[list[str]]


class AttributeMean(BaseModel):
    """An attribute, and its mean over all pictures."""

    name: str
    mean: float


class Captions(BaseModel):
    """What describes the pictures in words."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    images: int
    """Pictures that have any."""
    per_image: float
    """On average, of those."""
    examples: list[str]


class Report(BaseModel):
    """report.json: what was found in the files that were brought."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    num_files: int
    """Pictures that were found or named, those that were skipped included."""
    num_images: int
    num_skipped: int
    duplicates: Duplicates
    sizes: Sizes | None
    """Null where the pictures are drawn at any size."""
    modes: dict[str, int]
    """How many pictures were stored in which of Pillow's modes, such as RGB, L, P or CMYK."""
    attributes: list[AttributeMean]
    captions: Captions
    splits: dict[Split, int]


@dataclass(frozen=True, slots=True)
class Record:
    """A line of items.jsonl: a picture's place, and what is known of it."""

    path: str
    item: Item
    box: Box | None
    sha256: str

    @classmethod
    def parse(cls, line: bytes) -> "Record":
        values = json.loads(line)
        item = Item(values["label"], tuple(values["captions"]), tuple(values["attributes"]), values["concept"], values["split"])
        return cls(values["path"], item, values["box"] and tuple(values["box"]), values["sha256"])


class Records(Sequence[Record]):
    """The lines of items.jsonl, read when they are asked for: of a large set, memory holds where each begins."""

    def __init__(self, path: Path, total: int) -> None:
        self.path, self.total = path, total

    @cached_property
    def _starts(self) -> NDArray[np.int64]:
        starts, position = [np.zeros(1, np.int64)], 0
        with self.path.open("rb") as file:
            while chunk := file.read(1 << 20):
                starts.append(np.flatnonzero(np.frombuffer(chunk, np.uint8) == ord("\n")) + position + 1)
                position += len(chunk)
        return np.concatenate(starts)

    def __len__(self) -> int:
        return self.total

    @overload
    def __getitem__(self, index: int) -> Record: ...
    @overload
    def __getitem__(self, index: slice) -> list[Record]: ...
    def __getitem__(self, index: int | slice) -> Record | list[Record]:
        if isinstance(index, slice):
            return [self[i] for i in range(*index.indices(self.total))]
        index = range(self.total)[index]
        with self.path.open("rb") as file:  # of its own, as threads draw at the same time
            file.seek(int(self._starts[index]))
            return Record.parse(file.read(int(self._starts[index + 1] - self._starts[index])))

    def __iter__(self) -> Iterator[Record]:
        with self.path.open("rb") as file:
            for line in file:
                yield Record.parse(line)


class Items(Sequence[Item]):
    """What is known of the pictures, without their places."""

    def __init__(self, records: Records) -> None:
        self.records = records

    def __len__(self) -> int:
        return len(self.records)

    @overload
    def __getitem__(self, index: int) -> Item: ...
    @overload
    def __getitem__(self, index: slice) -> list[Item]: ...
    def __getitem__(self, index: int | slice) -> Item | list[Item]:
        return [record.item for record in self.records[index]] if isinstance(index, slice) else self.records[index].item

    def __iter__(self) -> Iterator[Item]:
        return (record.item for record in self.records)


class BroughtOptions(DatasetOptions):
    """How the pictures are cut."""

    crop: Literal["auto", "square", "box"] = "auto"
    """Cut a square from the middle, or around the box that the set draws around what is shown; auto takes the box where there is one."""


class Brought(Dataset):
    """Pictures that were brought here."""

    Options = BroughtOptions
    options: BroughtOptions

    def __init__(self, folder: Path, options: BroughtOptions) -> None:
        """
        Raises:
            FileNotFoundError: there is no such set (any more).
            ValueError: boxes are asked for, and it has none.
        """
        super().__init__(options)
        self.folder = folder
        self.manifest = Manifest.model_validate_json((folder / SOURCE).read_bytes())
        self.name, self.title, self.licence = self.manifest.name, self.manifest.title, self.manifest.licence
        self.channels, self.mirrorable = self.manifest.channels, self.manifest.mirrorable
        self.attribute_names = self.manifest.attribute_names
        if options.crop == "box" and not self.manifest.has_boxes:
            raise ValueError(f"{self.name} has no boxes to cut its pictures by; choose crop=square")
        self.root = folder / self.manifest.root  # which is `root` itself where that is absolute
        self.records = Records(folder / ITEMS, self.manifest.num_images)

    @property
    def class_names(self) -> tuple[str, ...]:
        return self.manifest.class_names

    @property
    def items(self) -> Items:
        return Items(self.records)

    def __len__(self) -> int:
        return self.manifest.num_images

    def summary(self) -> str:
        return f"Brought as {self.manifest.origin}, on {self.manifest.created_at:%d %B %Y}."

    def identity(self) -> str:
        return f"{self.manifest.digest}, drawing 1"

    def draw(self, index: int, resolution: int) -> NDArray[np.uint8]:
        """
        Raises:
            ValueError: the picture's file is not what it was when the set was added.
        """
        record = self.records[index]
        path = self.root / record.path
        try:
            if Path(self.manifest.root).is_absolute():  # where others may write
                with path.open("rb") as file:
                    if hashlib.file_digest(file, "sha256").hexdigest() != record.sha256:
                        raise ValueError("the file is another one")
            pixels = draw_square(path, resolution, record.box if self.options.crop != "square" else None)
        except (ValueError, OSError) as error:
            reason = error.strerror if isinstance(error, OSError) else error
            raise ValueError(
                f"{record.path} has changed since {self.name} was added ({reason}): remove the set and add it again"
            ) from error
        # Of a set of grey pictures some may be stored in colour, and the other way round.
        return pixels[..., :1] if self.channels == 1 else np.repeat(pixels, 3 // pixels.shape[-1], axis=-1)

    def report(self) -> Report:
        return Report.model_validate_json((self.folder / REPORT).read_bytes())

    def skipped(self, first: int, count: int) -> list[Skipped]:
        """Some of what was left out, with reasons, in a fixed order."""
        with (self.folder / SKIPPED).open("rb") as file:
            return [Skipped(**json.loads(line)) for line in islice(file, first, first + count)]
