"""VGG-19 (Simonyan and Zisserman 2015, arXiv 1409.1556), the network of Gatys et al., with the weights that torchvision publishes."""

import hashlib
import os
import pickle
import time
from collections.abc import Callable, Collection
from contextlib import suppress
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import ClassVar
from urllib.error import URLError
from urllib.request import urlopen

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from torch.nn.functional import avg_pool2d, conv2d, max_pool2d, pad, relu

from atelier.styletransfer.networks import FeatureNetwork, Pooling, network

FILE = "vgg19-dcbb9e9d.pth"
URL = f"https://download.pytorch.org/models/{FILE}"
BYTES = 574_673_361
PREFIX = "dcbb9e9d"  # the SHA-256 of torchvision's files begins as their name says
KEPT = "vgg19.safetensors"

PLAN = (2, 2, 4, 4, 1)  # convolutions of each block, the last one cut off behind its first
WIDTHS = (64, 128, 256, 512, 512)
MEAN, DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)  # of ImageNet's pixels in [0, 1]
# What keeps activations as large as behind max pooling, which the weights were trained with (K. Crowson, style-transfer-pytorch).
RESCALE = {"max": 1.0, "average": 2.0, "l2": 0.78}


class VGG19(FeatureNetwork):
    """VGG-19 up to relu5_1: 12.9 million weights, 50 MB.

    The first convolution repeats the border's pixels in place of zeros, which would draw a frame. Pooling by the mean or the root of
    the sum of squares passes gradients on to all pixels: smoother pictures (Gatys et al. 2015, section 2, take the mean).
    """

    name = "vgg19"
    title = "VGG-19"
    content_layers: ClassVar = {"relu4_2": 0.05}
    style_layers: ClassVar = {"relu1_1": 1.0, "relu2_1": 1.0, "relu3_1": 1.0, "relu4_1": 1.0, "relu5_1": 1.0}
    tile = 512

    mean: Tensor
    deviation: Tensor

    def __init__(self, pooling: Pooling = "max") -> None:
        super().__init__()
        self.pooling = pooling
        self.features = nn.ModuleDict()  # called as torchvision calls them
        self.strides, self.reaches = {}, {}
        channels, index, stride, reach = 3, 0, 1, 0
        for block, (count, width) in enumerate(zip(PLAN, WIDTHS, strict=True), start=1):
            for number in range(1, count + 1):
                self.features[str(index)] = nn.Conv2d(channels, width, 3, padding=1)
                channels, index, reach = width, index + 2, reach + stride
                self.strides[f"relu{block}_{number}"], self.reaches[f"relu{block}_{number}"] = stride, reach
            index, stride = index + 1, 2 * stride
        self.register_buffer("mean", torch.tensor(MEAN)[:, None, None], persistent=False)
        self.register_buffer("deviation", torch.tensor(DEVIATION)[:, None, None], persistent=False)
        self.eval().requires_grad_(False)

    def forward(self, images: Tensor, layers: Collection[str]) -> dict[str, Tensor]:
        x = ((images + 1) / 2 - self.mean) / self.deviation
        x = x.contiguous(memory_format=torch.channels_last)
        wanted, found = set(layers), {}
        convolutions = iter(self.features.values())
        for block, count in enumerate(PLAN, start=1):
            for number in range(1, count + 1):
                convolution = next(convolutions)
                assert isinstance(convolution, nn.Conv2d)
                if block == number == 1:
                    x = conv2d(pad(x, (1, 1, 1, 1), mode="replicate"), convolution.weight, convolution.bias)
                else:
                    x = convolution(x)
                x = relu(x, inplace=True)
                if (layer := f"relu{block}_{number}") in wanted:
                    found[layer] = x
                    if len(found) == len(wanted):
                        return found
            x = self.pool(x)
        raise KeyError(f"VGG-19 has no layer {(wanted - found.keys()).pop()!r}")

    def pool(self, x: Tensor) -> Tensor:
        if self.pooling == "max":
            return max_pool2d(x, 2)
        if self.pooling == "average":
            return avg_pool2d(x, 2) * RESCALE["average"]
        return (avg_pool2d(x.square(), 2) * 4 + 1e-8).sqrt() * RESCALE["l2"]  # the root of zero has no gradient

    def grid(self, layer: str, size: int) -> int:
        return size // self.strides[layer]


# --------------------------------------------------------------------------------------------------------------------- its file


@network("vgg19")
def open_vgg19(folder: Path, device: torch.device, pooling: Pooling = "max") -> VGG19:
    """The trained network from `folder`, where `add_vgg19` or `fetch_vgg19` put it.

    Raises:
        FileNotFoundError: it was not added.
        ValueError: the file is damaged.
    """
    path = folder / KEPT
    if not path.exists():
        raise FileNotFoundError(f"the weights of VGG-19 are not here: fetch {URL}, or add the file if you have it")
    try:
        state = load_file(path)
    except SafetensorError as error:
        raise ValueError(f"{path.name} is damaged; add {FILE} again") from error
    with torch.device("meta"):
        net = VGG19(pooling)
    _check(state, net, path)
    net = VGG19(pooling)
    net.load_state_dict(state)
    return net.to(device).to(memory_format=torch.channels_last)


def add_vgg19(path: Path, folder: Path) -> Path:
    """Verify torchvision's file and keep what style transfer needs of it, a tenth, in `folder`; returns where.

    Raises:
        ValueError: it is not the published file, is truncated, or holds something other than these weights; nothing is kept.
    """
    try:
        size = path.stat().st_size
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise ValueError(f"{path.name} can't be read: {error.strerror}") from error
    if not digest.startswith(PREFIX):
        short = f": {size:,} of {BYTES:,} bytes, the download broke off" if 0 < size < BYTES else ""
        raise ValueError(f"{path.name} is damaged or another file than {FILE}{short}; its SHA-256 begins with {digest[:8]}, not {PREFIX}")
    try:
        saved = torch.load(path, map_location="cpu", weights_only=True)  # never a pickle that could run something
    except (pickle.UnpicklingError, RuntimeError, EOFError, ValueError, KeyError, AttributeError) as error:
        raise ValueError(f"{path.name} holds something other than weights, and was not opened") from error
    with torch.device("meta"):
        net = VGG19()
    if not isinstance(saved, dict):
        raise ValueError(f"{path.name} holds no weights of VGG-19")
    _check(saved, net, path)
    folder.mkdir(parents=True, exist_ok=True)
    with NamedTemporaryFile(prefix=".vgg19-", dir=folder, delete=False) as file:
        temporary = Path(file.name)
    try:
        state = {name: saved[name].float().contiguous() for name in net.state_dict()}
        save_file(state, temporary, metadata={"source": FILE, "sha256": digest})
        with temporary.open("rb") as file:
            os.fsync(file.fileno())
        temporary.chmod(0o644)
        return temporary.replace(folder / KEPT)
    finally:
        temporary.unlink(missing_ok=True)


def fetch_vgg19(folder: Path, on_progress: Callable[[int, int], None] | None = None, *, url: str = URL) -> Path:
    """Download torchvision's file and add it; 548 MiB pass, 50 stay.

    `on_progress(bytes, bytes in all)` is called at most ten times a second; what it raises ends the work and leaves nothing.

    Raises:
        ValueError: it could not be had, or is not the published file.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with NamedTemporaryFile(prefix=".download-", suffix=".pth", dir=folder, delete=False) as file:
        temporary = Path(file.name)
        try:
            done, told = 0, 0.0
            with urlopen(url, timeout=60) as response:
                while part := response.read(1 << 20):
                    file.write(part)
                    done += len(part)
                    if done > BYTES:
                        raise ValueError(f"{url} is longer than {FILE}")
                    if on_progress is not None and time.monotonic() - told > 0.1:
                        on_progress(done, BYTES)
                        told = time.monotonic()
            file.close()
            return add_vgg19(temporary, folder)
        except (URLError, TimeoutError, ConnectionError) as error:
            raise ValueError(f"{url} could not be had: {getattr(error, 'reason', error)}; fetch it by hand and add the file") from error
        finally:
            with suppress(OSError):
                temporary.unlink()


def _check(state: dict[str, Tensor], net: VGG19, path: Path) -> None:
    for name, wanted in net.state_dict().items():
        found = state.get(name)
        if not isinstance(found, Tensor) or found.shape != wanted.shape or not found.is_floating_point():
            raise ValueError(f"{path.name} holds no weights of VGG-19: {name} is missing or of another shape")
        if not found.isfinite().all():
            raise ValueError(f"{path.name} is damaged: {name} holds numbers that are none")
