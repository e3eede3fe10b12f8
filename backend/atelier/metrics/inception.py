"""The Inception of FID, KID and Inception Score: Google's of 2015-12-05, in the weights that pytorch-fid and torch-fidelity publish.

Inception v3 (Szegedy et al. 2015, arXiv 1512.00567) as Heusel et al. (2017, arXiv 1706.08500) took it, not torchvision's. It differs
in its resizing, which is TensorFlow 1's; in means of neighbours that leave out what is beyond the border; in the maximum where the
last block should have a mean, once an oversight; and in 1,008 classes. Another filter or another last pool is another score.
"""

from pathlib import Path
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn.functional import avg_pool2d, max_pool2d

from atelier import featurefiles
from atelier.metrics.features import FeatureNetwork, coloured, network

Pool = Literal["mean", "max"]
Step = tuple[tuple[str, int, int, int], ...]  # convolutions side by side: name, channels, kernel's height and width
Branch = tuple[Step, ...]


def convs(*specs: tuple[str, int, int, int]) -> Branch:
    """One behind the other."""
    return tuple((spec,) for spec in specs)


def fives(pooled: int) -> tuple[Branch, ...]:
    return (
        convs(("branch1x1", 64, 1, 1)),
        convs(("branch5x5_1", 48, 1, 1), ("branch5x5_2", 64, 5, 5)),
        convs(("branch3x3dbl_1", 64, 1, 1), ("branch3x3dbl_2", 96, 3, 3), ("branch3x3dbl_3", 96, 3, 3)),
        convs(("branch_pool", pooled, 1, 1)),
    )


def sevens(inside: int) -> tuple[Branch, ...]:
    once, twice = "branch7x7_", "branch7x7dbl_"
    return (
        convs(("branch1x1", 192, 1, 1)),
        convs((f"{once}1", inside, 1, 1), (f"{once}2", inside, 1, 7), (f"{once}3", 192, 7, 1)),
        convs(
            (f"{twice}1", inside, 1, 1),
            (f"{twice}2", inside, 7, 1),
            (f"{twice}3", inside, 1, 7),
            (f"{twice}4", inside, 7, 1),
            (f"{twice}5", 192, 1, 7),
        ),
        convs(("branch_pool", 192, 1, 1)),
    )


def fork(name: str) -> Step:
    return ((f"{name}a", 384, 1, 3), (f"{name}b", 384, 3, 1))


FORKS = (
    convs(("branch1x1", 320, 1, 1)),
    (*convs(("branch3x3_1", 384, 1, 1)), fork("branch3x3_2")),
    (*convs(("branch3x3dbl_1", 448, 1, 1), ("branch3x3dbl_2", 384, 3, 3)), fork("branch3x3dbl_3")),
    convs(("branch_pool", 192, 1, 1)),
)
BLOCKS: dict[str, tuple[Branch, ...]] = {
    "Mixed_5b": fives(32),
    "Mixed_5c": fives(64),
    "Mixed_5d": fives(64),
    "Mixed_6a": (
        convs(("branch3x3", 384, 3, 3)),
        convs(("branch3x3dbl_1", 64, 1, 1), ("branch3x3dbl_2", 96, 3, 3), ("branch3x3dbl_3", 96, 3, 3)),
    ),
    "Mixed_6b": sevens(128),
    "Mixed_6c": sevens(160),
    "Mixed_6d": sevens(160),
    "Mixed_6e": sevens(192),
    "Mixed_7a": (
        convs(("branch3x3_1", 192, 1, 1), ("branch3x3_2", 320, 3, 3)),
        convs(("branch7x7x3_1", 192, 1, 1), ("branch7x7x3_2", 192, 1, 7), ("branch7x7x3_3", 192, 7, 1), ("branch7x7x3_4", 192, 3, 3)),
    ),
    "Mixed_7b": FORKS,
    "Mixed_7c": FORKS,
}


class Conv(nn.Conv2d):
    """With ReLU; its batch norm, which does not learn any more, is in its weights."""

    def __init__(self, channels: int, out: int, kernel: tuple[int, int], *, stride: int = 1, padded: bool = True) -> None:
        super().__init__(channels, out, kernel, stride, (kernel[0] // 2, kernel[1] // 2) if padded else 0)

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x).relu_()


class Mixed(nn.Module):
    """Branches side by side, [N, C, H, W] → [N, C', H, W], the last one behind a pool of 3x3."""

    def __init__(self, channels: int, branches: tuple[Branch, ...], pool: Pool = "mean") -> None:
        super().__init__()
        self.branches, self.pool, self.out = branches, pool, 0
        for branch in branches:
            width = channels
            for step in branch:
                for name, out, height, across in step:
                    self.add_module(name, Conv(width, out, (height, across)))
                width = sum(out for _, out, _, _ in step)
            self.out += width

    def forward(self, x: Tensor) -> Tensor:
        pooled = avg_pool2d(x, 3, 1, 1, count_include_pad=False) if self.pool == "mean" else max_pool2d(x, 3, 1, 1)
        return torch.cat([*(self.along(branch, x) for branch in self.branches[:-1]), self.along(self.branches[-1], pooled)], dim=1)

    def along(self, branch: Branch, x: Tensor) -> Tensor:
        for step in branch:
            found = [self.get_submodule(name)(x) for name, *_ in step]
            x = found[0] if len(found) == 1 else torch.cat(found, dim=1)
        return x


class Down(Mixed):
    """Half the size: what ends a branch steps by two, and so does a pool besides."""

    def __init__(self, channels: int, branches: tuple[Branch, ...]) -> None:
        super().__init__(channels, branches)
        self.out += channels
        for branch in branches:
            name, out, height, across = branch[-1][0]
            width = branch[-2][0][1] if len(branch) > 1 else channels
            self.add_module(name, Conv(width, out, (height, across), stride=2, padded=False))

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([*(self.along(branch, x) for branch in self.branches), max_pool2d(x, 3, 2)], dim=1)


class Inception(FeatureNetwork):
    """Images → the 2,048 features before the classes, as torch-fidelity's "2048"; `logits` are its "logits_unbiased"."""

    name = "inception"
    title = "Inception v3 (2015-12-05)"
    dim = 2048
    classes = 1008
    size = 299
    resize = "bilinear as in TensorFlow 1, not antialiased, to 299 px"

    def __init__(self) -> None:
        super().__init__()
        self.Conv2d_1a_3x3 = Conv(3, 32, (3, 3), stride=2, padded=False)
        self.Conv2d_2a_3x3 = Conv(32, 32, (3, 3), padded=False)
        self.Conv2d_2b_3x3 = Conv(32, 64, (3, 3))
        self.Conv2d_3b_1x1 = Conv(64, 80, (1, 1))
        self.Conv2d_4a_3x3 = Conv(80, 192, (3, 3), padded=False)
        channels = 192
        for name, branches in BLOCKS.items():
            pool: Pool = "max" if name == "Mixed_7c" else "mean"
            block = Down(channels, branches) if name in ("Mixed_6a", "Mixed_7a") else Mixed(channels, branches, pool)
            self.add_module(name, block)
            channels = block.out
        self.fc = nn.Linear(channels, self.classes)

    def forward(self, images: Tensor) -> Tensor:
        with torch.autocast(images.device.type, enabled=False):
            pixels = images.float() if images.dtype == torch.uint8 else (images.float() + 1) * 127.5
            return self.pooled((bilinear(coloured(pixels), self.size) - 128) / 128)

    def pooled(self, x: Tensor) -> Tensor:
        x = x.contiguous(memory_format=torch.channels_last)
        x = max_pool2d(self.Conv2d_2b_3x3(self.Conv2d_2a_3x3(self.Conv2d_1a_3x3(x))), 3, 2)
        x = max_pool2d(self.Conv2d_4a_3x3(self.Conv2d_3b_1x1(x)), 3, 2)
        for name in BLOCKS:
            x = self.get_submodule(name)(x)
        return x.mean(dim=(2, 3))

    def logits(self, features: Tensor) -> Tensor:
        """[N, 2048] → [N, 1008], without the last layer's bias, as Inception Scores have always been taken."""
        return features @ self.fc.weight.mT


def bilinear(images: Tensor, size: int) -> Tensor:
    """As TensorFlow 1 does it: pixel i of the result lies at i times the ratio of sizes, so that the picture moves a little to the
    right and down, and large ones are looked at in places; [N, C, H, W] → [N, C, size, size].
    """
    for dim in (3, 2):
        length = images.shape[dim]
        places = torch.arange(size, dtype=torch.float32, device=images.device) * torch.tensor(length / size, dtype=torch.float32)
        low = places.long()
        weight = (places - low).view(-1, *[1] * (3 - dim))
        first, second = images.index_select(dim, low), images.index_select(dim, (low + 1).clamp_max(length - 1))
        images = first + (second - first) * weight
    return images


@network("inception")
def open_inception(folder: Path, device: torch.device) -> Inception:
    (state,) = featurefiles.load("inception", folder)
    with torch.device("meta"):
        loaded = Inception()
    folded = {name: state[name].clone() for name in ("fc.weight", "fc.bias")}  # out of the file, which lies in memory as it happens
    try:
        for name, module in loaded.named_modules():
            if isinstance(module, Conv):
                mean, variance, weight, bias = (
                    state[f"{name}.bn.{part}"].double() for part in ("running_mean", "running_var", "weight", "bias")
                )
                scale = weight / (variance + 1e-3).sqrt()
                folded[f"{name}.weight"] = (state[f"{name}.conv.weight"].double() * scale.view(-1, 1, 1, 1)).float()
                folded[f"{name}.bias"] = (bias - mean * scale).float()
        loaded.load_state_dict(folded, assign=True)
    except (KeyError, RuntimeError) as error:
        raise ValueError(f"the weights of {Inception.title} are of another network: {error}") from error
    loaded.digest = featurefiles.digest_of("inception", folder)
    return loaded.eval().requires_grad_(False).to(device).to(memory_format=torch.channels_last)
