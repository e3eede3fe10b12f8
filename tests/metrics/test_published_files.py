"""The official Inception and VGG-16, by the code that loads them, from files of their layout with random weights; and what is refused."""

import hashlib
import os
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from atelier.featurefiles import NETWORKS, add
from atelier.metrics.features import networks, open_network

CPU = torch.device("cpu")
NAMES = pytest.mark.parametrize("name", ["inception", "vgg16"])
A_TENSOR = {"inception": "Mixed_6e.branch7x7_2.bn.running_var", "vgg16": "features.14.weight"}


@pytest.fixture
def official(name: str, request: pytest.FixtureRequest) -> Path:
    path: Path = request.getfixturevalue(f"{name}_file")
    return path


class Malicious:
    def __init__(self, command: str) -> None:
        self.command = command

    def __reduce__(self) -> object:
        return os.system, (self.command,)


def test_these_are_the_networks_that_are_opened_from_files() -> None:
    assert networks.keys() - {"lite0"} == A_TENSOR.keys() == {"inception", "vgg16"}


@NAMES
def test_a_network_is_opened_from_the_file_as_published_and_names_its_checksum(name: str, official: Path) -> None:
    network = open_network(name, official.parent, CPU)
    assert (network.name, network.digest) == (name, hashlib.sha256(official.read_bytes()).hexdigest())
    assert not network.training
    assert not any(parameter.requires_grad for parameter in network.parameters())
    assert network(torch.zeros(1, 1, 32, 32)).shape[0] == 1


@NAMES
def test_without_its_file_it_is_not_opened_and_the_command_that_gets_it_is_named(name: str, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=f"atelier features fetch {name} downloads them"):
        open_network(name, tmp_path, CPU)


@NAMES
def test_a_truncated_file_is_refused(name: str, official: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / official.name
    path.write_bytes(official.read_bytes()[:-5_000_000])
    with pytest.raises(ValueError, match="the download broke off"):
        add(path, tmp_path / "features")
    approve(name, path, monkeypatch)
    with pytest.raises(ValueError, match="holds something other than weights, and was not opened"):
        add(path, tmp_path / "features")
    assert not (tmp_path / "features").exists()


@NAMES
def test_code_among_the_weights_does_not_run(name: str, official: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / official.name
    state = dict(torch.load(official, weights_only=True))
    torch.save({**state, A_TENSOR[name]: Malicious(f"touch {tmp_path}/ran")}, path)
    approve(name, path, monkeypatch)
    with pytest.raises(ValueError, match="holds something other than weights, and was not opened"):
        add(path, tmp_path / "features")
    assert not (tmp_path / "ran").exists()
    assert not (tmp_path / "features").exists()


@NAMES
def test_weights_of_another_network_are_refused_when_they_are_opened(name: str, official: Path, tmp_path: Path) -> None:
    """As could be kept by hand, or by an earlier version."""
    kept = NETWORKS[name].files[0].kept
    state, metadata = load_file(official.parent / kept), {"sha256": "0" * 64}
    save_file({**state, A_TENSOR[name]: torch.zeros(5)}, tmp_path / kept, metadata)
    with pytest.raises(ValueError, match=r"other weights|of another network"):
        open_network(name, tmp_path, CPU)
    del state[A_TENSOR[name]]
    save_file({**state, "more": torch.zeros(1)}, tmp_path / kept, metadata)
    with pytest.raises(ValueError, match=rf"(other weights|of another network): .*{A_TENSOR[name]}"):
        open_network(name, tmp_path, CPU)


@NAMES
def test_a_file_that_does_not_say_where_it_is_from_is_refused(name: str, official: Path, tmp_path: Path) -> None:
    kept = NETWORKS[name].files[0].kept
    save_file(load_file(official.parent / kept), tmp_path / kept)
    with pytest.raises(ValueError, match=rf"{kept} is damaged; add {official.name} again"):
        open_network(name, tmp_path, CPU)


def approve(name: str, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Take it for what was published."""
    (published,) = NETWORKS[name].files
    published = replace(published, sha256=hashlib.sha256(path.read_bytes()).hexdigest())
    monkeypatch.setitem(NETWORKS, name, replace(NETWORKS[name], files=(published,)))
