"""Pictures and nothing else."""

from pathlib import Path

from atelier.datasets.base import Item
from atelier.datasets.layouts.base import Entry, Layout, Listing, Skipped, arrangement, found, layout, pictures


@layout("flat")
class Flat(Layout):
    """Pictures in one folder, or in folders that mean nothing; as sets of anime faces are published.

    Folders named train, val and test are taken for splits.
    """

    title = "A folder of pictures"
    wanted = "pictures"
    rank = 40

    def matches(self, root: Path) -> bool:
        return True  # locate has seen that there are pictures

    def read(self, root: Path) -> Listing:
        skipped: list[Skipped] = []
        paths = pictures(root, skipped)
        if not paths:
            raise ValueError(f"there are no pictures in {root.name}: {found(root)}")
        folders = arrangement(paths)
        return Listing([Entry(path, Item(split=folders.split_of(path))) for path in paths], skipped=tuple(skipped))
