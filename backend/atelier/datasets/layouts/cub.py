"""Caltech-UCSD Birds-200-2011, with the captions that S. Reed et al. collected for it."""

import os
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
    captions_of,
    find,
    found,
    layout,
    normal,
    pictures,
    rows,
    text_of,
    without_suffix,
)

LISTS = ("images.txt", "image_class_labels.txt", "classes.txt")
CAPTIONS = ("text_c10", "text")  # Reed et al., and what AttnGAN made of them


@layout("cub")
class Cub(Layout):
    """Caltech-UCSD Birds-200-2011: species as classes, boxes, 312 attributes, and ten captions a picture where text_c10 lies beside it.

    C. Wah, S. Branson, P. Welinder, P. Perona, S. Belongie: The Caltech-UCSD Birds-200-2011 Dataset. Captions: S. Reed, Z. Akata,
    H. Lee, B. Schiele: Learning Deep Representations of Fine-Grained Visual Descriptions. Other sets that were made after its
    pattern are read as well; all lists but three may be missing.
    """

    title = "CUB-200-2011"
    wanted = "images.txt, image_class_labels.txt, classes.txt and a folder images"
    rank = 1

    def matches(self, root: Path) -> bool:
        return _home(root) is not None

    def read(self, root: Path) -> Listing:
        if (home := _home(root)) is None:
            raise ValueError(f"{root.name} is not laid out as {self.title}: expected {self.wanted}; {found(root)}")

        names: dict[str, str] = {}  # class id to its name
        for _, (key, name) in rows(home / "classes.txt", root, 2):
            number, _, rest = name.partition(".")
            names[key] = (rest if number.isdigit() and rest else name).replace("_", " ")
        index = {key: label for label, key in enumerate(names)}

        images: dict[str, str] = {}  # image id to its path below images/
        path = home / "images.txt"
        for line, (key, name) in rows(path, root, 2):
            if key in images:
                raise broken(path, root, line, f"image {key} is listed twice")
            images[key] = name

        labels: dict[str, int] = {}
        path = home / "image_class_labels.txt"
        for line, (key, value) in rows(path, root, 2):
            if value not in index:
                raise broken(path, root, line, f"there is no class {value} in classes.txt")
            labels[key] = index[value]

        splits: dict[str, Split] = {}
        for line, (key, value) in _optional(path := home / "train_test_split.txt", root, 2):
            if value not in ("0", "1"):
                raise broken(path, root, line, f"expected 1 (train) or 0 (test), not {value!r}")
            splits[key] = "train" if value == "1" else "test"

        boxes: dict[str, Box] = {}
        for line, (key, *values) in _optional(path := home / "bounding_boxes.txt", root, 5):
            try:
                left, top, width, height = map(float, values)
            except ValueError:
                raise broken(path, root, line, f"expected four numbers, not {' '.join(values)!r}") from None
            boxes[key] = (left, top, width, height)

        attribute_names, attributes = _attributes(home, root, images)
        skipped: list[Skipped] = []
        entries: list[Entry] = []
        prefix = f"{(home / 'images').relative_to(root).as_posix()}/"
        there = {normal(path): prefix + path for path in pictures(home / "images", skipped)}
        texts = _captions(home, root)
        for key, name in images.items():
            place = there.pop(normal(name), None)
            if place is None:
                skipped.append(Skipped(prefix + name, "images.txt names it, and it is not there"))
                continue
            if key not in labels:
                skipped.append(Skipped(place, "image_class_labels.txt says nothing of it"))
                continue
            captions: tuple[str, ...] = ()
            if texts:
                text = texts / f"{without_suffix(place.removeprefix(prefix))}.txt"
                captions = captions_of(text_of(text)) if text.is_file() else ()
                if not captions:
                    skipped.append(Skipped(place, f"there are no captions in {texts.name}/{without_suffix(name)}.txt"))
                    continue
            present = tuple(map(float, attributes[key])) if attribute_names else ()
            entries.append(Entry(place, Item(labels[key], captions, present, split=splits.get(key)), boxes.get(key)))
        skipped += (Skipped(place, "images.txt does not name it") for place in there.values())
        return Listing(entries, tuple(names.values()), attribute_names, tuple(skipped))


def _home(root: Path) -> Path | None:
    """The folder with the lists."""
    for path in find(root, "images.txt")["images.txt"]:
        if all((path.parent / name).is_file() for name in LISTS) and (path.parent / "images").is_dir():
            return path.parent
    return None


def _optional(path: Path, root: Path, columns: int) -> Iterator[tuple[int, list[str]]]:
    return rows(path, root, columns) if path.is_file() else iter(())


def _attributes(home: Path, root: Path, images: dict[str, str]) -> tuple[tuple[str, ...], dict[str, bytearray]]:
    """Names, and for each image id a 0 or 1 for each of them; what is not listed is absent."""
    path = home / "attributes" / "image_attribute_labels.txt"
    lists = [folder / "attributes.txt" for folder in (home / "attributes", home, home.parent)]  # the archive has it beside the set
    names_path = next((one for one in lists if one.is_file()), None)
    if names_path is None or not path.is_file():
        return (), {}
    names = {key: _readable(name) for _, (key, name) in rows(names_path, root, 2)}
    index = {key: column for column, key in enumerate(names)}
    values = {key: bytearray(len(names)) for key in images}
    with path.open(encoding="utf-8", errors="replace") as file:  # 3.7 million lines
        for line, text in enumerate(file, 1):
            fields = text.split(None, 3)  # image, attribute, present; then how certain, and the seconds it took, in some lines more
            if len(fields) >= 3:
                row, column = values.get(fields[0]), index.get(fields[1])
                if column is None or fields[2] not in ("0", "1"):
                    raise broken(
                        path, root, line, f"expected an image, one of {len(names)} attributes and 0 or 1, not {text.strip()[:80]!r}"
                    )
                if row is not None:
                    row[column] = fields[2] == "1"
            elif fields:
                raise broken(path, root, line, f"expected an image, an attribute and 0 or 1, not {text.strip()[:80]!r}")
    return tuple(names.values()), values


def _readable(name: str) -> str:
    """has_bill_shape::hooked_seabird: bill shape: hooked seabird."""
    return name.removeprefix("has_").replace("::", ": ").replace("_", " ")


def _captions(home: Path, root: Path) -> Path | None:
    """The folder with one folder of texts for each class: within the set, or beside it."""
    places = [find(root, *CAPTIONS)]
    if os.access(home.parent, os.R_OK | os.X_OK):
        places.append(find(home.parent, *CAPTIONS, depth=2))
    for name in CAPTIONS:
        for folder in (folder for place in places for folder in place[name]):
            if folder.is_dir() and any((home / "images" / child.name).is_dir() for child in folder.iterdir()):
                return folder
    return None
