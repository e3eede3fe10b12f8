"""Random changes to all that a discriminator sees, so that it can't learn a small data set by heart.

Both players see real and generated images changed alike, and gradients pass through the change; so the generator learns to draw
the images themselves, not changed ones.
"""

import math
from typing import Any, Literal

import torch
from torch import Tensor, distributed, nn
from torch.nn.functional import affine_grid, grid_sample, pad

Augmentation = Literal["none", "translation", "color, translation", "color, translation, cutout", "ada"]


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
    pixel by pixel, and that of grid_sample is missing on Apple's GPUs before torch 2.13.
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
    filter (it triples the cost, and scales stay near one); an image for which the dice changed nothing keeps its bits;
    p ends at 1 and can't wind up beyond it.
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
        signs = (real_logits > 0).sum() - (real_logits < 0).sum()  # something that is no number counts as undecided
        seen = torch.stack([signs, torch.full_like(signs, real_logits.numel())]).to(self.signs.dtype)
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
            original = images.float()
            n, channels = original.shape[:2]
            theta, moved = self.draw_geometry(n, original.shape[2])
            matrix, offset, coloured = self.draw_colour(n, channels)
            images = resample(original, theta)
            pixels = images.permute(0, 2, 3, 1).flatten(1, 2)  # [N, HW, C]
            pixels = torch.baddbmm(offset[:, None, None], pixels, matrix.mT)
            images = pixels.view(n, *original.shape[2:], channels).permute(0, 3, 1, 2)
            return torch.where((moved | coloured)[:, None, None, None], images, original)

    def draw_geometry(self, n: int, size: int) -> tuple[Tensor, Tensor]:
        """Where pixels come from: theta [N, 2, 3], from places in the result to places in the image, [-1, 1] across; and bool [N].

        Each factor is the inverse of the paper's, which has the same distribution, in the paper's order.
        """
        gates = _Gates(n, self.p)
        rand, randn = gates.rand, gates.randn
        one, zero = torch.ones_like(rand()), torch.zeros_like(rand())
        # Pixel blitting: flip, quarter turns, whole pixels.
        theta = _matrix(gates.choose(2 * (rand() < 0.5).float() - 1, one), zero, zero, zero, one, zero)
        theta = theta @ _rotation(gates.choose((rand() * 4).floor() * (math.pi / 2), zero))
        pixel = 2 / size
        whole = [((0.25 * rand() - 0.125) * size).round() * pixel for _ in "xy"]
        theta = theta @ _translation(*gates.choose_together(whole, zero))
        # Geometry: scale, turn, stretch, turn, shift. Two turns in p of the images: each in 1 - sqrt(1 - p).
        turning = _Gates(n, 1 - (1 - self.p).sqrt())
        scale = gates.choose(torch.exp2(0.2 * randn()), one)
        theta = theta @ _matrix(scale, zero, zero, zero, scale, zero)
        theta = theta @ _rotation(turning.choose((2 * rand() - 1) * math.pi, zero))
        stretch = gates.choose(torch.exp2(0.2 * randn()), one)
        theta = theta @ _matrix(stretch, zero, zero, zero, 1 / stretch, zero)
        theta = theta @ _rotation(turning.choose((2 * rand() - 1) * math.pi, zero))
        theta = theta @ _translation(*gates.choose_together([0.125 * 2 * randn() for _ in "xy"], zero))
        return theta[:, :2], gates.opened | turning.opened

    def draw_colour(self, n: int, channels: int) -> tuple[Tensor, Tensor, Tensor]:
        """What becomes of a pixel: matrix [N, C, C] and offset [N], the same for all channels; and bool [N].

        Brightness, contrast, luma flip, hue and saturation, multiplied out: around the grey axis, chroma is turned and scaled,
        luma kept or flipped. Grey images have luma alone.
        """
        gates = _Gates(n, self.p)
        rand, randn = gates.rand, gates.randn
        one, zero = torch.ones_like(rand()), torch.zeros_like(rand())
        brightness = gates.choose(0.2 * randn(), zero)
        contrast = gates.choose(torch.exp2(0.5 * randn()), one)
        flip = gates.choose(2 * (rand() < 0.5).float() - 1, one)
        offset = contrast * flip * brightness
        if channels == 1:
            return (contrast * flip)[:, None, None], offset, gates.opened
        hue = gates.choose((2 * rand() - 1) * math.pi, zero)[:, None, None]
        saturation = gates.choose(torch.exp2(randn()), one)[:, None, None]
        luma = torch.full((3, 3), 1 / 3, device=offset.device)  # onto the grey axis
        chroma = torch.eye(3, device=offset.device) - luma  # onto the plane across it
        turn = torch.tensor([[0.0, -1, 1], [1, 0, -1], [-1, 1, 0]], device=offset.device) / math.sqrt(3)  # by 90° within that plane
        matrix = flip[:, None, None] * luma + saturation * (hue.cos() * chroma + hue.sin() * turn)
        return contrast[:, None, None] * matrix, offset, gates.opened


class _Gates:
    """Dice for n images: each choice is made with probability p, and `opened` says for which images one was made."""

    def __init__(self, n: int, p: Tensor) -> None:
        self.n, self.p = n, p
        self.opened = torch.zeros(n, dtype=torch.bool, device=p.device)

    def rand(self) -> Tensor:
        return torch.rand(self.n, device=self.p.device)

    def randn(self) -> Tensor:
        return torch.randn(self.n, device=self.p.device)

    def choose_together(self, values: list[Tensor], neutral: Tensor) -> list[Tensor]:
        gate = self.rand() < self.p
        self.opened = self.opened | gate
        return [torch.where(gate, value, neutral) for value in values]

    def choose(self, value: Tensor, neutral: Tensor) -> Tensor:
        return self.choose_together([value], neutral)[0]


def _matrix(a: Tensor, b: Tensor, c: Tensor, d: Tensor, e: Tensor, f: Tensor) -> Tensor:
    """Affine maps of the plane, [[a, b, c], [d, e, f], [0, 0, 1]] [N, 3, 3], from their entries [N]."""
    zero, one = torch.zeros_like(a), torch.ones_like(a)
    return torch.stack([a, b, c, d, e, f, zero, zero, one], dim=1).view(-1, 3, 3)


def _rotation(angle: Tensor) -> Tensor:
    zero, sin, cos = torch.zeros_like(angle), angle.sin(), angle.cos()
    return _matrix(cos, -sin, zero, sin, cos, zero)


def _translation(x: Tensor, y: Tensor) -> Tensor:
    zero, one = torch.zeros_like(x), torch.ones_like(x)
    return _matrix(one, zero, x, zero, one, y)


def resample(images: Tensor, theta: Tensor) -> Tensor:
    """Square images [N, C, R, R] at the places that theta [N, 2, 3] sends pixels to, bilinear, mirrored at the borders."""
    size = images.shape[2]
    grid = affine_grid(theta, list(images.shape), align_corners=False)
    # Folded back into the image by hand: grid_sample's own reflection is missing on Apple's GPUs.
    grid = ((grid - 1).remainder(4) - 2).abs() - 1
    edge = 1 - 1 / size  # the middle of the last pixel
    return grid_sample(images, grid.clamp(-edge, edge), mode="bilinear", padding_mode="zeros", align_corners=False)
