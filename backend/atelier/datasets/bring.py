"""The writing of a data set that is brought: what was found in its files, as the four files that `Brought` opens."""

import hashlib
import json
import os
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from atelier.datasets.base import SPLITS, Item, Split, splits_of
from atelier.datasets.brought import (
    ITEMS,
    REPORT,
    SKIPPED,
    SOURCE,
    AttributeMean,
    Bin,
    Captions,
    Duplicates,
    Manifest,
    Records,
    Report,
    Sizes,
    Spread,
)
from atelier.datasets.layouts.base import Listing
from atelier.datasets.scan import Index

EXAMPLES = 5  # of a kind, in a report


def write(
    folder: Path,
    listing: Listing,
    index: Index,
    on_progress: Callable[[int, int], None] | None = None,
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
    """Write the four files that make the folder a data set.

    `on_progress(done, total)` is called after each picture; what it raises ends the writing.
    """
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
                if on_progress:
                    on_progress(row + 1, len(index.kept))
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
