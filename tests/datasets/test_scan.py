"""The one look at each picture: what is left out, what is the same, what belongs together."""

from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from atelier.datasets.base import Item, in_threads
from atelier.datasets.layouts.base import Entry, Listing, Skipped
from atelier.datasets.scan import _groups, scan


def listing_of(folder: Path, items: dict[str, Item] | None = None) -> Listing:
    names = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*.*") if path.is_file())
    return Listing([Entry(name, (items or {}).get(name, Item())) for name in names])


def changed(content: bytes, *, scale: float = 1.0, quality: int = 90) -> bytes:
    """The same picture as another file."""
    image, stream = Image.open(BytesIO(content)), BytesIO()
    image.resize((round(image.width * scale), round(image.height * scale)), Image.Resampling.LANCZOS).save(stream, "JPEG", quality=quality)
    return stream.getvalue()


def test_good_ones_are_kept_and_bad_ones_named_with_a_reason(good, bad, put, tmp_path):
    listing = listing_of(put(tmp_path, good | bad))
    told = []
    index = scan(tmp_path, listing, lambda *done: told.append(done))
    assert {listing.entries[position].path for position in index.kept} == set(good)
    assert {skipped.path for skipped in index.skipped} == set(bad)
    assert all(skipped.reason for skipped in index.skipped)
    assert list(dict.fromkeys(told)) == [(done, len(good | bad)) for done in range(1, len(good | bad) + 1)]
    assert told.count(told[-1]) > 1, "and while they are compared"

    rows = {listing.entries[position].path: row for row, position in enumerate(index.kept)}
    assert index.sizes[rows["colour.jpg"]].tolist() == [96, 80]
    assert index.sizes[rows["rotated.jpg"]].tolist() == [80, 96], "as it is seen"
    assert index.modes[rows["print.jpg"]] == "CMYK"
    assert index.bytes.tolist() == [len(good[name]) for name in sorted(good)]
    assert not index.grey


def test_a_set_is_grey_when_all_of_it_is(good, photographs, put, tmp_path):
    grey = {"grey.png": good["grey.png"], "deep.png": good["deep.png"]}
    as_colour = BytesIO()
    Image.open(BytesIO(good["grey.png"])).convert("RGB").save(as_colour, "PNG")
    grey["stored in colour.png"] = as_colour.getvalue()
    one, other = put(tmp_path / "one", grey), put(tmp_path / "other", grey | photographs(1))
    assert scan(one, listing_of(one)).grey
    assert not scan(other, listing_of(other)).grey


def test_nothing_usable_says_why(bad, put, tmp_path):
    with pytest.raises(ValueError, match=r"none of the 10 pictures can be used \(bomb.png: it has more than"):
        scan(put(tmp_path, bad), listing_of(tmp_path))


def groups_by_name(folder, items=None):
    listing = listing_of(folder, items)
    index = scan(folder, listing)
    return [[listing.entries[index.kept[row]].path for row in group] for group in index.duplicates()], list(index.rows(listing))


def test_copies_are_found_whatever_their_size_format_and_quality(photographs, put, tmp_path):
    files = photographs(60)
    first = files["00007.jpg"]
    files |= {
        "copies/a.jpg": first,
        "copies/b.jpg": changed(first, scale=1.5),
        "copies/c.jpg": changed(first, quality=60),
        "copies/d.jpg": changed(files["00009.jpg"], scale=2.0),
    }
    groups, _ = groups_by_name(put(tmp_path, files))
    assert groups == [["00007.jpg", "copies/a.jpg", "copies/b.jpg", "copies/c.jpg"], ["00009.jpg", "copies/d.jpg"]]


def test_duplicates_share_a_concept_and_a_split_unless_the_set_has_its_own(photographs, put, tmp_path):
    files = photographs(4)
    files |= {"x.jpg": changed(files["00000.jpg"]), "y.jpg": changed(files["00001.jpg"]), "z.jpg": changed(files["00001.jpg"], quality=70)}
    items = {"00001.jpg": Item(split="test"), "z.jpg": Item(split="train")}
    _, rows = groups_by_name(put(tmp_path, files), items)
    found = {entry.path: entry.item for _, entry in rows}
    assert found["00000.jpg"].concept == found["x.jpg"].concept
    assert len({item.concept for item in found.values()}) == 4
    assert [found[name].split for name in ("00000.jpg", "x.jpg", "00001.jpg", "y.jpg", "z.jpg")] == [None, None, "test", "test", "train"]


def test_concepts_of_the_set_are_joined_by_duplicates(photographs, put, tmp_path):
    files = photographs(4)
    files["x.jpg"] = changed(files["00001.jpg"])
    items = {
        "00000.jpg": Item(concept="cat"),
        "00001.jpg": Item(concept="cat"),
        "x.jpg": Item(concept="dog"),
        "00003.jpg": Item(concept="dog"),
    }
    _, rows = groups_by_name(put(tmp_path, files), items)
    assert [entry.item.concept for _, entry in rows if entry.path != "00002.jpg"] == ["cat"] * 4


def test_concepts_do_not_depend_on_names_and_order(photographs, put, tmp_path):
    files = photographs(5)
    files["x.jpg"] = changed(files["00001.jpg"])
    renamed = {f"{9 - index}.jpg": content for index, content in enumerate(files.values())}
    concepts = [
        {entry.item.concept for _, entry in groups_by_name(put(tmp_path / str(len(f)) / next(iter(f)), f))[1]} for f in (files, renamed)
    ]
    assert concepts[0] == concepts[1]


def test_links_that_lead_out_are_skipped_where_that_is_forbidden(photographs, put, tmp_path):
    outside, inside = put(tmp_path / "outside", photographs(1)), put(tmp_path / "inside", photographs(2))
    (inside / "link.jpg").symlink_to(outside / "00000.jpg")
    (inside / "near.jpg").symlink_to(inside / "00001.jpg")
    free, bound = (scan(inside, listing_of(inside), within=within) for within in (None, (inside.resolve(),)))
    assert (len(free.kept), free.skipped) == (4, [])
    assert [(skipped.path, "ATELIER_DATA_ROOTS" in skipped.reason) for skipped in bound.skipped] == [("link.jpg", True)]


def test_many_pictures_alike_do_not_take_forever():
    count = 40_000
    rng = np.random.default_rng(0)
    digests = rng.integers(0, 256, (count, 32)).astype(np.uint8)
    small = rng.integers(0, 256, (count, 432)).astype(np.uint8)
    assert len(np.unique(_groups(digests, np.zeros(count, np.uint64), small))) == count, "plain areas alone make no duplicates"
    small[:] = 7
    assert (_groups(digests, np.zeros(count, np.uint64), small) == 0).all()


def test_whoever_waits_is_heard_while_pictures_are_compared():
    class Cancelled(Exception): ...

    calls = iter(range(100))

    def cancel():
        if next(calls) == 20:
            raise Cancelled

    rng = np.random.default_rng(0)
    digests, small = (rng.integers(0, 256, (100, width)).astype(np.uint8) for width in (32, 432))
    with pytest.raises(Cancelled):
        _groups(digests, np.zeros(100, np.uint64), small, cancel)


def test_threads_take_no_more_than_the_window_ahead():
    taken = []

    def endless():
        for index in range(1000):
            taken.append(index)
            yield index

    results = in_threads(lambda index: index * 2, endless(), window=8)
    assert [next(results) for _ in range(3)] == [0, 2, 4]
    assert len(taken) <= 11
    results.close()


def test_what_the_layout_skipped_counts_when_nothing_is_left(tmp_path):
    with pytest.raises(ValueError, match=r"none of the 1 pictures can be used \(a.jpg: it is not there"):
        scan(tmp_path, Listing((), skipped=(Skipped("a.jpg", "it is not there"),)))
