"""Perceptual path length: how much an image changes when its latent moves a little (Karras et al. 2019, arXiv 1812.04948, section 4.1).

The mean of d(G(a), G(b))² / ε² over pairs of latents, where b lies ε of the way from a to another latent, and d is the distance of
features. StyleGAN's names for the ways to take it:

    ppl2_wend    straight in w, steps begin at the latent itself: the usual one since StyleGAN2, and what is taken unless asked otherwise
    ppl2_wfull   straight in w, steps begin anywhere between the two
    ppl2_zend, ppl2_zfull    the same in z, on the sphere

of which its ppl_wfull, ppl_zend and ppl_zfull also cut faces out of portraits, which is not done here. As there, images are not
rounded to whole pixel values, larger ones than 256 px are brought near that by the mean of each block, and the one per cent at
either end is left out. With another feature network than LPIPS on VGG16 it is another number, and named after it.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal, cast

import torch
from torch import Tensor, nn
from torch.nn.functional import avg_pool2d

from atelier.metrics.base import STRIDE, Evidence, Found, metric
from atelier.models.base import Generator, latents

SIZE = 256  # of images that are looked at, about
LOOK = 32 * 64 * 64  # pixels of pairs that are looked at together: LPIPS makes 120 numbers of each, and half a million of 64 x 64
BATCH = 32
ENDS = 1 << 31  # what the seeds of a path's end are beyond those of its start
PAPER = "https://arxiv.org/abs/1812.04948"


@dataclass(frozen=True)
class PathLength:
    value: float
    error: float  # standard error of the mean
    samples: int
    epsilon: float
    spherical: bool
    full: bool


@torch.no_grad()
def path_length(
    draw: Callable[..., Tensor],
    features: nn.Module,
    starts: Tensor,
    ends: Tensor,
    *given: Tensor,
    spherical: bool = False,
    full: bool = False,
    epsilon: float = 1e-4,
    batch_size: int = 32,
    seed: int = 0,
) -> PathLength:
    """`draw(latents, *given)` → images [N, C, H, W] in [-1, 1]; starts and ends [N, ...] are in its space, z or w.

    `features` makes vectors [N, D] of images, whose squared distance is that of the images. `given`, such as conditions [N, K], is the
    same at both ends of a step, and so must be any noise that `draw` adds. `spherical` walks on the sphere, as befits z; else straight,
    as befits w. `full` lets steps begin anywhere on the way, by the seed; else they begin at its start.

    Raises:
        ValueError: a network is in training mode, so that images depend on each other; or images or features are coarser than float32,
            or were: a step of 1e-4 is lost in half precision, and in whole pixel values.
    """
    drawing = getattr(draw, "func", draw)  # behind options
    for role, network in (("generator", getattr(drawing, "__self__", drawing)), ("feature network", features)):
        if isinstance(network, nn.Module) and network.training:
            raise ValueError(f"the {role} is in training mode; call its eval() first")
    if starts.shape != ends.shape or len(starts) < 2:
        raise ValueError(f"paths need two or more pairs of latents, and these are {list(starts.shape)} and {list(ends.shape)}")
    positions = torch.zeros(len(starts), dtype=starts.dtype)
    if full:
        positions = torch.rand(len(starts), dtype=starts.dtype, generator=torch.Generator().manual_seed(seed))
    positions = positions.to(starts.device).view(-1, *[1] * (starts.ndim - 1))
    between = slerp if spherical else torch.lerp
    lengths = []
    for start in range(0, len(starts), batch_size):
        rows = slice(start, start + batch_size)
        a, b = (between(starts[rows], ends[rows], positions[rows] + step) for step in (0, epsilon))
        conditions = [values[rows] for values in given]
        with full_precision(a.device.type):
            images = draw(torch.cat([a, b]), *[torch.cat([values, values]) for values in conditions])
            refuse_coarse("images", images)
            seen = avg_pool2d(images, images.shape[-1] // SIZE) if images.shape[-1] > SIZE else images
            together = max(1, LOOK // seen[0, 0].numel())
            for pairs in zip(*(torch.split(half, together) for half in seen.chunk(2)), strict=True):
                found = features(torch.cat(pairs))
                refuse_coarse("features", found)
                first, second = found.chunk(2)
                # Numbers that are near have a difference without loss.
                lengths.append((first - second).square().sum(dim=1).cpu().double() / epsilon**2)
    squares = torch.cat(lengths)  # [N]
    low = torch.quantile(squares, 0.01, interpolation="lower")
    high = torch.quantile(squares, 0.99, interpolation="higher")
    kept = squares[(squares >= low) & (squares <= high)]
    return PathLength(float(kept.mean()), float(kept.std() / len(kept) ** 0.5), len(starts), epsilon, spherical, full)


def slerp(a: Tensor, b: Tensor, t: float | Tensor) -> Tensor:
    """From a to b [N, D] along the great circle, the length going from one's to the other's, so that normal latents stay as they are.

    StyleGAN's own puts everything on the unit sphere, which is right only for networks that normalise z.
    """
    lengths = a.norm(dim=-1, keepdim=True), b.norm(dim=-1, keepdim=True)
    u, v = a / lengths[0], b / lengths[1]
    cosine = (u * v).sum(dim=-1, keepdim=True)
    angle = cosine.clamp(-1, 1).acos()  # round-off goes beyond
    across = v - u * cosine
    across = across / across.norm(dim=-1, keepdim=True).clamp_min(1e-12)
    between: Tensor = ((t * angle).cos() * u + (t * angle).sin() * across) * (lengths[0] + t * (lengths[1] - lengths[0]))
    return between


@contextmanager
def full_precision(device: str) -> Iterator[None]:
    """Float32 that is: no autocast, and no products in TensorFloat-32 or bfloat16, which a GPU's convolutions take by default."""
    matmul, convolutions = torch.get_float32_matmul_precision(), torch.backends.cudnn.allow_tf32
    torch.set_float32_matmul_precision("highest")
    torch.backends.cudnn.allow_tf32 = False
    try:
        with torch.autocast(device, enabled=False):
            yield
    finally:
        torch.set_float32_matmul_precision(matmul)
        torch.backends.cudnn.allow_tf32 = convolutions


def refuse_coarse(what: str, values: Tensor) -> None:
    """Also what was coarse and is float32 again: whole pixel values, or half precision inside of a network.

    Raises:
        ValueError: `values` have not the digits of float32.
    """
    name = str(values.dtype).removeprefix("torch.")
    if values.dtype in (torch.float32, torch.float64):
        tellings = values[(values != 0) & (values.abs() != 1)]  # what saturated, or a ReLU cut, says nothing
        coarse = {"bfloat16": tellings.bfloat16() == tellings, "float16": tellings.half() == tellings}
        if what == "images":
            pixels = (tellings + 1) * 127.5
            coarse["whole pixel values"] = (pixels - pixels.round()).abs() < 1e-4
        names = [name for name, same in coarse.items() if len(tellings) and same.all()]
        if not names:
            return
        name = names[0]
    raise ValueError(f"path lengths need {what} in float32, and these are in {name}")


# ------------------------------------------------------------------------------------------------------------------ as metrics

Space = Literal["z", "w"]


def _metric(name: str, title: str, *needs: Literal["styles"]) -> Callable[[Callable[[Evidence], Found]], Callable[[Evidence], Found]]:
    return metric(
        name, title, better="lower", paper=PAPER, needs=("generator", "perceptual", *needs), least=100, original="vgg16",
        general=f"{title.replace('PPL', 'Path length')}",
    )  # fmt: skip


@_metric("ppl", "PPL")
def ppl(evidence: Evidence) -> Found:
    """How much pictures change when their latents move a little: the lower, the smoother the ways between them.

    In w, as ppl2_wend, where the version has such a space; else in z, as ppl2_zend. Half of the pictures are the other ends of steps.
    """
    assert evidence.generator is not None
    return _measured(evidence, "w" if evidence.generator.style_dim else "z", full=False)


@_metric("ppl2_wend", "PPL (w, ends)", "styles")
def ppl2_wend(evidence: Evidence) -> Found:
    """The path length straight in w, with steps that begin at the latents themselves: that of StyleGAN2 and later."""
    return _measured(evidence, "w", full=False)


@_metric("ppl2_wfull", "PPL (w, full)", "styles")
def ppl2_wfull(evidence: Evidence) -> Found:
    """The path length straight in w, with steps that begin anywhere between two latents: that of StyleGAN, without its cut to faces."""
    return _measured(evidence, "w", full=True)


@_metric("ppl2_zend", "PPL (z, ends)")
def ppl2_zend(evidence: Evidence) -> Found:
    """The path length in z, on the sphere, with steps that begin at the latents themselves."""
    return _measured(evidence, "z", full=False)


@_metric("ppl2_zfull", "PPL (z, full)")
def ppl2_zfull(evidence: Evidence) -> Found:
    """The path length in z, on the sphere, with steps that begin anywhere between two latents."""
    return _measured(evidence, "z", full=True)


@torch.no_grad()
def _measured(evidence: Evidence, space: Space, *, full: bool) -> Found:
    """As many pictures are drawn as were asked for, two of each step."""
    generator, inputs, network = evidence.generator, evidence.inputs, evidence.perceptual
    assert generator is not None
    assert inputs is not None
    count, first = evidence.num_samples // 2, evidence.seed * STRIDE
    starts, given = [], []
    ends = latents(range(first + ENDS, first + ENDS + count), generator.latent_dim)
    for start in range(0, count, BATCH):
        z, *conditions = inputs(range(first + start, first + min(start + BATCH, count)))
        starts.append(_styles(generator, evidence, z, *conditions) if space == "w" else z)
        given.append(conditions)
    conditions = [torch.cat(values) for values in zip(*given, strict=True)]
    ends = ends.to(starts[0].device)
    draw: Callable[..., Tensor] = partial(generator, **evidence.options)
    if space == "w":
        parts = [slice(start, start + BATCH) for start in range(0, count, BATCH)]
        ends = torch.cat([_styles(generator, evidence, ends[part], *(values[part] for values in conditions)) for part in parts])
        beside = {name: value for name, value in evidence.options.items() if not name.startswith("truncation_")}
        draw, conditions = partial(cast(Callable[..., Tensor], generator.synthesis), **beside), []
    told = network.register_forward_hook(lambda module, images, found: evidence.on_images(len(found)))
    try:
        found = path_length(
            draw, network, torch.cat(starts), ends, *conditions, spherical=space == "z", full=full, batch_size=BATCH, seed=evidence.seed
        )
    finally:
        told.remove()
    conventions: dict[str, Any] = {
        "space": space,
        "sampling": "full" if full else "ends",
        "epsilon": found.epsilon,
        "interpolation": "slerp" if found.spherical else "lerp",
    }
    conventions |= {"precision": "float32", "quantised": "no", "trimmed": "1 % at either end"}
    return Found(found.value, found.error, conventions, {"steps": found.samples, "error_by": "deviation over the root of N"}, 2 * count)


def _styles(generator: Generator, evidence: Evidence, z: Tensor, *conditions: Tensor) -> Tensor:
    truncation = {name: value for name, value in evidence.options.items() if name.startswith("truncation_")}
    with full_precision(z.device.type):
        styles: Tensor = generator.styles(z, *conditions, **truncation)  # type: ignore[operator]
    return styles
