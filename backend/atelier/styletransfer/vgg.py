"""VGG-19 (Simonyan and Zisserman 2015, arXiv 1409.1556), the network of Gatys et al., with the weights that torchvision publishes."""

from collections.abc import Collection
from pathlib import Path
from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.nn.functional import avg_pool2d, conv2d, max_pool2d, pad, relu

from atelier import featurefiles
from atelier.styletransfer.networks import FeatureNetwork, Pooling, network

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


@network("vgg19")
def open_vgg19(folder: Path, device: torch.device, pooling: Pooling = "max") -> VGG19:
    """The trained network from `folder`.

    Raises:
        FileNotFoundError: it was not added.
        ValueError: the file is damaged.
    """
    (state,) = featurefiles.load("vgg19", folder)
    net = VGG19(pooling)
    net.load_state_dict(state)
    return net.to(device).to(memory_format=torch.channels_last)
