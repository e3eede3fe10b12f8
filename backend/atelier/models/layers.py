"""Pieces that several architectures use identically."""

from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn.functional import affine_grid, grid_sample


def dcgan_init(module: nn.Module) -> None:
    """Weights of convolutions from N(0, 0.02), of batch norm from N(1, 0.02); Radford et al. 2016, section 4."""
    if isinstance(module, nn.Conv2d | nn.ConvTranspose2d | nn.Linear):
        nn.init.normal_(module.weight, 0.0, 0.02)
        if module.bias is not None:
            nn.init.zeros_(module.bias)
    elif isinstance(module, nn.BatchNorm2d):
        nn.init.normal_(module.weight, 1.0, 0.02)
        nn.init.zeros_(module.bias)


Augmentation = Literal["none", "translation", "color, translation"]


def diff_augment(images: Tensor, policy: Augmentation) -> Tensor:
    """DiffAugment [N, C, H, W] → same; apply it to real and fake images, in both steps of a GAN.

    Zhao et al. 2020, "Differentiable Augmentation for Data-Efficient GAN Training" (arXiv 2006.10738), section 3.
    Colour, for RGB images alone, is brightness and saturation; it costs a small network the purity of its colours.
    """
    if policy == "none":
        return images
    n, channels, height, width = images.shape
    if policy == "color, translation" and channels == 3:
        images = images + (torch.rand(n, 1, 1, 1, device=images.device) - 0.5)
        mean = images.mean(dim=1, keepdim=True)
        images = (images - mean) * (2 * torch.rand(n, 1, 1, 1, device=images.device)) + mean
    # Whole pixels, up to an eighth of the side; nearest sampling keeps the values exact.
    reach = torch.tensor([width // 8, height // 8], device=images.device)
    pixels = (torch.rand(n, 2, device=images.device) * (2 * reach + 1)).floor() - reach
    shift = pixels * 2 / torch.tensor([width, height], device=images.device)
    theta = torch.cat([torch.eye(2, device=images.device).expand(n, 2, 2), shift[:, :, None]], dim=2)  # [N, 2, 3]
    return grid_sample(images, affine_grid(theta, [n, channels, height, width], align_corners=False), mode="nearest", align_corners=False)
