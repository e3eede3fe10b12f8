"""Each picture beside a text that describes it."""

from itertools import islice
from pathlib import Path

from atelier.datasets.base import Item
from atelier.datasets.layouts.base import (
    Entry,
    Layout,
    Listing,
    Skipped,
    arrangement,
    captions_of,
    found,
    layout,
    pictures,
    text_of,
    walk,
    without_suffix,
)

SUFFIXES = (".txt", ".caption")
LEAST = 0.1  # of the pictures must have a text, or else the texts are something else


@layout("captions")
class Captions(Layout):
    """Each picture beside a text file of the same name, with one caption a line: bird.jpg and bird.txt.

    Folders mean what they mean without captions: classes, splits, or nothing. Texts of numbers alone, the boxes for a detector, are
    no captions.
    """

    title = "Pictures beside captions"
    wanted = "a text beside each picture, such as bird.jpg and bird.txt"
    rank = 20

    def matches(self, root: Path) -> bool:
        names = {without_suffix(path): path for path in walk(root) if path.lower().endswith(SUFFIXES)}
        if not names:
            return False
        paths = pictures(root, [])
        texts = [names[name] for path in paths if (name := without_suffix(path)) in names]
        return len(texts) >= LEAST * len(paths) and any(_captions(root / path) for path in islice(texts, 20))

    def read(self, root: Path) -> Listing:
        skipped: list[Skipped] = []
        texts = {without_suffix(path): path for path in walk(root) if path.lower().endswith(SUFFIXES)}
        paths = pictures(root, skipped)
        if not any(without_suffix(path) in texts for path in paths):
            raise ValueError(f"{root.name} is not laid out as {self.title}: expected {self.wanted}; {found(root)}")
        folders = arrangement(paths)
        index = {name: label for label, name in enumerate(folders.class_names)}
        entries = []
        for path in paths:
            text, name = texts.get(without_suffix(path)), folders.class_of(path)
            captions = _captions(root / text) if text else ()
            if text is None:
                skipped.append(Skipped(path, f"there is no {without_suffix(path)}.txt that describes it"))
            elif not captions:
                skipped.append(Skipped(path, f"{text} is empty, or holds numbers instead of a caption"))
            elif index and name is None:
                skipped.append(Skipped(path, "it lies in the folder of no class"))
            else:
                entries.append(Entry(path, Item(index.get(name or "", 0), captions, split=folders.split_of(path))))
        return Listing(entries, class_names=folders.class_names, skipped=tuple(skipped))


def _captions(path: Path) -> tuple[str, ...]:
    return tuple(caption for caption in captions_of(text_of(path)) if any(char.isalpha() for char in caption))
