"""Data sets that were brought: opened from their folder by name, lazily, and as true to it as on the first day."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from atelier.datasets.base import Item
from atelier.datasets.bring import write
from atelier.datasets.brought import ITEMS, Brought, BroughtOptions, Manifest
from atelier.datasets.cache import fingerprint, prepare
from atelier.datasets.catalog import Catalog, datasets, open_dataset
from atelier.datasets.layouts.base import Entry, Listing, Skipped
from atelier.datasets.scan import scan

CLASSES = ("Größe", 'a "quoted", name', "鳥\N{LINE SEPARATOR}x")
Bring = Callable[..., Manifest]


@pytest.fixture
def bring(tmp_path: Path, put) -> Bring:
    """Writes a data set into the catalogue's folder, its pictures into one beside it or inside."""

    def make(files, *, name="mine", items=None, boxes=None, inside=False, mirrorable=True, **names) -> Manifest:
        folder = tmp_path / "sources" / name
        folder.mkdir(parents=True)
        root = put(folder / "files" if inside else tmp_path / "pictures", files)
        entries = [Entry(path, (items or {}).get(path, Item()), (boxes or {}).get(path)) for path in sorted(files)]
        listing = Listing(entries, skipped=(Skipped("gone.jpg", "it is not there"),), **names)
        settings = {"title": "Mine", "layout": "flat", "licence": "MIT", "origin": "a zip file", "mirrorable": mirrorable, "job": 7}
        place = "files" if inside else str(root)
        return write(folder, listing, scan(root, listing), name=name, root=place, **settings)

    return make


@pytest.fixture
def catalog(tmp_path: Path) -> Catalog:
    return Catalog(tmp_path / "sources")


def test_what_is_known_of_the_pictures_survives(bring, catalog, photographs, bad):
    files = photographs(6)
    items = {
        "00000.jpg": Item(2, ("a bird", "ein Vogel 🐦"), (0.5, 1.0), split="test"),
        "00001.jpg": Item(1, (), (0.0, 0.25), "concept"),
    } | {name: Item(0, (), (0.0, 0.0)) for name in [*list(files)[2:], *bad]}
    manifest = bring(files | bad, items=items, class_names=CLASSES, attribute_names=("wings", "beak"))

    dataset = catalog.open("mine", {})
    assert isinstance(dataset, Brought)
    assert (len(dataset), dataset.class_names, dataset.attribute_names) == (6, CLASSES, ("wings", "beak"))
    found = list(dataset.items)
    assert found == [dataset.items[index] for index in range(6)] == dataset.items[:]
    assert found[-1] == dataset.items[-1]
    assert found[0].captions == ("a bird", "ein Vogel 🐦")
    assert [item.label for item in found] == [2, 1, 0, 0, 0, 0]
    assert (found[0].split, found[1].concept, found[1].attributes) == ("test", "concept", (0.0, 0.25))
    with pytest.raises(IndexError):
        dataset.items[6]

    assert manifest.class_counts == [4, 1, 1]
    assert manifest.splits["test"] >= 1
    assert sum(manifest.splits.values()) == 6
    assert (manifest.num_skipped, manifest.has_captions, manifest.has_boxes) == (11, True, False)
    report = dataset.report()
    assert (report.num_files, report.num_images, report.num_skipped) == (17, 6, 11)
    assert [(one.name, one.mean) for one in report.attributes] == [("wings", 0.5 / 6), ("beak", 1.25 / 6)]
    assert (report.captions.images, report.captions.per_image, report.captions.examples) == (1, 2.0, ["a bird"])
    assert report.sizes is not None
    assert [(one.pixels, one.count) for one in report.sizes.histogram] == [("32–63", 6)]
    assert report.modes == {"RGB": 6}
    everything = dataset.skipped(0, 100)
    assert {skipped.path for skipped in everything} == {*bad, "gone.jpg"}
    assert dataset.skipped(4, 3) == everything[4:7]

    prepared = prepare(dataset, 16, catalog.folder.parent / "cache")
    assert prepared.spec.num_classes == 3
    assert prepared.class_names == CLASSES
    assert prepared.captions[0] == ("a bird", "ein Vogel 🐦")
    assert prepared.attributes.tolist()[1] == [0.0, 0.25]


def test_pictures_are_cut_by_the_box_or_in_the_middle(bring, catalog, tmp_path):
    picture = Image.new("RGB", (200, 100), "white")
    picture.paste("red", (20, 30, 60, 70))
    picture.save(tmp_path / "red.png")
    bring({"a.png": (tmp_path / "red.png").read_bytes()}, boxes={"a.png": (20.0, 30.0, 40.0, 40.0)})
    red = {crop: (catalog.open("mine", {"crop": crop}).draw(0, 30)[..., 1] < 128).mean() for crop in ("auto", "box", "square")}
    assert red["auto"] == red["box"] == pytest.approx((40 / 60) ** 2, abs=0.05)
    assert red["square"] < 0.05
    assert len({fingerprint(catalog.open("mine", {"crop": crop}), 16) for crop in red}) == 3


def test_boxes_that_are_not_there_cannot_be_asked_for(bring, catalog, photographs):
    bring(photographs(1))
    with pytest.raises(ValueError, match="mine has no boxes"):
        catalog.open("mine", {"crop": "box"})


def test_grey_pictures_and_coloured_ones_have_as_many_channels(bring, catalog, good, photographs):
    bring({"a.png": good["grey.png"], "b.png": good["deep.png"]}, name="grey")
    bring({"a.png": good["grey.png"]} | photographs(1), name="both")
    assert [catalog.open("grey", {}).draw(index, 8).shape for index in range(2)] == [(8, 8, 1)] * 2
    assert [catalog.open("both", {}).draw(index, 8).shape for index in range(2)] == [(8, 8, 3)] * 2


@pytest.mark.parametrize("change", ["replaced", "truncated", "gone"])
def test_a_picture_that_changes_where_it_lies_is_named(change, bring, catalog, photographs, tmp_path):
    files = photographs(3)
    bring(files)
    path = tmp_path / "pictures" / "00001.jpg"
    if change == "gone":
        path.unlink()
    else:
        path.write_bytes(files["00002.jpg"] if change == "replaced" else files["00001.jpg"][:300])
    with pytest.raises(ValueError, match=r"00001.jpg has changed since mine was added \(.+\): remove the set and add it again"):
        prepare(catalog.open("mine", {}), 8, tmp_path / "cache")
    assert list((tmp_path / "cache").iterdir()) == []


def test_the_content_decides_and_not_the_place(bring, catalog, photographs, tmp_path):
    files = photographs(3)
    bring(files, inside=True)
    one = fingerprint(catalog.open("mine", {}), 16)
    elsewhere = tmp_path / "sources" / ".staging-9"
    shutil.copytree(tmp_path / "sources" / "mine", elsewhere)
    assert fingerprint(Brought(elsewhere, BroughtOptions()), 16) == one
    assert np.array_equal(Brought(elsewhere, BroughtOptions()).draw(1, 16), catalog.open("mine", {}).draw(1, 16))

    others = []
    for changes in ({"mirrorable": False}, {"items": {"00000.jpg": Item(captions=("x",))}}, {"class_names": ("a",)}):
        shutil.rmtree(tmp_path / "sources" / "mine")
        bring(files, inside=True, **changes)
        others.append(fingerprint(catalog.open("mine", {}), 16))
    assert len({one, *others}) == 4


def test_the_catalogue_has_built_in_sets_first_and_sees_what_comes_and_goes(bring, catalog, photographs, tmp_path):
    assert Catalog(None).names() == Catalog(tmp_path / "nowhere").names() == list(datasets)
    bring(photographs(2), name="zoo")
    bring(photographs(2), name="ant")
    (tmp_path / "sources" / ".staging-3").mkdir()
    (tmp_path / "sources" / "half").mkdir()
    assert catalog.names() == [*datasets, "ant", "zoo"]
    assert "zoo" in catalog
    assert "half" not in catalog
    assert not {"../sources/zoo", ".staging-3", "Zoo", ""} & {
        name for name in ("../sources/zoo", ".staging-3", "Zoo", "") if name in catalog
    }
    assert open_dataset("zoo", {}, tmp_path / "sources").name == "zoo"

    before = catalog.stamp("zoo")
    shutil.rmtree(tmp_path / "sources" / "zoo")
    assert catalog.stamp("zoo") is None
    with pytest.raises(ValueError, match="'zoo' is not one of digits, emoji, shapes, ant"):
        catalog.open("zoo", {})
    bring(photographs(3), name="zoo")
    assert catalog.stamp("zoo") not in (None, before)


def test_a_large_set_is_not_held_in_memory(bring, catalog, photographs, tmp_path):
    """A thousand times as many lines as pictures: what is held of each is where it begins."""
    bring(photographs(1))
    path = tmp_path / "sources" / "mine" / ITEMS
    line = path.read_bytes()
    path.write_bytes(line * 5000)
    dataset = catalog.open("mine", {})
    records = dataset.records
    records.total = 5000
    assert records[4999] == records[0]
    assert records._starts.nbytes < 50_000
    assert json.loads(line)["path"] == records[4999].path
