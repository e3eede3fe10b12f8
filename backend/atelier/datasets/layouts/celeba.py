"""CelebFaces Attributes."""

import csv
from collections.abc import Iterator
from pathlib import Path

from atelier.datasets.base import Item, Split
from atelier.datasets.layouts.base import (
    Box,
    Entry,
    Layout,
    Listing,
    Skipped,
    broken,
    find,
    found,
    is_picture,
    layout,
    normal,
    pictures,
    text_of,
    walk,
)

FOLDERS = ("img_align_celeba", "img_align_celeba_png", "img_celeba")  # the last one holds whole photographs, with a box around the face
LISTS = {
    "list_attr_celeba": "attributes",
    "list_eval_partition": "splits",
    "list_bbox_celeba": "boxes",
    "identity_celeba": "people",
}
PARTITIONS: dict[str, Split] = {"0": "train", "1": "val", "2": "test"}
PRESENT = {"1": 1.0, "-1": 0.0, "0": 0.0}


@layout("celeba")
class CelebA(Layout):
    """CelebFaces Attributes: faces of celebrities with 40 attributes, as published or as Kaggle packs it (lists as .csv).

    Z. Liu, P. Luo, X. Wang, X. Tang: Deep Learning Face Attributes in the Wild. Pictures of one person stay together in a split that
    is made here, when identity_CelebA.txt is there. The boxes are those of the whole photographs, not of the aligned faces.
    """

    title = "CelebA"
    wanted = "a folder img_align_celeba, and list_attr_celeba.txt (or .csv)"
    rank = 2

    def matches(self, root: Path) -> bool:
        there = _find(root)
        return "attributes" in there and "pictures" in there

    def read(self, root: Path) -> Listing:
        lists = _find(root)
        if "attributes" not in lists or "pictures" not in lists:
            raise ValueError(f"{root.name} is not laid out as {self.title}: expected {self.wanted}; {found(root)}")
        path, home = lists["attributes"], lists["pictures"]
        names, lines = _table(path)
        if not names:
            raise broken(path, root, 2, "expected the names of the attributes")

        splits: dict[str, Split] = {}
        if partition := lists.get("splits"):
            for line, (name, value, *_) in _table(partition, header=False)[1]:
                if value not in PARTITIONS:
                    raise broken(partition, root, line, f"expected 0 (train), 1 (validation) or 2 (test), not {value!r}")
                splits[name] = PARTITIONS[value]
        people: dict[str, str] = {}
        if identity := lists.get("people"):
            people = {name: f"person {value}" for _, (name, value, *_) in _table(identity, header=False)[1]}
        boxes: dict[str, Box] = {}
        if home.name.lower() == "img_celeba" and (listed := lists.get("boxes")):
            for line, (name, *values) in _table(listed)[1]:
                try:
                    left, top, width, height = map(float, values)
                except ValueError:
                    raise broken(listed, root, line, f"expected four numbers, not {' '.join(values)!r}") from None
                boxes[name] = (left, top, width, height)

        skipped: list[Skipped] = []
        prefix = f"{home.relative_to(root).as_posix()}/"
        there = {normal(file): prefix + file for file in pictures(home, skipped)}
        same: dict[tuple[float, ...], tuple[float, ...]] = {}  # many faces have the same attributes
        entries: list[Entry] = []
        for line, (name, *values) in lines:
            if len(values) != len(names):
                raise broken(path, root, line, f"expected {len(names)} values, not {len(values)}")
            try:
                attributes = tuple(PRESENT[value] for value in values)
            except KeyError as error:
                raise broken(path, root, line, f"expected 1 or -1, not {error.args[0]!r}") from None
            file = there.pop(name, None) or there.pop(f"{name.rpartition('.')[0]}.png", None)  # img_align_celeba_png
            if file is None:
                skipped.append(Skipped(f"{prefix}{name}", f"{path.name} names it, and it is not there"))
                continue
            item = Item(attributes=same.setdefault(attributes, attributes), concept=people.get(name, ""), split=splits.get(name))
            entries.append(Entry(file, item, boxes.get(name)))
        skipped += (Skipped(file, f"{path.name} says nothing of it") for file in there.values())
        return Listing(entries, attribute_names=tuple(name.replace("_", " ") for name in names), skipped=tuple(skipped))


def _find(root: Path) -> dict[str, Path]:
    """The lists, and the folder of the pictures. In the publisher's own archive they lie in Anno, Eval and Img."""
    names = [name + suffix for name in LISTS for suffix in (".txt", ".csv")]
    there = find(root, *names, *FOLDERS)
    lists = {what: path for name, what in LISTS.items() for path in (*there[f"{name}.csv"][:1], *there[f"{name}.txt"][:1])}
    for folder in (path for name in FOLDERS for path in there[name]):
        inner = folder / folder.name  # Kaggle's archive has one in another
        home = inner if inner.is_dir() else folder
        if home.is_dir() and any(map(is_picture, walk(home))):
            return {**lists, "pictures": home}
    return lists


def _table(path: Path, *, header: bool = True) -> tuple[list[str], Iterator[tuple[int, list[str]]]]:
    """Names of the columns after the first, and number and fields of each line.

    Text files separate by blanks, and begin with the number of lines; .csv files always have a header.
    """
    lines = text_of(path).splitlines()
    if path.suffix.lower() == ".csv":
        table = list(csv.reader(lines))
        return table[0][1:] if table else [], ((line, row) for line, row in enumerate(table[1:], 2) if len(row) > 1)
    start = 2 if header else 0
    names = lines[1].split() if header and len(lines) > 1 else []
    split = ((line, text.split()) for line, text in enumerate(lines[start:], start + 1))
    return names, ((line, fields) for line, fields in split if len(fields) > 1)
