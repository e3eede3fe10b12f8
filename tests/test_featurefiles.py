"""Weights that others publish: what is taken, what is refused, and what is kept of it."""

import hashlib
import http.server
import os
import threading
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor
from torchvision.models import vgg16, vgg19

from atelier import featurefiles
from atelier.featurefiles import NETWORKS, FeatureNetwork, PublishedFile, add, fetch, load, missing
from atelier.styletransfer.vgg import VGG19

FILES = {published.file: (name, published) for name, network in NETWORKS.items() for published in network.files}


def randoms(published: PublishedFile) -> dict[str, Tensor]:
    """In the official layout; what is not kept takes no room."""
    generator = torch.Generator().manual_seed(0)
    state = {name: torch.randn(shape, generator=generator) for name, shape in published.layout.items()}
    if published.whole:
        state |= {f"other.{index}": torch.randn(2, generator=generator) for index in range(published.least)}
        return state | {"norm.num_batches_tracked": torch.tensor(3)}
    return state | {"classifier.0.weight": torch.zeros(1).expand(4096, 25088)}


def approve(path: Path, file: str, monkeypatch: pytest.MonkeyPatch, **changes: Any) -> PublishedFile:
    """Take what is there for what was published under that name."""
    name, published = FILES[file]
    published = replace(published, sha256=hashlib.sha256(path.read_bytes()).hexdigest()[: len(published.sha256)], **changes)
    files = tuple(published if other.file == file else other for other in NETWORKS[name].files)
    monkeypatch.setitem(NETWORKS, name, replace(NETWORKS[name], files=files))
    return published


def written(state: object, folder: Path, file: str, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = folder / file
    torch.save(state, path)
    approve(path, file, monkeypatch)
    return path


def test_layouts_are_those_of_the_networks() -> None:
    assert NETWORKS["vgg19"].files[0].layout == {name: tuple(value.shape) for name, value in VGG19().state_dict().items()}
    for name, build in (("vgg19", vgg19), ("vgg16", vgg16)):
        with torch.device("meta"):
            theirs = {key: tuple(value.shape) for key, value in build().state_dict().items()}
        layout = NETWORKS[name].files[0].layout
        assert layout.items() <= theirs.items()
    assert layout.keys() == {key for key in theirs if key.startswith("features.")}


def test_the_table_is_in_order() -> None:
    for published in (published for _, published in FILES.values()):
        assert published.url.startswith("https://")
        assert published.url.endswith(f"/{published.file}")
        assert len(published.sha256) >= 8
        assert published.size > 4 * sum(torch.Size(shape).numel() for shape in published.layout.values())
    assert len({published.kept for _, published in FILES.values()}) == len(FILES)


@pytest.mark.parametrize("file", FILES)
def test_a_file_is_known_by_its_checksum_and_kept_without_what_is_not_looked_at(
    file: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name, published = FILES[file]
    assert f"atelier features fetch {name} " in str(missing(name, tmp_path))
    state = randoms(published)
    path = written(state, tmp_path, file, monkeypatch).rename(tmp_path / "whatever.bin")
    kept = add(path, tmp_path / "features")
    assert kept == tmp_path / "features" / published.kept
    assert [entry.name for entry in kept.parent.iterdir()] == [published.kept]
    found = load_file(kept)
    assert found.keys() == (state.keys() if published.whole else published.layout.keys())
    assert all(torch.equal(value, state[key]) for key, value in found.items())
    assert file not in str(missing(name, tmp_path / "features"))
    if len(NETWORKS[name].files) == 1:
        assert missing(name, tmp_path / "features") is None
        assert load(name, tmp_path / "features")[0].keys() == found.keys()


def test_what_is_not_in_the_table_is_not_missed(tmp_path: Path) -> None:
    assert missing("lite0", tmp_path) is None
    with pytest.raises(FileNotFoundError, match=r"vgg_normalised\.pth and decoder\.pth as published"):
        load("adain", tmp_path)


@pytest.mark.parametrize("file", FILES)
def test_another_file_is_refused_by_its_checksum(file: str, tmp_path: Path) -> None:
    path = tmp_path / file
    torch.save({"a": torch.zeros(3)}, path)
    with pytest.raises(
        ValueError, match=rf"^{file} is damaged or another file: [\d,]+ of [\d,]+ bytes, the download broke off; its SHA-256"
    ):
        add(path, tmp_path / "features")
    with pytest.raises(ValueError, match=r"is none of vgg19-dcbb9e9d\.pth, .*, or damaged: its SHA-256 begins with"):
        add(path.rename(tmp_path / "a.pth"), tmp_path / "features")
    for unreadable in (tmp_path / "missing.pth", tmp_path):
        with pytest.raises(ValueError, match="can't be read"):
            add(unreadable, tmp_path / "features")
    assert not (tmp_path / "features").exists()


class Malicious:
    def __init__(self, command: str) -> None:
        self.command = command

    def __reduce__(self) -> object:
        return os.system, (self.command,)


@pytest.mark.parametrize("file", FILES)
@pytest.mark.parametrize("legacy", [False, True])
def test_a_malicious_file_runs_nothing(file: str, legacy: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / file
    torch.save({"a": Malicious(f"touch {tmp_path}/ran")}, path, _use_new_zipfile_serialization=not legacy)
    approve(path, file, monkeypatch)  # even with the right beginning of a checksum
    with pytest.raises(ValueError, match="holds something other than weights, and was not opened"):
        add(path, tmp_path / "features")
    assert not (tmp_path / "ran").exists()
    assert not (tmp_path / "features").exists()


def test_a_truncated_file_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = "decoder.pth"
    path = written(randoms(FILES[file][1]), tmp_path, file, monkeypatch)
    path.write_bytes(path.read_bytes()[:1_000_000])
    with pytest.raises(ValueError, match="the download broke off"):
        add(path, tmp_path / "features")
    approve(path, file, monkeypatch)
    with pytest.raises(ValueError, match="holds something other than weights"):
        add(path, tmp_path / "features")
    assert not (tmp_path / "features").exists()


WRONG = [None, torch.zeros(3, 64, 5, 5), torch.zeros(3, 64, 3, 3, dtype=torch.int64), torch.full((3, 64, 3, 3), torch.nan)]


@pytest.mark.parametrize("wrong", WRONG)
def test_weights_of_something_else_are_refused(wrong: Tensor | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = "decoder.pth"
    state = {key: value for key, value in randoms(FILES[file][1]).items() if key != "28.weight"}
    path = written(state | ({} if wrong is None else {"28.weight": wrong}), tmp_path, file, monkeypatch)
    with pytest.raises(ValueError, match=r"decoder\.pth .*28\.weight"):
        add(path, tmp_path / "features")
    for other in ([1, 2], {"28.weight": {"nested": torch.zeros(1)}}, {"28.weight": 1}):
        with pytest.raises(ValueError, match="it is not a list of tensors with their names"):
            add(written(other, tmp_path, file, monkeypatch), tmp_path / "features")
    assert not (tmp_path / "features").exists()


def test_a_file_that_is_kept_whole_is_looked_at_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = "pt_inception-2015-12-05-6726825d.pth"
    state = randoms(FILES[file][1])
    with pytest.raises(ValueError, match=r"other\.7 holds numbers that are none"):
        add(written(state | {"other.7": torch.tensor([0, torch.inf])}, tmp_path, file, monkeypatch), tmp_path / "features")
    few = {key: value for key, value in state.items() if not key.startswith("other.")}
    with pytest.raises(ValueError, match="4 tensors of 472"):
        add(written(few, tmp_path, file, monkeypatch), tmp_path / "features")


def test_a_kept_file_that_is_damaged_is_refused(tmp_path: Path) -> None:
    path = tmp_path / NETWORKS["vgg16"].files[0].kept
    path.write_bytes(b"nothing")
    with pytest.raises(ValueError, match=r"vgg16\.safetensors is damaged; add vgg16-397923af\.pth again"):
        load("vgg16", tmp_path)


def test_nothing_is_left_of_what_could_not_be_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = "decoder.pth"
    path = written(randoms(FILES[file][1]), tmp_path, file, monkeypatch)

    def full(*args: object, **kwargs: object) -> None:
        raise OSError("no space left")

    monkeypatch.setattr(featurefiles, "save_file", full)
    with pytest.raises(OSError, match="no space left"):
        add(path, tmp_path / "features")
    assert list((tmp_path / "features").iterdir()) == []


# ------------------------------------------------------------------------------------------------------------------ downloads


@pytest.fixture
def server(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The folder that AdaIN's files are served from."""
    folder = tmp_path_factory.mktemp("served")

    class Handler(http.server.SimpleHTTPRequestHandler):
        def __init__(self, *args: Any) -> None:
            super().__init__(*args, directory=str(folder))

        def log_message(self, *args: object) -> None:
            pass

        def copyfile(self, *args: Any) -> None:
            with suppress(ConnectionError):  # whoever had enough hangs up
                super().copyfile(*args)

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as served:
        thread = threading.Thread(target=served.serve_forever)
        thread.start()
        url = f"http://127.0.0.1:{served.server_port}"
        files = []
        for published in NETWORKS["adain"].files:
            torch.save(randoms(published), folder / published.file)
            files.append(replace(approve(folder / published.file, published.file, monkeypatch), url=f"{url}/{published.file}"))
        monkeypatch.setitem(NETWORKS, "adain", FeatureNetwork("AdaIN", "tests", tuple(files)))
        yield folder
        served.shutdown()
        thread.join()


def test_all_files_of_a_network_are_fetched_verified_and_kept(server: Path, tmp_path: Path) -> None:
    told: list[tuple[int, int]] = []
    kept = fetch("adain", tmp_path, lambda done, total: told.append((done, total)))
    assert sorted(kept) == sorted(tmp_path.iterdir())
    assert missing("adain", tmp_path) is None
    assert [len(state) for state in load("adain", tmp_path)] == [20, 18]
    assert told
    assert {total for _, total in told} == {sum(published.size for published in NETWORKS["adain"].files)}


def test_what_can_not_be_fetched_leaves_nothing(server: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    encoder = server / "vgg_normalised.pth"
    whole = encoder.read_bytes()
    encoder.write_bytes(whole[:100_000])
    with pytest.raises(ValueError, match=r"^vgg_normalised\.pth is damaged .* the download broke off"):
        fetch("adain", tmp_path)
    encoder.unlink()
    with pytest.raises(ValueError, match=r"could not be had: .*; fetch it by hand"):
        fetch("adain", tmp_path)
    encoder.write_bytes(whole)
    files = tuple(replace(published, size=1000) for published in NETWORKS["adain"].files)
    monkeypatch.setitem(NETWORKS, "adain", replace(NETWORKS["adain"], files=files))
    with pytest.raises(ValueError, match="is longer than"):
        fetch("adain", tmp_path)
    with pytest.raises(ValueError, match="'vgg99' can't be fetched; vgg19, "):
        fetch("vgg99", tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_download_that_is_given_up_leaves_nothing(server: Path, tmp_path: Path) -> None:
    def give_up(done: int, total: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fetch("adain", tmp_path, give_up)
    assert list(tmp_path.iterdir()) == []
