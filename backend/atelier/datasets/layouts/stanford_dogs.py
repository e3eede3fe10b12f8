"""Stanford Dogs."""

import re
from pathlib import Path
from xml.etree import ElementTree as ET

from atelier.datasets.base import Item, Split
from atelier.datasets.layouts.base import Box, Entry, Layout, Listing, Skipped, find, found, layout, pictures, without_suffix

CLASS = re.compile(r"n\d{8}-([^/]+)")  # ImageNet's number of the breed, and its name


@layout("stanford-dogs")
class StanfordDogs(Layout):
    """Stanford Dogs: 120 breeds as classes, a box around the dog, and the set's own lists for train and test.

    A. Khosla, N. Jayadevaprakash, B. Yao, L. Fei-Fei: Novel dataset for Fine-Grained Image Categorization. Of several dogs in a picture
    the box is around the largest.
    """

    title = "Stanford Dogs"
    wanted = "a folder Images with a folder for each breed, such as n02085620-Chihuahua"
    rank = 3

    def matches(self, root: Path) -> bool:
        return _home(root) is not None

    def read(self, root: Path) -> Listing:
        if (home := _home(root)) is None:
            raise ValueError(f"{root.name} is not laid out as {self.title}: expected {self.wanted}; {found(root)}")
        prefix = "" if home == root else f"{home.relative_to(root).as_posix()}/"
        skipped: list[Skipped] = []
        there = {without_suffix(path): path for path in pictures(home, skipped)}
        splits = _splits(root)
        annotations = _annotations(root)
        folders = sorted({name.split("/")[0] for name in there if CLASS.match(name)})
        index = {name: label for label, name in enumerate(folders)}
        entries: list[Entry] = []
        for name, path in there.items():
            if (folder := name.split("/")[0]) not in index:
                skipped.append(Skipped(prefix + path, "it lies in the folder of no breed"))
                continue
            box: Box | None = None
            if annotations and (annotation := annotations / name).is_file():
                try:
                    box = _box(annotation)
                except (ET.ParseError, ValueError, TypeError):
                    skipped.append(Skipped(prefix + path, f"{annotation.relative_to(root).as_posix()} can't be read"))
                    continue
            entries.append(Entry(prefix + path, Item(index[folder], split=splits.get(name)), box))
        for name, split in sorted(splits.items()):
            if name not in there:
                skipped.append(Skipped(f"{prefix}{name}.jpg", f"{split}_list.mat names it, and it is not there"))
        return Listing(entries, tuple(_readable(name) for name in folders), skipped=tuple(skipped))


def _home(root: Path) -> Path | None:
    """The folder with the breeds' folders; in Kaggle's archive it lies in another one."""
    return next((path for path in find(root, "images")["images"] if _has_breeds(path)), None)


def _annotations(root: Path) -> Path | None:
    return next((path for paths in find(root, "annotation", "annotations").values() for path in paths if _has_breeds(path)), None)


def _has_breeds(folder: Path) -> bool:
    return folder.is_dir() and any(CLASS.fullmatch(child.name) for child in folder.iterdir())


def _splits(root: Path) -> dict[str, Split]:
    """By path without suffix, from the lists that are files of MATLAB."""
    splits: dict[str, Split] = {}
    lists = find(root, "train_list.mat", "test_list.mat")
    names: tuple[Split, ...] = ("train", "test")
    for split in names:
        for path in lists[f"{split}_list.mat"][:1]:
            splits |= {without_suffix(name): split for name in _matlab_names(path, root)}
    return splits


def _matlab_names(path: Path, root: Path) -> list[str]:
    from scipy.io import loadmat  # late: takes a third of a second

    try:
        return [str(row[0][0]) for row in loadmat(path)["file_list"]]
    except Exception as error:  # whatever comes up in a file that is none of MATLAB's
        raise ValueError(f"{path.relative_to(root).as_posix()} can't be read as a list of MATLAB: {error}") from error


def _box(path: Path) -> Box | None:
    """The largest of the boxes; None where there is none."""
    boxes: list[Box] = []
    for box in ET.parse(path).getroot().iter("bndbox"):
        left, top, right, bottom = (float(box.findtext(side, "")) for side in ("xmin", "ymin", "xmax", "ymax"))
        boxes.append((left, top, right - left, bottom - top))
    return max(boxes, key=lambda box: box[2] * box[3], default=None)


def _readable(name: str) -> str:
    """n02085782-Japanese_spaniel: Japanese spaniel."""
    match = CLASS.fullmatch(name)
    assert match
    return match[1].replace("_", " ")
