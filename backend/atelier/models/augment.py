"""Random changes to all that a discriminator sees, so that it can't learn a small data set by heart.

Both players see real and generated images changed alike, and gradients pass through the change; so the generator learns to draw
the images themselves, not changed ones.
"""

import math
from typing import Any, Literal

import torch
from torch import Tensor, distributed, nn
from torch.nn.functional import affine_grid, grid_sample, pad

Policy = Literal["none", "translation", "color, translation", "color, translation, cutout"]
Augmentation = Literal[Policy, "ada"]


# ---------------------------------------------------------------------------------------------------------------- DiffAugment


def diff_augment(images: Tensor, policy: Augmentation) -> Tensor:
    """DiffAugment [N, C, H, W] → same; apply it to real and fake images, in both steps of a GAN.

    Zhao et al. 2020, "Differentiable Augmentation for Data-Efficient GAN Training" (arXiv 2006.10738), section 3 and appendix A.
    Each image is changed, always, by every part of the policy; how much is uniformly random.
    """
    assert policy != "ada", "AdaptiveAugment has a state, and is a module for that"
    if "color" in policy:
        images = change_colour(images)
    if "translation" in policy:
        images = translate(images)
    if "cutout" in policy:
        images = cut_out(images)
    return images


def change_colour(images: Tensor) -> Tensor:
    """Brightness by ±0.5, saturation (of RGB alone) by 0 to 2, contrast by 0.5 to 1.5, in this order."""
    n, channels = images.shape[:2]
    brightness, saturation, contrast = torch.rand(3, n, 1, 1, 1, device=images.device)
    brightness, saturation, contrast = brightness - 0.5, 2 * saturation, contrast + 0.5
    grey = images.mean(dim=1, keepdim=True)  # [N, 1, H, W]
    mean = grey.mean(dim=(2, 3), keepdim=True)
    if channels == 1:
        return torch.addcmul(brightness + (1 - contrast) * mean, images, contrast)
    # The three multiplied out, so that the pixels are read once: brightness moves the means along, saturation leaves them.
    rest = torch.addcmul(brightness + (1 - contrast) * mean, grey, contrast * (1 - saturation))
    return torch.addcmul(rest, images, contrast * saturation)


def translate(images: Tensor) -> Tensor:
    """Moved by whole pixels, up to an eighth of the side in each direction; zero comes in from outside."""
    reach = torch.tensor([images.shape[2] // 8, images.shape[3] // 8], device=images.device)
    shift = (torch.rand(len(images), 2, device=images.device) * (2 * reach + 1)).long() - reach
    moved: Tensor = _Shift.apply(images, shift)
    return moved


class _Shift(torch.autograd.Function):
    """out[y, x] = images[y + dy, x + dx], where [dy, dx] = shift[n] is within an eighth of the side.

    Its adjoint is the shift back, so the gradient costs as much as the function, on any device; that of indexing would add up
    pixel by pixel, and that of grid_sample is missing on Apple's GPUs in older releases of PyTorch.
    """

    @staticmethod
    def forward(ctx: Any, images: Tensor, shift: Tensor) -> Tensor:
        ctx.save_for_backward(shift)
        n, channels, height, width = images.shape
        down, right = height // 8, width // 8
        padded = pad(images.permute(0, 2, 3, 1), (0, 0, right, right, down, down))  # [N, H', W', C]: a pixel is a row of C numbers
        image = torch.arange(n, device=images.device)[:, None, None] * padded.shape[1]
        y = torch.arange(down, down + height, device=images.device)[:, None] + shift[:, :1, None]  # [N, H, 1]
        x = torch.arange(right, right + width, device=images.device) + shift[:, 1:, None]  # [N, 1, W]
        rows = ((image + y) * padded.shape[2] + x).flatten()
        pixels = padded.reshape(-1, channels).index_select(0, rows)
        return pixels.view(n, height, width, channels).permute(0, 3, 1, 2)  # channels last, as convolutions like it

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        (shift,) = ctx.saved_tensors
        return _Shift.apply(gradients[0], -shift), None


def cut_out(images: Tensor) -> Tensor:
    """Zero in a square of half the side, whose middle may be anywhere in the image: 19 % of the pixels on average."""
    inside = [_near_a_point(len(images), size, images.device) for size in images.shape[2:]]  # [N, H], [N, W]
    return images * ~(inside[0][:, None, :, None] & inside[1][:, None, None, :])


def _near_a_point(n: int, size: int, device: torch.device) -> Tensor:
    """For each of n lines, which of its pixels lie in a window of half its length around a random point: bool [N, size]."""
    half = size // 4
    middle = (torch.rand(n, 1, device=device) * (size + 1)).floor()
    distance = torch.arange(size, device=device) - middle
    return (distance >= -half) & (distance < half)


# ------------------------------------------------------------------------------------------------------------------------ ADA


class AdaptiveAugment(nn.Module):
    """Adaptive discriminator augmentation: images [N, C, H, W] → same, each change made with probability `p`.

    Karras et al. 2020, "Training Generative Adversarial Networks with Limited Data" (arXiv 2006.06676), section 3 and appendix B:
    the pipeline "bgc" (pixel blitting, geometry, colour), and the strength steered by r_t = E[sign D(real)]. A discriminator
    that is too sure of the real images it knows gets more augmentation, one that is not gets less.

    Deviations from the paper: all that moves pixels is one bilinear resampling, without the supersampling through a wavelet
    filter (it has four times the pixels, and scales stay near one); p ends at 1 and can't wind up beyond it. An image for which the
    dice changed nothing passes through the same arithmetic, which is exact for it.
    """

    IMAGES = 500_000  # that take p from 0 to 1

    p: Tensor
    signs: Tensor
    count: Tensor

    def __init__(self, *, target: float, interval: int) -> None:
        """`p` moves towards r_t = target after every `interval` real images (the paper: 0.6, and four batches)."""
        super().__init__()
        self.target, self.interval = target, interval
        # Buffers, so that a checkpoint carries all that the next change depends on.
        self.register_buffer("p", torch.zeros(()))
        self.register_buffer("signs", torch.zeros(()))  # of D(real), summed since p moved last
        self.register_buffer("count", torch.zeros(()))  # real images since then

    @torch.no_grad()
    def observe(self, real_logits: Tensor) -> None:
        """Let p follow from what the discriminator says of real images. Nothing here waits for the device."""
        signs = real_logits.float().sign().sum()  # the sign of what is no number is 0
        seen = torch.stack([signs, torch.full_like(signs, real_logits.numel())])
        if distributed.is_initialized():  # several processes see a share of the batch each: one p from all of them
            distributed.all_reduce(seen)
        self.signs += seen[0]
        self.count += seen[1]
        due = self.count >= self.interval
        change = (self.signs / self.count - self.target).sign() * self.count / self.IMAGES
        self.p.copy_(torch.where(due, (self.p + change).clamp(0, 1), self.p))
        self.signs *= ~due
        self.count *= ~due

    def forward(self, images: Tensor) -> Tensor:
        with torch.autocast(images.device.type, enabled=False):  # coordinates need all of float32's digits
            n, channels, height, width = images.shape
            images = resample(images.float(), self.draw_geometry(n, width))
            matrix, offset = self.draw_colour(n, channels)
            pixels = images.permute(0, 2, 3, 1).reshape(n, height * width, channels)
            pixels = torch.baddbmm(offset[:, None, None], pixels, matrix.mT)
            return pixels.view(n, height, width, channels).permute(0, 3, 1, 2)  # channels last, as convolutions like it

    def draw_geometry(self, n: int, size: int) -> Tensor:
        """Where pixels come from: theta [N, 2, 3], from places in the result to places in the image, which is [-1, 1] across.

        Each factor is the inverse of the paper's, which has the same distribution, in the paper's order.
        """
        p, device = self.p, self.p.device
        twice = 1 - (1 - p).sqrt()  # of two turns, one or both are made with probability p
        # Pixel blitting: flip, quarter turns, whole pixels.
        theta = _scaling(_choose(p, 2.0 * torch.randint(2, (n,), device=device) - 1, 1.0), 1.0)
        theta = theta @ _rotation(_choose(p, torch.randint(4, (n,), device=device) * (math.pi / 2), 0.0))
        theta = theta @ _translation(_choose(p, ((torch.rand(n, 2, device=device) - 0.5) * (size / 4)).round() * (2 / size), 0.0))
        # Geometry: scale, turn, stretch, turn, shift.
        scale = _choose(p, torch.exp2(0.2 * torch.randn(n, device=device)), 1.0)
        theta = theta @ _scaling(scale, scale)
        theta = theta @ _rotation(_choose(twice, (2 * torch.rand(n, device=device) - 1) * math.pi, 0.0))
        stretch = _choose(p, torch.exp2(0.2 * torch.randn(n, device=device)), 1.0)
        theta = theta @ _scaling(stretch, 1 / stretch)
        theta = theta @ _rotation(_choose(twice, (2 * torch.rand(n, device=device) - 1) * math.pi, 0.0))
        theta = theta @ _translation(_choose(p, 2 * 0.125 * torch.randn(n, 2, device=device), 0.0))
        return theta[:, :2]

    def draw_colour(self, n: int, channels: int) -> tuple[Tensor, Tensor]:
        """What becomes of a pixel: matrix [N, C, C], and offset [N] for all channels.

        Brightness, contrast, luma flip, hue and saturation, multiplied out: around the grey axis chroma is turned and scaled,
        along it luma is kept or flipped. Grey images have luma alone.
        """
        p, device = self.p, self.p.device
        brightness = _choose(p, 0.2 * torch.randn(n, device=device), 0.0)
        contrast = _choose(p, torch.exp2(0.5 * torch.randn(n, device=device)), 1.0)
        luma = contrast * _choose(p, 2.0 * torch.randint(2, (n,), device=device) - 1, 1.0)
        if channels == 1:
            return luma[:, None, None], luma * brightness
        hue = _choose(p, (2 * torch.rand(n, device=device) - 1) * math.pi, 0.0)
        chroma = contrast * _choose(p, torch.exp2(torch.randn(n, device=device)), 1.0)
        along = torch.full((3, 3), 1 / 3, device=device)  # onto the grey axis
        across = torch.eye(3, device=device) - along  # onto the plane across it
        turned = torch.tensor([[0.0, -1, 1], [1, 0, -1], [-1, 1, 0]], device=device) / math.sqrt(3)  # and by 90° within it
        factors = torch.stack([luma, chroma * hue.cos(), chroma * hue.sin()], dim=1)[:, :, None, None]  # [N, 3, 1, 1]
        return (factors * torch.stack([along, across, turned])).sum(dim=1), luma * brightness


def _choose(p: Tensor, values: Tensor, neutral: float) -> Tensor:
    """Values [N, ...], each with probability p, else the neutral one."""
    gate = torch.rand(len(values), *[1] * (values.ndim - 1), device=values.device) < p
    return torch.where(gate, values, neutral)


def _scaling(x: Tensor, y: Tensor | float) -> Tensor:
    """[N] → [N, 3, 3], an affine map of the plane; so are the next ones."""
    return torch.stack([x, torch.ones_like(x) * y, torch.ones_like(x)], dim=1).diag_embed()


def _rotation(angle: Tensor) -> Tensor:
    zero, one, sin, cos = torch.zeros_like(angle), torch.ones_like(angle), angle.sin(), angle.cos()
    return torch.stack([cos, -sin, zero, sin, cos, zero, zero, zero, one], dim=1).view(-1, 3, 3)


def _translation(shift: Tensor) -> Tensor:
    eye = torch.eye(3, device=shift.device).expand(len(shift), 3, 3)
    return eye + pad(shift[:, :, None], (2, 0, 0, 1))  # [N, 2] in the third column


def resample(images: Tensor, theta: Tensor) -> Tensor:
    """Square images [N, C, R, R] at the places that theta [N, 2, 3] sends pixels to, bilinear, mirrored at the borders."""
    return sampled(images, affine_grid(theta, list(images.shape), align_corners=False))


def sampled(images: Tensor, grid: Tensor) -> Tensor:
    """Square images [N, C, R, R] at the places [N, R, R, 2], x before y, of an image that is [-1, 1] across: as above."""
    # Folded back into the image by hand: grid_sample's own reflection is missing on Apple's GPUs.
    grid = ((grid - 1).remainder(4) - 2).abs() - 1
    edge = 1 - 1 / images.shape[2]  # the middle of the last pixel
    return grid_sample(images, grid.clamp(-edge, edge), mode="bilinear", padding_mode="zeros", align_corners=False)
