"""Between two latents: ways from the one to the other, mixtures of their styles, and the pace at which a way is gone.

Gaussian vectors of many dimensions lie on a shell, and the middle of a straight line between two lies deep inside of it, where no generator
has learned to draw: z is led along the shell (slerp: Shoemake 1985; White 2016, arXiv 1609.04468). Styles have no such shell, and are
what StyleGAN unfolds: w is led straight. Conditions and sentences are, too.
"""

from collections.abc import Sequence
from typing import Any, Literal

import torch
from torch import Tensor

from atelier.models.base import Generator
from atelier.steering.latents import Latents, styles

PathSpace = Literal["z", "w"]
Easing = Literal["linear", "ease", "ease-in", "ease-out", "ease-in-out"]
CURVES: dict[Easing, tuple[float, float, float, float]] = {  # x1, y1, x2, y2 of CSS (CSS Easing Functions Level 1, section 2.2)
    "linear": (0.0, 0.0, 1.0, 1.0),
    "ease": (0.25, 0.1, 0.25, 1.0),
    "ease-in": (0.42, 0.0, 1.0, 1.0),
    "ease-out": (0.0, 0.0, 0.58, 1.0),
    "ease-in-out": (0.42, 0.0, 0.58, 1.0),
}
BLOCKS = ("coarse", "middle", "fine")  # of StyleGAN's layers: up to 8 pixels, to 32, beyond (arXiv 1812.04948, figure 3)
Block = Literal["coarse", "middle", "fine"]


def slerp(a: Tensor, b: Tensor, t: float) -> Tensor:
    """The vector [K] at t, 0 to 1, of the way from a to b along the shell, whose radius changes evenly where theirs differ.

    Where no one way is the shortest (opposite vectors, or one that is 0), the way is straight.
    """
    first, second = a.double(), b.double()
    lengths = first.norm(), second.norm()
    both = lengths[0] * lengths[1]
    angle = torch.arccos((first @ second / both).clamp(-1, 1)) if both > 0 else torch.zeros(())
    if both == 0 or angle.sin() < 1e-6:
        return lerp(a, b, t)
    direction = (((1 - t) * angle).sin() * first / lengths[0] + (t * angle).sin() * second / lengths[1]) / angle.sin()
    vector: Tensor = (direction * ((1 - t) * lengths[0] + t * lengths[1])).to(a.dtype)
    return vector


def lerp(a: Tensor, b: Tensor, t: float) -> Tensor:
    """Straight from a to b; either of them exactly at its end, and everywhere where they are the same."""
    if t <= 0 or torch.equal(a, b):
        return a
    return b if t >= 1 else ((1 - t) * a.double() + t * b.double()).to(a.dtype)


def between(generator: Generator, a: Latents, b: Latents, t: float, space: PathSpace, options: dict[str, Any]) -> Latents:
    """One row of latents at t, 0 to 1, of the way from one row to another. `options` truncate the styles of a way in w.

    Raises:
        ValueError: of what has styles of its own, there is no way in z; without styles, there is none in w.
    """
    if space == "w":
        if not generator.style_dim:
            raise ValueError("this generator has no w; its ways lead through z")
        return Latents(a.inputs, lerp(styles(generator, a, options), styles(generator, b, options), t))
    if a.styles is not None or b.styles is not None:
        raise ValueError("what has styles of its own has no z that draws it: the way leads through w")
    z = slerp(a.inputs[0][0], b.inputs[0][0], t)[None]
    return Latents((z, *(lerp(one, other, t) for one, other in zip(a.inputs[1:], b.inputs[1:], strict=True))))


def mixed(generator: Generator, a: Latents, b: Latents, layers: Sequence[int], options: dict[str, Any]) -> Latents:
    """One row with the styles of another in these layers: style mixing (arXiv 1812.04948, section 3.1).

    Raises:
        ValueError: the generator has no styles.
    """
    if not generator.style_dim:
        raise ValueError("this generator has no w, whose layers could be mixed")
    w = styles(generator, a, options).clone()  # [1, L, style_dim]
    w[:, list(layers)] = styles(generator, b, options)[:, list(layers)]
    return Latents(a.inputs, w)


def blocks(layers: int) -> dict[Block, range]:
    """What of so many layers is coarse, middle and fine; of few, a third each."""
    first, second = min(3, round(layers / 3)), min(7, round(2 * layers / 3))
    return {"coarse": range(first), "middle": range(first, second), "fine": range(second, layers)}


def ease(t: float, easing: Easing) -> float:
    """How far one is at the time t, both 0 to 1: the cubic Bézier curve of CSS."""
    if t <= 0 or t >= 1 or easing == "linear":
        return min(1.0, max(0.0, t))
    x1, y1, x2, y2 = CURVES[easing]

    def curve(s: float, first: float, second: float) -> float:
        return 3 * (1 - s) ** 2 * s * first + 3 * (1 - s) * s**2 * second + s**3

    low, high = 0.0, 1.0
    for _ in range(50):  # x grows with s: the s of this x is found by halving
        middle = (low + high) / 2
        low, high = (middle, high) if curve(middle, x1, x2) < t else (low, middle)
    return curve(high, y1, y2)
