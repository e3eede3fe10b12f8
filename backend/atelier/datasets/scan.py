"""One look at each picture that is brought: what can't be read is left out by name, what is (nearly) the same is brought together."""

import hashlib
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from atelier.datasets.base import Split, in_threads
from atelier.datasets.layouts.base import Entry, Listing, Skipped
from atelier.datasets.pictures import Unreadable, open_picture

SIDE = 12  # of the small copy by which two pictures are compared
PARTS = 4  # of a hash, by one of which those that may be near-duplicates are found
NEAR_BITS = 10  # of 64 in which the hashes of two pictures may differ for their small copies to be compared
NEAR_MEAN, NEAR_MOST = 4, 32  # of 255, by which the small copies of a picture and its near-duplicate differ
NEIGHBOURS = 16  # with how many that share a part of its hash a picture is compared; photographs share it with two or three
PAIRS = 20_000  # compared at once


@dataclass(frozen=True, slots=True)
class Look:
    """What is kept of a picture when it has been looked at."""

    sha256: bytes
    hash: int
    small: bytes  # uint8 [SIDE, SIDE, 3]
    size: tuple[int, int]
    mode: str
    grey: bool
    bytes: int


@dataclass(frozen=True)
class Index:
    """The pictures of a listing that can be used, and what their files are; rows run parallel."""

    kept: NDArray[np.int64]  # which of the listing's entries [n], ascending
    skipped: list[Skipped]
    sha256: NDArray[np.uint8]  # [n, 32]
    sizes: NDArray[np.int32]  # width and height, upright [n, 2]
    bytes: NDArray[np.int64]  # [n]
    modes: list[str]  # as they are stored
    grey: bool  # all of them
    groups: NDArray[np.int64]  # the first row of those that are nearly the same [n]

    def duplicates(self) -> list[list[int]]:
        """Rows that are nearly the same, by groups, the largest group first."""
        members: defaultdict[int, list[int]] = defaultdict(list)
        shared = np.flatnonzero(np.bincount(self.groups, minlength=len(self.groups)) > 1)
        for row in np.flatnonzero(np.isin(self.groups, shared)).tolist():
            members[int(self.groups[row])].append(row)
        return sorted(members.values(), key=lambda group: (-len(group), group[0]))

    def rows(self, listing: Listing) -> Iterator[tuple[int, Entry]]:
        """The entries that can be used, each with a concept; those of (near-)duplicates, and all that belong to them, agree in it.

        A concept follows from the pictures' content, not from their names or their order. The set's own splits stay as they
        are, even between duplicates; a picture of which the set says nothing goes with its duplicates.
        """
        parents = self.groups.tolist()
        first: dict[str, int] = {}
        for row, position in enumerate(self.kept):
            concept = listing.entries[position].item.concept
            if concept:
                _join(parents, row, first.setdefault(concept, row))

        names: dict[int, str] = {}
        splits: dict[int, Split] = {}
        for row, position in enumerate(self.kept):
            item, root = listing.entries[position].item, _root(parents, row)
            name = item.concept or self.sha256[row, :8].tobytes().hex()
            names[root] = min(name, names.get(root, name))
            if item.split is not None:
                splits.setdefault(root, item.split)

        for row, position in enumerate(self.kept):
            entry, root = listing.entries[position], _root(parents, row)
            yield row, replace(entry, item=replace(entry.item, concept=names[root], split=entry.item.split or splits.get(root)))


def scan(
    root: Path, listing: Listing, on_progress: Callable[[int, int], None] | None = None, *, within: tuple[Path, ...] | None = None
) -> Index:
    """Look at every picture of the listing; in memory stay a few hundred bytes of each.

    `on_progress(done, total)` is called after each, and again and again while those that are alike are brought together; what it
    raises ends the scan. With `within`, pictures that lie elsewhere, by way of links, are left out.

    Raises:
        ValueError: none can be used.
    """
    total = len(listing.entries)
    digests, hashes = np.empty((total, 32), np.uint8), np.empty(total, np.uint64)
    small = np.empty((total, SIDE * SIDE * 3), np.uint8)
    sizes, lengths = np.empty((total, 2), np.int32), np.empty(total, np.int64)
    kept = np.zeros(total, np.bool_)
    modes: list[str] = []
    skipped: list[Skipped] = []
    grey = True

    def look(entry: Entry) -> Look | Unreadable:
        path = root / entry.path
        if within is not None and not any(path.resolve().is_relative_to(folder) for folder in within):
            return Unreadable("it is a link that leads out of the folders of ATELIER_DATA_ROOTS")
        try:
            return _look(path, still_grey=grey)
        except Unreadable as error:
            return error
        except OSError as error:
            return Unreadable(f"it can't be read: {error.strerror or 'the disk fails'}")

    with closing(in_threads(look, listing.entries)) as looks:
        for position, (entry, seen) in enumerate(zip(listing.entries, looks, strict=True)):
            if isinstance(seen, Unreadable):
                skipped.append(Skipped(entry.path, str(seen)))
            else:
                kept[position] = True
                row = len(modes)
                digests[row] = np.frombuffer(seen.sha256, np.uint8)
                small[row] = np.frombuffer(seen.small, np.uint8)
                hashes[row], sizes[row], lengths[row] = seen.hash, seen.size, seen.bytes
                modes.append(seen.mode)
                grey = grey and seen.grey
            if on_progress:
                on_progress(position + 1, total)

    count = len(modes)
    if not count:
        examples = "; ".join(f"{one.path}: {one.reason}" for one in [*skipped, *listing.skipped][:3])
        raise ValueError(f"none of the {total + len(listing.skipped)} pictures can be used ({examples})")
    return Index(
        kept=np.flatnonzero(kept),
        skipped=skipped,
        sha256=digests[:count],
        sizes=sizes[:count],
        bytes=lengths[:count],
        modes=modes,
        grey=grey,
        groups=_groups(digests[:count], hashes[:count], small[:count], lambda: on_progress and on_progress(total, total)),
    )


def _look(path: Path, *, still_grey: bool) -> Look:
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").digest()
        length = file.tell()
    image = open_picture(path)
    with Image.open(path) as stored:  # once more, for its header
        mode = stored.mode
    grey = still_grey and (image.mode == "L" or _is_grey(image))  # once there is a colour, nobody asks
    small = image.convert("RGB").resize((SIDE, SIDE), Image.Resampling.BICUBIC, reducing_gap=2.0)
    return Look(digest, _hash(image), small.tobytes(), image.size, mode, grey, length)


def _is_grey(image: Image.Image) -> bool:
    pixels = np.asarray(image)
    return bool((pixels[..., 0] == pixels[..., 1]).all() and (pixels[..., 1] == pixels[..., 2]).all())


def _hash(image: Image.Image) -> int:
    """dHash: of 9 by 8 grey cells, which are brighter than their right neighbour; by more than noise, so that plain areas agree."""
    cells = np.asarray(image.convert("L").resize((9, 8), Image.Resampling.BICUBIC, reducing_gap=2.0), np.int16)
    bits = cells[:, :-1] > cells[:, 1:] + 2
    return int.from_bytes(np.packbits(bits).tobytes(), "big")


def _groups(
    digests: NDArray[np.uint8], hashes: NDArray[np.uint64], small: NDArray[np.uint8], on_beat: Callable[[], None] = lambda: None
) -> NDArray[np.int64]:
    """For each row the first row of its group.

    Two hashes that differ in a few bits agree in at least one of four parts of sixteen, for sure when the bits are three. So those
    are compared that lie side by side when sorted by such a part, and then by the rest: time grows with their number, not its square.
    """
    parents = list(range(len(digests)))
    _, firsts, inverse = np.unique(digests, axis=0, return_index=True, return_inverse=True)
    for row, group in enumerate(inverse.ravel()):  # the same file
        _join(parents, row, int(firsts[group]))
    firsts = np.sort(firsts)

    brightness = small[firsts].mean(axis=1)
    for part in range(PARTS):
        rest = hashes[firsts]
        key = (rest >> np.uint64(64 // PARTS * part)) & np.uint64(0xFFFF)
        order = np.lexsort((brightness, rest, key))
        for distance in range(1, NEIGHBOURS + 1):
            one, other = firsts[order[:-distance]], firsts[order[distance:]]
            near = key[order[:-distance]] == key[order[distance:]]
            near &= np.bitwise_count(hashes[one] ^ hashes[other]) <= NEAR_BITS
            pairs = np.flatnonzero(near)
            for some in np.array_split(pairs, max(1, -(-len(pairs) // PAIRS))):
                on_beat()
                differences = np.abs(small[one[some]].astype(np.int16) - small[other[some]])
                same = (differences.mean(axis=1) <= NEAR_MEAN) & (differences.max(axis=1) <= NEAR_MOST)
                for pair in some[same].tolist():
                    _join(parents, int(one[pair]), int(other[pair]))
    return np.array([_root(parents, row) for row in range(len(parents))], np.int64)


def _root(parents: list[int], row: int) -> int:
    while parents[row] != row:
        parents[row] = row = parents[parents[row]]
    return row


def _join(parents: list[int], one: int, other: int) -> None:
    """The smaller root stays, so that a group is called by its first row."""
    one, other = _root(parents, one), _root(parents, other)
    parents[max(one, other)] = min(one, other)
