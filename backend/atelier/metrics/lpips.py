"""LPIPS, the distance of images that agrees with people's (Zhang et al. 2018, arXiv 1801.03924), version 0.1 on VGG-16."""

from pathlib import Path

import torch
from safetensors.torch import load_file
from torch import Tensor, nn
from torch.nn.functional import max_pool2d

from atelier import featurefiles
from atelier.metrics.features import FeatureNetwork, coloured, network

HEADS = Path(__file__).with_name("lpips_vgg.safetensors")  # weights of channels, fitted to people's judgements; in 0.1 none is negative
BLOCKS = ((2, 64), (2, 128), (3, 256), (3, 512), (3, 512))  # convolutions, channels; one is looked at behind each
SHIFT, SCALE = (-0.030, -0.088, -0.188), (0.458, 0.448, 0.450)  # of colours, before the first block
LEAST = 16  # pixels, of which one is left in the last block


class LPIPS(FeatureNetwork):
    """Images → vectors whose squared distance is their LPIPS; `distance` takes it.

    They are the activations of five layers, brought to length 1 at each pixel, each channel times the root of its weight over the
    number of pixels: as long as images are large, half a million numbers for one of 64 px. Differentiable everywhere.
    """

    name = "vgg16"
    title = "LPIPS (VGG-16)"
    dim = 0
    resize = "none"

    def __init__(self) -> None:
        super().__init__()
        self.blocks, channels = nn.ModuleList(), 3
        for count, width in BLOCKS:
            self.blocks.append(nn.ModuleList(nn.Conv2d(width if index else channels, width, 3, padding=1) for index in range(count)))
            channels = width
        self.heads = nn.ParameterList(torch.ones(width) for _, width in BLOCKS)

    def forward(self, images: Tensor) -> Tensor:
        """As vectors [N, D]; a ValueError where images are smaller than 16 px."""
        if min(images.shape[2:]) < LEAST:
            raise ValueError(f"{self.title} needs images of {LEAST} px at least, and these have {images.shape[3]}x{images.shape[2]}")
        with torch.autocast(images.device.type, enabled=False):
            dtype = self.heads[0].dtype
            values = images.to(dtype) / 127.5 - 1 if images.dtype == torch.uint8 else images.to(dtype)
            shift, scale = (values.new_tensor(of_colours).view(3, 1, 1) for of_colours in (SHIFT, SCALE))
            x = ((coloured(values) - shift) / scale).contiguous(memory_format=torch.channels_last)
            vectors = []
            for index, (block, weights) in enumerate(zip(self.blocks, self.heads, strict=True)):
                x = max_pool2d(x, 2) if index else x
                assert isinstance(block, nn.ModuleList)
                for conv in block:
                    x = conv(x).relu()
                # Inside of the root, as torchmetrics has it, since lpips' own has no gradient where nothing is active.
                units = x * (x.square().sum(dim=1, keepdim=True) + 1e-8).rsqrt()
                vectors.append((units * (weights / units[0, 0].numel()).sqrt().view(-1, 1, 1)).flatten(1))
            return torch.cat(vectors, dim=1)

    def distance(self, first: Tensor, second: Tensor) -> Tensor:
        """LPIPS [N] of images with images, both [N, C, H, W]."""
        difference: Tensor = self(first) - self(second)
        return difference.square().sum(dim=1)


@network("vgg16")
def open_lpips(folder: Path, device: torch.device) -> LPIPS:
    (state,) = featurefiles.load("vgg16", folder)
    with torch.device("meta"):
        loaded = LPIPS()
    names = [name for name, _ in loaded.blocks.named_parameters("blocks")]  # in the order of the file's
    layout = featurefiles.NETWORKS["vgg16"].files[0].layout
    convolutions = {name: state[theirs] for name, theirs in zip(names, layout, strict=True)}
    loaded.load_state_dict(convolutions | load_file(HEADS), assign=True)
    loaded.digest = featurefiles.digest_of("vgg16", folder)
    return loaded.eval().requires_grad_(False).to(device).to(memory_format=torch.channels_last)
