"""VGG-19: its layers against torchvision's, and the file it comes in."""

import hashlib
import http.server
import os
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from tests.styletransfer.conftest import picture
from torch import Tensor
from torchvision.models import vgg19

from atelier.styletransfer import vgg
from atelier.styletransfer.networks import open_network
from atelier.styletransfer.vgg import KEPT, VGG19, add_vgg19, fetch_vgg19, open_vgg19

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def official() -> dict[str, Tensor]:
    """In the layout of torchvision's file; what is not kept takes no room in it."""
    with torch.device("meta"):
        shapes = {name: value.shape for name, value in vgg19().state_dict().items()}
    generator = torch.Generator().manual_seed(0)
    kept = VGG19().state_dict().keys()
    state = {name: torch.zeros(1).expand(shape) for name, shape in shapes.items()}
    for name in kept:
        state[name] = torch.randn(shapes[name], generator=generator) * (2 / max(1, shapes[name][1:].numel())) ** 0.5
    return state


@pytest.fixture(scope="module")
def file(official: dict[str, Tensor], tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("download") / vgg.FILE
    torch.save(official, path)
    return path


@pytest.fixture
def published(file: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The same, taken for the published one."""
    monkeypatch.setattr(vgg, "PREFIX", hashlib.sha256(file.read_bytes()).hexdigest()[:8])
    return file


def approve(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(vgg, "PREFIX", hashlib.sha256(path.read_bytes()).hexdigest()[:8])


def test_layers_are_those_of_torchvisions_network(published: Path, official: dict[str, Tensor], tmp_path: Path) -> None:
    kept = add_vgg19(published, tmp_path / "features")
    assert kept == tmp_path / "features" / KEPT
    assert 51e6 < kept.stat().st_size < 53e6
    assert sorted(path.name for path in kept.parent.iterdir()) == [KEPT]
    net = open_vgg19(tmp_path / "features", CPU)
    theirs = vgg19().features[:30].eval().requires_grad_(False)
    theirs.load_state_dict({name.removeprefix("features."): official[name] for name in net.state_dict()})
    theirs[0].padding_mode = "replicate"
    image = picture(0)
    x = ((image + 1) / 2 - torch.tensor(vgg.MEAN)[:, None, None]) / torch.tensor(vgg.DEVIATION)[:, None, None]
    found = net(image, ("relu1_1", "relu2_1", "relu3_1", "relu4_1", "relu4_2", "relu5_1"))
    for index, layer in enumerate(theirs):
        x = layer(x)
        name = {1: "relu1_1", 6: "relu2_1", 11: "relu3_1", 20: "relu4_1", 22: "relu4_2", 29: "relu5_1"}.get(index)
        if name is not None:
            assert torch.allclose(found[name], x, atol=1e-3 * float(x.abs().max())), name
            assert found[name].shape[2:] == tuple(net.grid(name, size) for size in image.shape[2:])
    assert not any(parameter.requires_grad for parameter in net.parameters())
    assert open_network("auto", tmp_path / "features", CPU).name == "vgg19"


def test_another_file_is_refused_by_its_checksum(file: Path, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"is damaged or another file than vgg19-dcbb9e9d\.pth: .* bytes, the download broke off"):
        add_vgg19(file, tmp_path)
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(ValueError, match="can't be read"):
        add_vgg19(tmp_path / "missing.pth", tmp_path)


def test_a_truncated_file_is_refused(published: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / vgg.FILE
    path.write_bytes(published.read_bytes()[:1_000_000])
    with pytest.raises(ValueError, match="the download broke off"):
        add_vgg19(path, tmp_path / "features")
    approve(path, monkeypatch)  # even with the right beginning of a checksum
    with pytest.raises(ValueError, match="holds something other than weights"):
        add_vgg19(path, tmp_path / "features")
    assert not (tmp_path / "features" / KEPT).exists()


class Malicious:
    def __init__(self, command: str) -> None:
        self.command = command

    def __reduce__(self) -> object:
        return os.system, (self.command,)


def test_a_malicious_file_runs_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / vgg.FILE
    torch.save({"features.0.weight": Malicious(f"touch {tmp_path}/ran")}, path)
    approve(path, monkeypatch)
    with pytest.raises(ValueError, match="holds something other than weights"):
        add_vgg19(path, tmp_path / "features")
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize(
    "wrong", [None, torch.zeros(64, 3, 5, 5), torch.zeros(64, 3, 3, 3, dtype=torch.int64), torch.full((64, 3, 3, 3), torch.nan)]
)
def test_weights_of_something_else_are_refused(wrong: Tensor | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / vgg.FILE
    state = {name: value for name, value in VGG19().state_dict().items() if name != "features.0.weight"}
    torch.save(state | ({} if wrong is None else {"features.0.weight": wrong}), path)
    approve(path, monkeypatch)
    with pytest.raises(ValueError, match=r"features\.0\.weight"):
        add_vgg19(path, tmp_path / "features")
    torch.save([1, 2], path)
    approve(path, monkeypatch)
    with pytest.raises(ValueError, match="no weights of VGG-19"):
        add_vgg19(path, tmp_path / "features")


def test_a_kept_file_that_is_damaged_is_refused_and_one_that_is_missing_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"fetch https://download\.pytorch\.org/models/vgg19-dcbb9e9d\.pth, or add the file"):
        open_network("vgg19", tmp_path, CPU)
    (tmp_path / KEPT).write_bytes(b"nothing")
    with pytest.raises(ValueError, match=r"vgg19\.safetensors is damaged"):
        open_network("vgg19", tmp_path, CPU)
    with pytest.raises(ValueError, match="is damaged"):
        open_network("auto", tmp_path, CPU)


@pytest.fixture
def server(file: Path) -> Iterator[str]:
    class Handler(http.server.SimpleHTTPRequestHandler):
        def __init__(self, *args: object) -> None:
            super().__init__(*args, directory=str(file.parent))  # type: ignore[arg-type]

        def log_message(self, *args: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as served:
        thread = threading.Thread(target=served.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{served.server_port}"
        served.shutdown()
        thread.join()


def test_it_is_fetched_verified_and_kept(server: str, published: Path, tmp_path: Path) -> None:
    told: list[tuple[int, int]] = []
    fetch_vgg19(tmp_path, lambda done, total: told.append((done, total)), url=f"{server}/{vgg.FILE}")
    assert [path.name for path in tmp_path.iterdir()] == [KEPT]
    assert told
    assert told[0][1] == vgg.BYTES


def test_what_can_not_be_fetched_leaves_nothing(server: str, file: Path, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"could not be had: .*; fetch it by hand"):
        fetch_vgg19(tmp_path, url=f"{server}/missing.pth")
    with pytest.raises(ValueError, match="is damaged or another file"):
        fetch_vgg19(tmp_path, url=f"{server}/{vgg.FILE}")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("pooling", ["max", "average", "l2"])
def test_pooling_is_as_it_says_and_has_a_gradient_everywhere(pooling: vgg.Pooling) -> None:
    net = VGG19(pooling)
    x = torch.tensor([[1.0, 2], [3, 4]]).view(1, 1, 2, 2)
    expected = {"max": 4.0, "average": 2 * 2.5, "l2": 0.78 * 30**0.5}[pooling]
    assert float(net.pool(x)) == pytest.approx(expected, rel=1e-6)
    nothing = torch.zeros(1, 1, 2, 2, requires_grad=True)
    net.pool(nothing).sum().backward()
    assert nothing.grad is not None
    assert nothing.grad.isfinite().all()
