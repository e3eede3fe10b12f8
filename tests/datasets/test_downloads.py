"""Published sets, fetched by torchvision: here from files in the very format of each, in place of the network."""

import gzip
import importlib.util
import pickle
import shutil
import socket
import struct
import tarfile
import time
import zipfile
from pathlib import Path
from urllib.error import HTTPError, URLError

import numpy as np
import pytest
from PIL import Image
from scipy.io import savemat
from torchvision import datasets as published
from torchvision.datasets import celeba as celeba_module
from torchvision.datasets import utils

from atelier.datasets.downloads import downloads, fetch
from atelier.datasets.layouts.base import layouts, locate
from atelier.datasets.pictures import open_picture

every_download = pytest.mark.parametrize("name", sorted(downloads))


def idx(array: np.ndarray) -> bytes:
    """The format of MNIST: 8 for bytes, number of dimensions, their sizes."""
    return gzip.compress(struct.pack(f">HBB{array.ndim}L", 0, 8, array.ndim, *array.shape) + array.tobytes())


def mnist(folder: Path, name: str) -> None:
    rng = np.random.default_rng(0)
    for prefix, count in (("train", 30), ("t10k", 10)):
        (folder / f"{prefix}-images-idx3-ubyte.gz").write_bytes(idx(rng.integers(0, 256, (count, 28, 28), np.uint8)))
        (folder / f"{prefix}-labels-idx1-ubyte.gz").write_bytes(idx((np.arange(count) % 10).astype(np.uint8)))


def cifar10(folder: Path, name: str) -> None:
    home = folder / "cifar-10-batches-py"
    home.mkdir()
    rng = np.random.default_rng(0)
    for batch in ("data_batch_1", "data_batch_2", "data_batch_3", "data_batch_4", "data_batch_5", "test_batch"):
        rows = {"data": rng.integers(0, 256, (10, 3072), np.uint8), "labels": list(range(10)), "batch_label": batch}
        (home / batch).write_bytes(pickle.dumps(rows))
    names = ["airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"]
    (home / "batches.meta").write_bytes(pickle.dumps({"label_names": names}))
    with tarfile.open(folder / "cifar-10-python.tar.gz", "w:gz") as archive:
        archive.add(home, "cifar-10-batches-py")


def flowers102(folder: Path, name: str) -> None:
    with tarfile.open(folder / "102flowers.tgz", "w:gz") as archive:
        for number in range(1, 307):
            path = folder / f"image_{number:05d}.jpg"
            Image.new("RGB", (30, 20), (number % 256, 0, 0)).save(path)
            archive.add(path, f"jpg/{path.name}")
    savemat(folder / "imagelabels.mat", {"labels": np.arange(306)[np.newaxis] % 102 + 1})
    thirds = np.arange(1, 307).reshape(3, 1, 102)
    savemat(folder / "setid.mat", {"trnid": thirds[0], "valid": thirds[1], "tstid": thirds[2]})


def celeba(folder: Path, name: str) -> None:
    names = [f"{number:06d}.jpg" for number in range(1, 7)]
    with zipfile.ZipFile(folder / "img_align_celeba.zip", "w") as archive:
        for number, file in enumerate(names):
            Image.new("RGB", (178, 218), (number * 40, 0, 0)).save(folder / file)
            archive.write(folder / file, f"img_align_celeba/{file}")
    attributes = published.CelebA.__doc__ and [f"Attribute_{number}" for number in range(40)]
    header = f"{len(names)}\n{' '.join(attributes)} \n"
    (folder / "list_attr_celeba.txt").write_text(header + "".join(f"{file} {' '.join([' 1', '-1'] * 20)}\n" for file in names))
    (folder / "identity_CelebA.txt").write_text("".join(f"{file} {number // 2}\n" for number, file in enumerate(names)))
    (folder / "list_bbox_celeba.txt").write_text("6\nimage_id x_1 y_1 width height\n" + "".join(f"{file} 1 2 3 4\n" for file in names))
    landmarks = "6\nlefteye_x lefteye_y righteye_x righteye_y nose_x nose_y leftmouth_x leftmouth_y rightmouth_x rightmouth_y\n"
    (folder / "list_landmarks_align_celeba.txt").write_text(landmarks + "".join(f"{file} 1 2 3 4 5 6 7 8 9 10\n" for file in names))
    (folder / "list_eval_partition.txt").write_text("".join(f"{file} {number // 2}\n" for number, file in enumerate(names)))


HOSTS = {"mnist": mnist, "fashion-mnist": mnist, "cifar10": cifar10, "flowers102": flowers102, "celeba": celeba}


@pytest.fixture
def network(tmp_path, monkeypatch):
    """Serves files that were made here; torchvision unpacks and reads them, and compares no sums of the published ones."""

    def serve(name):
        host = tmp_path / "host"
        host.mkdir()
        HOSTS[name](host, name)

        def retrieve(url, filename, *_, **__):
            shutil.copy(host / url.rpartition("/")[2], filename)

        def drive(file_id, root, filename=None, md5=None):
            Path(root).mkdir(parents=True, exist_ok=True)
            shutil.copy(host / filename, Path(root, filename))

        monkeypatch.setattr(utils, "_urlretrieve", retrieve)
        monkeypatch.setattr(utils, "_get_redirect_url", lambda url, max_hops=3: url)
        monkeypatch.setattr(celeba_module, "download_file_from_google_drive", drive)
        monkeypatch.setattr(utils, "check_md5", lambda *_, **__: True)
        find_spec = importlib.util.find_spec
        monkeypatch.setattr(importlib.util, "find_spec", lambda name: True if name == "gdown" else find_spec(name))

    return serve


@every_download
def test_it_describes_itself(name):
    download = downloads[name]
    assert download.name == name
    assert download.title
    assert download.licence
    assert download.layout in layouts
    assert download.images > 1000
    assert download.bytes > 1_000_000


@every_download
def test_what_is_fetched_has_its_layout(name, network, tmp_path):
    network(name)
    told = []
    fetch(name, tmp_path / "new" / "set", lambda *progress: told.append(progress))
    home, layout = locate(tmp_path / "new" / "set", None)
    assert layout is layouts[downloads[name].layout]
    listing = layout().read(home)
    assert listing.skipped == ()
    for entry in listing.entries[::7]:
        open_picture(home / entry.path)
    counts = {split: sum(entry.item.split == split for entry in listing.entries) for split in ("train", "val", "test")}
    assert (
        counts
        == {
            "mnist": {"train": 30, "val": 0, "test": 10},
            "fashion-mnist": {"train": 30, "val": 0, "test": 10},
            "cifar10": {"train": 50, "val": 0, "test": 10},
            "flowers102": {"train": 102, "val": 102, "test": 102},
            "celeba": {"train": 2, "val": 2, "test": 2},
        }[name]
    )
    assert told[-1] == (1000, 1000)
    assert told == sorted(told)
    assert not [path for path in home.iterdir() if path.name.startswith(".")], "what was fetched is gone"
    assert not list(home.rglob("*.zip")) + list(home.rglob("*.gz"))


def test_digits_keep_their_pixels_and_labels(network, tmp_path):
    network("mnist")
    fetch("mnist", tmp_path / "set")
    listing = layouts["folders"]().read(tmp_path / "set")
    assert listing.class_names[:2] == ("0 - zero", "1 - one")
    expected = np.random.default_rng(0).integers(0, 256, (30, 28, 28), np.uint8)[11]
    assert np.array_equal(np.asarray(open_picture(tmp_path / "set" / "train" / "1 - one" / "00011.png")), expected)
    assert open_picture(tmp_path / "set" / listing.entries[0].path).mode == "L"


def test_colours_keep_their_pixels_and_labels(network, tmp_path):
    network("cifar10")
    fetch("cifar10", tmp_path / "set")
    expected = np.random.default_rng(0).integers(0, 256, (10, 3072), np.uint8)[3].reshape(3, 32, 32).transpose(1, 2, 0)
    assert np.array_equal(np.asarray(open_picture(tmp_path / "set" / "train" / "cat" / "00003.png")), expected)


def test_names_of_classes_become_folders(network, tmp_path):
    network("fashion-mnist")
    fetch("fashion-mnist", tmp_path / "set")
    assert "T-shirt or top" in layouts["folders"]().read(tmp_path / "set").class_names


def test_flowers_stay_the_files_that_they_were(network, tmp_path):
    network("flowers102")
    fetch("flowers102", tmp_path / "set")
    listing = layouts["folders"]().read(tmp_path / "set")
    assert len(listing.class_names) == 102
    assert {"pink primrose", "colt's foot", "pink-yellow dahlia"} < set(listing.class_names)
    assert (tmp_path / "set/train/pink primrose/00000.jpg").read_bytes() == (tmp_path / "host/image_00001.jpg").read_bytes()


def test_faces_come_with_their_lists(network, tmp_path):
    network("celeba")
    fetch("celeba", tmp_path / "set")
    listing = layouts["celeba"]().read(tmp_path / "set")
    assert len(listing.attribute_names) == 40
    assert listing.entries[0].item.concept == "person 0"


def unreachable(*_, **__):
    raise URLError(socket.gaierror(-3, "Temporary failure in name resolution"))


@pytest.mark.parametrize("name", sorted(set(downloads) - {"celeba"}))
def test_without_a_network_it_says_so_and_what_to_do(name, monkeypatch, tmp_path):
    monkeypatch.setattr("urllib.request.urlopen", unreachable)
    with pytest.raises(ValueError, match="could not be fetched") as refusal:
        fetch(name, tmp_path / "set")
    message = str(refusal.value)
    assert f"{downloads[name].host} can't be reached over the network from this machine" in message
    assert "name resolution" in message
    assert downloads[name].page in message
    assert ("download it by hand" in message) == (name == "celeba")  # the others are published in files that are no pictures
    assert "atelier datasets add FOLDER" in message
    assert list((tmp_path / "set").iterdir()) == []


def test_a_network_that_does_not_answer_is_given_up(monkeypatch, tmp_path):
    """A real host that accepts, and says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        monkeypatch.setattr("atelier.datasets.downloads.TIMEOUT", 0.5)
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/"
        monkeypatch.setattr(published.FashionMNIST, "mirrors", [url])
        start = time.monotonic()
        with pytest.raises(ValueError, match=r"can't be reached over the network .*timed out"):
            fetch("fashion-mnist", tmp_path / "set")
        assert time.monotonic() - start < 30
    assert socket.getdefaulttimeout() is None


def test_a_host_that_refuses(monkeypatch, tmp_path):
    def refuse(request, *_, **__):
        raise HTTPError(request.full_url, 403, "Forbidden", {}, None)

    monkeypatch.setattr("urllib.request.urlopen", refuse)
    with pytest.raises(ValueError, match=r"www\.robots\.ox\.ac\.uk answers 403"):
        fetch("flowers102", tmp_path / "set")


def test_a_file_that_is_not_the_published_one(network, monkeypatch, tmp_path):
    network("cifar10")
    monkeypatch.setattr(utils, "check_md5", lambda *_, **__: False)
    with pytest.raises(ValueError, match=r"what www\.cs\.toronto\.edu sent is not the file that was published"):
        fetch("cifar10", tmp_path / "set")


def test_faces_need_a_package_for_google_drive(monkeypatch, tmp_path):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(ValueError, match=r"Google Drive, and the package gdown is needed .*pip install gdown"):
        fetch("celeba", tmp_path / "set")


def test_waiting_can_be_cancelled(monkeypatch, tmp_path):
    monkeypatch.setattr("urllib.request.urlopen", lambda *_, **__: time.sleep(5))

    def cancel(done, total):
        raise KeyboardInterrupt

    start = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        fetch("mnist", tmp_path / "set", cancel)
    assert time.monotonic() - start < 4


def test_an_unknown_name_tells_those_that_exist(tmp_path):
    with pytest.raises(ValueError, match="'imagenet' is not one of cifar10, mnist, fashion-mnist, flowers102, celeba"):
        fetch("imagenet", tmp_path / "set")
