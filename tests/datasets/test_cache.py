"""Preparation: what comes back is what was drawn, and a folder is whole or not used."""

import json
import os
import subprocess
import sys
import time
import tracemalloc

import numpy as np
import pytest

from atelier.datasets import cache
from atelier.datasets.base import SPLITS, Dataset, DatasetOptions, Item, split_of
from atelier.datasets.cache import CAPTIONS, IMAGES, LABELS, METADATA, SPLIT_INDICES, STAGING, PreparedDataset, fingerprint, prepare
from atelier.datasets.catalog import datasets, open_dataset
from atelier.models.base import ImageSpec

RESOLUTION = 16


@pytest.fixture
def shapes():
    return open_dataset("shapes", {"count": 12})


def drawn(dataset):
    return np.stack([dataset.draw(index, RESOLUTION) for index in range(len(dataset))])


@pytest.mark.parametrize("name", sorted(datasets))
def test_round_trip(name, tmp_path):
    dataset = open_dataset(name, {})
    prepared = prepare(dataset, RESOLUTION, tmp_path / "not" / "there" / "yet")
    opened = PreparedDataset.open(tmp_path / "not" / "there" / "yet" / prepared.fingerprint)

    for one in (prepared, opened):
        assert isinstance(one.images, np.memmap)
        assert not one.images.flags.writeable
        assert one.images.dtype == np.uint8
        assert len(one) == len(dataset)
        assert one.labels.dtype == np.int64
        assert one.labels.tolist() == [item.label for item in dataset.items]
        assert one.attributes.dtype == np.float32
        assert one.attributes.shape == (len(dataset), len(dataset.attribute_names))
        assert np.array_equal(one.attributes, np.array([item.attributes for item in dataset.items], np.float32))
        assert one.captions == [item.captions for item in dataset.items]
        assert one.concepts == [item.concept for item in dataset.items]
        assert (one.class_names, one.attribute_names) == (dataset.class_names, dataset.attribute_names)
        assert one.fingerprint == fingerprint(dataset, RESOLUTION)
        assert [SPLITS[split] for split in one.splits] == [split_of(item, index) for index, item in enumerate(dataset.items)]
        assert one.spec == ImageSpec(dataset.channels, RESOLUTION, len(dataset.class_names), len(dataset.attribute_names))
    for index in range(0, len(dataset), len(dataset) // 20):
        assert np.array_equal(opened.images[index], dataset.draw(index, RESOLUTION))


def test_the_second_time_nothing_is_drawn(shapes, tmp_path):
    first, second = [], []
    prepare(shapes, RESOLUTION, tmp_path, lambda *done: first.append(done))
    prepare(shapes, RESOLUTION, tmp_path, lambda *done: second.append(done))
    assert first
    assert not second


def test_progress_is_told_about_a_hundred_times(tmp_path):
    told = []
    prepare(open_dataset("shapes", {"count": 1050}), 4, tmp_path, lambda *done: told.append(done))
    assert told == sorted(set(told))
    assert told[-1] == (1050, 1050)
    assert 90 <= len(told) <= 110


def test_the_fingerprint_tells_apart_whatever_changes_the_content(shapes):
    class Redrawn(datasets["shapes"]):
        def identity(self):
            return "drawing 2"

    class Renamed(datasets["shapes"]):
        name = "other"

    others = [
        fingerprint(open_dataset("shapes", {"count": 13}), RESOLUTION),
        fingerprint(open_dataset("shapes", {"count": 12, "seed": 1}), RESOLUTION),
        fingerprint(shapes, RESOLUTION * 2),
        fingerprint(Redrawn(shapes.options), RESOLUTION),
        fingerprint(Renamed(shapes.options), RESOLUTION),
    ]
    assert len({fingerprint(shapes, RESOLUTION), *others}) == 6
    assert fingerprint(shapes, RESOLUTION) == fingerprint(open_dataset("shapes", {"count": 12, "seed": 0}), RESOLUTION)


def test_pictures_go_to_the_disk_one_by_one(tmp_path):
    dataset = open_dataset("shapes", {"count": 200})
    assert dataset.items
    tracemalloc.start()
    try:
        prepared = prepare(dataset, 128, tmp_path)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < prepared.images.nbytes / 4


class Given(Dataset):
    """Grey squares that are as bright as their number."""

    name, title, licence, channels = "given", "Given", "MIT", 1
    class_names = ()

    def __init__(self, *items, broken=None):
        super().__init__(DatasetOptions())
        self.given, self.broken = items, broken

    @property
    def items(self):
        return self.given

    def identity(self):
        return repr(self.given)

    def draw(self, index, resolution):
        if index == self.broken:
            raise ValueError(f"picture {index} is broken")
        time.sleep(0.001 * (index % 3))  # threads overtake each other
        return np.full((resolution, resolution, 1), index, np.uint8)


def test_threads_keep_the_order(tmp_path):
    prepared = prepare(Given(*[Item()] * 200), 2, tmp_path)
    assert prepared.images[:, 1, 1, 0].tolist() == list(range(200))


def test_a_picture_that_cannot_be_drawn_is_named_and_leaves_nothing(tmp_path):
    with pytest.raises(ValueError, match="picture 70 is broken"):
        prepare(Given(*[Item()] * 100, broken=70), 2, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_the_splits_of_the_set_itself_win(tmp_path):
    items = [Item(split="test"), *[Item(concept="the same")] * 40, Item(split="val"), Item(split="train")]
    prepared = prepare(Given(*items), 2, tmp_path)
    assert (prepared.splits[0], prepared.splits[-2], prepared.splits[-1]) == (2, 1, 0)
    assert len(set(prepared.splits[1:-2].tolist())) == 1, "pictures of one concept stay together"
    rows = [prepared.rows(split) for split in SPLITS]
    assert sorted(np.concatenate(rows).tolist()) == prepared.rows("all").tolist() == list(range(len(items)))
    assert rows[2].dtype == np.int64


def test_chance_splits_nine_tenths_off_whatever_else_there_is(tmp_path):
    many, more = (prepare(Given(*[Item(concept=f"c{index}") for index in range(count)]), 1, tmp_path / str(count)) for count in (200, 240))
    assert np.array_equal(many.splits, more.splits[:200])
    shares = np.bincount([SPLITS.index(split_of(Item(), index)) for index in range(10_000)]) / 10_000
    assert np.allclose(shares, [0.9, 0.05, 0.05], atol=0.01)


def test_train_is_never_empty(tmp_path):
    prepared = prepare(Given(Item(split="test"), Item(split="val")), 2, tmp_path)
    assert [len(prepared.rows(split)) for split in SPLITS] == [2, 0, 0]


def test_gathered_pictures_are_copies_whatever_is_given_back_to_the_system(shapes, tmp_path, monkeypatch):
    prepared = prepare(shapes, RESOLUTION, tmp_path)
    monkeypatch.setattr(cache, "RESIDENT", 1000)
    for rows in (np.array([3, 1, 3]), prepared.rows("all")):
        pictures = prepared.gather(rows)
        assert np.array_equal(pictures, drawn(shapes)[rows])
        assert not isinstance(pictures, np.memmap)
        assert pictures.flags.writeable


RESIDENT = """
import pathlib, sys, numpy, psutil
from atelier.datasets.cache import PreparedDataset
prepared = PreparedDataset.open(pathlib.Path(sys.argv[1]))
before = psutil.Process().memory_info().rss
for rows in numpy.split(numpy.random.default_rng(0).permutation(len(prepared)), 100):
    prepared.gather(rows)
print(psutil.Process().memory_info().rss - before, prepared.images.nbytes)
"""


def test_a_process_that_has_read_every_picture_is_no_larger_for_it(tmp_path):
    prepared = prepare(open_dataset("shapes", {"count": 1500}), 256, tmp_path)
    command = [sys.executable, "-c", RESIDENT, prepared.folder]
    grown, read = map(int, subprocess.run(command, capture_output=True, text=True, check=True).stdout.split())
    assert read > 280e6
    assert grown < 100e6


def test_captions_are_read_when_asked_for(shapes, tmp_path):
    prepared = prepare(shapes, RESOLUTION, tmp_path)
    (prepared.folder / CAPTIONS).unlink()
    with pytest.raises(FileNotFoundError):
        prepared.captions  # noqa: B018


def flip_a_bit(folder):
    content = bytearray((folder / IMAGES).read_bytes())
    content[-1] ^= 1
    (folder / IMAGES).write_bytes(content)


def forget_the_options(folder):
    metadata = json.loads((folder / METADATA).read_text())
    del metadata["options"]
    (folder / METADATA).write_text(json.dumps(metadata))


DAMAGES = {
    "a bit flipped": flip_a_bit,
    "images truncated": lambda folder: os.truncate(folder / IMAGES, 1000),
    "images gone": lambda folder: (folder / IMAGES).unlink(),
    "metadata gone": lambda folder: (folder / METADATA).unlink(),
    "metadata truncated": lambda folder: os.truncate(folder / METADATA, 100),
    "metadata incomplete": forget_the_options,
    "labels changed": lambda folder: np.save(folder / LABELS, np.zeros(12, np.int64)),
    "splits gone": lambda folder: (folder / SPLIT_INDICES).unlink(),
    "captions truncated": lambda folder: os.truncate(folder / CAPTIONS, 100),
}


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES.keys())
def test_a_damaged_folder_is_replaced(damage, shapes, tmp_path):
    folder = tmp_path / prepare(shapes, RESOLUTION, tmp_path).fingerprint
    damage(folder)
    with pytest.raises((FileNotFoundError, ValueError)):
        PreparedDataset.open(folder)
    assert np.array_equal(prepare(shapes, RESOLUTION, tmp_path).images, drawn(shapes))
    assert np.array_equal(PreparedDataset.open(folder).images, drawn(shapes))
    assert list(tmp_path.iterdir()) == [folder]


def test_what_progress_raises_leaves_nothing_behind(shapes, tmp_path):
    def cancel(done, total):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        prepare(shapes, RESOLUTION, tmp_path, cancel)
    assert list(tmp_path.iterdir()) == []


def test_what_a_killed_preparation_left_is_ignored_and_swept_up(shapes, tmp_path):
    code = """
import os, pathlib, signal, sys
from atelier.datasets.cache import prepare
from atelier.datasets.catalog import open_dataset
dataset = open_dataset("shapes", {"count": 12})
prepare(dataset, 16, pathlib.Path(sys.argv[1]), lambda done, total: done == 6 and os.kill(os.getpid(), signal.SIGKILL))
"""
    assert subprocess.run([sys.executable, "-c", code, tmp_path]).returncode == -9
    (left_over,) = tmp_path.iterdir()
    assert left_over.name.startswith(STAGING)
    assert np.array_equal(prepare(shapes, RESOLUTION, tmp_path).images, drawn(shapes))

    a_while_ago = time.time() - 2 * cache.UNLOCKED_SECONDS
    os.utime(left_over, (a_while_ago, a_while_ago))
    prepare(shapes, RESOLUTION * 2, tmp_path)
    assert not left_over.exists()


def test_what_another_process_works_on_is_not_swept_up(shapes, tmp_path):
    def meanwhile(done, total):
        (staging,) = tmp_path.glob(f"{STAGING}*")
        a_while_ago = time.time() - 2 * cache.UNLOCKED_SECONDS
        os.utime(staging, (a_while_ago, a_while_ago))
        if done == total:
            prepare(shapes, RESOLUTION * 2, tmp_path)

    assert np.array_equal(prepare(shapes, RESOLUTION, tmp_path, meanwhile).images, drawn(shapes))


def test_the_first_to_finish_publishes(shapes, tmp_path):
    folder = tmp_path / fingerprint(shapes, RESOLUTION)
    published = []

    def be_overtaken(done, total):
        if done == total:
            prepare(shapes, RESOLUTION, tmp_path)
            published.append((folder / IMAGES).stat().st_ino)

    prepared = prepare(shapes, RESOLUTION, tmp_path, be_overtaken)
    assert published == [(folder / IMAGES).stat().st_ino], "what others have opened stays in its place"
    assert np.array_equal(prepared.images, drawn(shapes))
    assert list(tmp_path.iterdir()) == [folder]


RACE = """
import pathlib, sys, time
from atelier.datasets.cache import prepare
from atelier.datasets.catalog import open_dataset
folder, me, other = pathlib.Path(sys.argv[1]), *sys.argv[2:]
def meet(done, total):  # both have drawn everything before either publishes
    if done == total:
        (folder.parent / me).touch()
        while not (folder.parent / other).exists():
            time.sleep(0.001)
prepared = prepare(open_dataset("shapes", {"count": 12}), 16, folder, meet)
sys.stdout.buffer.write(prepared.images.tobytes())
"""


@pytest.mark.parametrize("before", ["nothing", "a damaged one"])
def test_two_processes_prepare_the_same_at_once(before, shapes, tmp_path):
    folder = tmp_path / "datasets"
    if before == "a damaged one":
        flip_a_bit(folder / prepare(shapes, RESOLUTION, folder).fingerprint)
    racers = [
        subprocess.Popen([sys.executable, "-c", RACE, folder, me, other], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        for me, other in (("a", "b"), ("b", "a"))
    ]
    expected = drawn(shapes).tobytes()
    for racer in racers:
        out, err = racer.communicate(timeout=60)
        assert racer.returncode == 0, err.decode()
        assert out == expected
    assert [path.name for path in folder.iterdir()] == [fingerprint(shapes, RESOLUTION)]
