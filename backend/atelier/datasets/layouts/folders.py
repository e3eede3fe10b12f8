"""One folder a class."""

from pathlib import Path

from atelier.datasets.base import Item
from atelier.datasets.layouts.base import Entry, Layout, Listing, Skipped, arrangement, found, layout, pictures


@layout("folders")
class Folders(Layout):
    """One folder of pictures for each class, named as the class; with or without folders named train, val and test above.

    As torchvision's ImageFolder. Whatever folders lie within a class' folder belong to the class.
    """

    title = "One folder for each class"
    wanted = "at least two folders with pictures, such as cat/1.jpg and dog/1.jpg, or train/cat/1.jpg and train/dog/1.jpg"
    rank = 30

    def matches(self, root: Path) -> bool:
        return bool(arrangement(pictures(root, [])).class_names)

    def read(self, root: Path) -> Listing:
        skipped: list[Skipped] = []
        folders = arrangement(paths := pictures(root, skipped), dealt_out=False)
        if not folders.class_names:
            raise ValueError(f"{root.name} is not laid out as {self.title}: expected {self.wanted}; {found(root)}")
        index = {name: label for label, name in enumerate(folders.class_names)}
        entries = []
        for path in paths:
            if (name := folders.class_of(path)) is None:
                skipped.append(Skipped(path, "it lies in the folder of no class"))
            else:
                entries.append(Entry(path, Item(index[name], split=folders.split_of(path))))
        return Listing(entries, class_names=folders.class_names, skipped=tuple(skipped))
