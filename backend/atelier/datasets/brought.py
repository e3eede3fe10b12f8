"""Data sets that people bring: what is known of each picture, written once, beside the pictures or pointing at where they lie."""

import hashlib
import json
import os
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from itertools import islice
from pathlib import Path
from typing import Any, Literal, overload

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

from atelier.datasets.base import SPLITS, Dataset, DatasetOptions, Item, Split, splits_of
from atelier.datasets.layouts.base import Box, Listing, Skipped
from atelier.datasets.pictures import draw_square
from atelier.datasets.scan import Index

SOURCE, ITEMS, REPORT, SKIPPED = "source.json", "items.jsonl", "report.json", "skipped.jsonl"
FILES = "files"  # the pictures of an archive or a download
EXAMPLES = 5


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


def write(
    folder: Path,
    listing: Listing,
    index: Index,
    *,
    name: str,
    title: str,
    layout: str,
    licence: str,
    origin: str,
    root: str,
    mirrorable: bool,
    job: int,
) -> Manifest:
    """Write the four files that make the folder a data set."""
    skipped = [*listing.skipped, *index.skipped]
    with (folder / SKIPPED).open("wb") as file:
        for left_out in skipped:
            file.write(_line({"path": left_out.path, "reason": left_out.reason}))

    class_counts = np.zeros(len(listing.class_names), np.int64)
    attribute_sums = np.zeros(len(listing.attribute_names))
    described, captions, boxes = 0, 0, 0
    with (folder / ITEMS).open("wb") as file:

        def written() -> Iterator[Item]:
            nonlocal described, captions, boxes, attribute_sums
            for row, entry in index.rows(listing):
                item = entry.item
                if listing.class_names:
                    class_counts[item.label] += 1
                attribute_sums += item.attributes
                described += bool(item.captions)
                captions += len(item.captions)
                boxes += entry.box is not None
                values = {
                    "path": entry.path,
                    "box": entry.box,
                    "label": item.label,
                    "split": item.split,
                    "concept": item.concept,
                    "captions": item.captions,
                    "attributes": item.attributes,
                    "size": index.sizes[row].tolist(),
                    "sha256": index.sha256[row].tobytes().hex(),
                }
                file.write(_line(values))
                yield item

        splits = splits_of(written())

    count = len(index.kept)
    records = Records(folder / ITEMS, count)
    counted = np.bincount(splits, minlength=len(SPLITS)).tolist()
    split_counts: dict[Split, int] = dict(zip(SPLITS, counted, strict=True))
    groups = index.duplicates()
    num_skipped = len(skipped)

    seen = [records[i].item.captions for i in np.linspace(0, count - 1, 4 * EXAMPLES).astype(int).tolist()]
    examples = list(dict.fromkeys(some[0] for some in seen if some))[:EXAMPLES]
    report = Report(
        num_files=count + num_skipped,
        num_images=count,
        num_skipped=num_skipped,
        duplicates=Duplicates(
            groups=len(groups),
            images=sum(map(len, groups)),
            examples=[[listing.entries[index.kept[row]].path for row in group[:EXAMPLES]] for group in groups[:EXAMPLES]],
        ),
        sizes=_sizes(index.sizes),
        modes=dict(Counter(index.modes).most_common()),
        attributes=[AttributeMean(name=n, mean=s / count) for n, s in zip(listing.attribute_names, attribute_sums.tolist(), strict=True)],
        captions=Captions(images=described, per_image=captions / described if described else 0.0, examples=examples),
        splits=split_counts,
    )
    (folder / REPORT).write_text(report.model_dump_json())

    channels: Literal[1, 3] = 1 if index.grey else 3
    deciding = [channels, mirrorable, listing.class_names, listing.attribute_names]
    digest = hashlib.sha256(_line(deciding))
    with (folder / ITEMS).open("rb") as lines:
        digest.update(hashlib.file_digest(lines, "sha256").digest())
    manifest = Manifest(
        name=name,
        title=title,
        layout=layout,
        licence=licence,
        origin=origin,
        root=root,
        channels=channels,
        mirrorable=mirrorable,
        class_names=listing.class_names,
        attribute_names=listing.attribute_names,
        num_images=count,
        num_skipped=num_skipped,
        num_duplicates=report.duplicates.images - report.duplicates.groups,
        class_counts=class_counts.tolist(),
        splits=split_counts,
        has_captions=described > 0,
        has_boxes=boxes > 0,
        bytes=int(index.bytes.sum()),
        digest=digest.hexdigest(),
        job=job,
        created_at=datetime.now(UTC),
    )
    (folder / SOURCE).write_text(manifest.model_dump_json(indent=1))
    for name in (SKIPPED, ITEMS, REPORT, SOURCE):  # on the disk before the folder gets its name
        with (folder / name).open("rb") as written_file:
            os.fsync(written_file.fileno())
    return manifest


def _line(value: Any) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode() + b"\n"


def _sizes(sizes: NDArray[np.int32]) -> Sizes:
    def spread(values: NDArray[np.int32]) -> Spread:
        return Spread(min=int(values.min()), median=int(np.median(values)), max=int(values.max()))

    powers = np.floor(np.log2(sizes.min(axis=1))).astype(int)  # of the smaller side, which is what a square is cut from
    bins = [Bin(pixels=f"{2**power}–{2 ** (power + 1) - 1}", count=count) for power, count in sorted(Counter(powers.tolist()).items())]
    return Sizes(width=spread(sizes[:, 0]), height=spread(sizes[:, 1]), histogram=bins)
