"""The latent dial: what a classifier sees in a generator's picture is turned to a wanted chance, by following its gradient in the latent.

The idea is that of the controllable generation in the course "Generative Adversarial Networks" (DeepLearning.AI, C1W4B): ascend on the
classifier's score of z, minus a penalty on the change of its other scores. Where we differ:
- Each picture has a gradient, a step and an end of its own (the sum over the batch, not its mean), so it doesn't matter who its neighbours
  are; and gradients don't pile up from step to step.
- Scores are log-odds and not probabilities, whose gradients vanish where a picture is far from its target.
- z stays on its shell, where the generator knows it: |z| is kept by turning, instead of growing with every step.
- A step goes as far as the gradient says that the target is away, but no further than a limit that grows as long as the target is
  not reached: most pictures need small steps, which change little else, and some are stuck without larger ones. Who has arrived stays.
- Generators with a style space are turned in it.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from atelier.models.base import Generator
from atelier.steering.classifier import Classifier

STEPS = 30
TURNS = 0.1, 0.5  # radians, the longest step at first and from the 20th on; in style space, shares of the usual distance from the mean
MOMENTUM = 0.5  # of the direction, against going to and fro across a valley of what is held
MARGIN = 0.1  # log-odds beyond the target that a step aims at, so that it arrives
HOLD = 1.0  # weight of what the others change, in log-odds, against what the target lacks
SURE = 4.0  # log-odds beyond which (98 %) a change is not seen
NEAR = 0.02  # weight of a style's squared shift, in standard deviations


@dataclass(frozen=True)
class Turned:
    """What came of it, a row for each picture."""

    latents: Tensor  # z [N, latent_dim]; of a generator with a style space, styles [N, L, style_dim]
    images: Tensor  # [N, C, H, W], what the latents draw
    before: Tensor  # [N, D] what the classifier saw at the beginning, as probabilities
    after: Tensor  # [N, D] … and what it sees now
    steps: Tensor  # [N] how many it took
    reached: Tensor  # [N] bool, whether all targets of a picture are


def turn(
    generator: Generator,
    classifier: Classifier,
    inputs: Sequence[Tensor],
    targets: Sequence[Mapping[int, float]],
    *,
    hold: bool = True,
    steps: int = STEPS,
    options: Mapping[str, Any] | None = None,
) -> Turned:
    """Turn the latents of `inputs`, (z,) or (z, condition), until the classifier sees each picture's targets {dial: probability}.

    A target of more than a half is reached by whatever is above it, one below by whatever is below; a measured attribute is turned
    to its value from either side. With `hold`, what else is seen stays as it is as far as possible, except for what a
    target settles. `options` are what the generator's forward takes beside its inputs.

    Rows do not depend on each other: in batches of one size they are the same bit for bit, whatever stands beside them.
    """
    with torch.inference_mode(False), torch.enable_grad(), torch.autocast(inputs[0].device.type, enabled=False):
        z, *condition = (value.detach().clone().float() for value in inputs)
        space = _Styles(generator, z, condition, options or {}) if generator.style_dim else _Shell(generator, z, condition)
        return _turn(space, classifier, targets, hold, steps)


def _turn(space: "_Shell | _Styles", classifier: Classifier, targets: Sequence[Mapping[int, float]], hold: bool, steps: int) -> Turned:
    position = space.start
    moves = torch.zeros(len(position), dtype=torch.long, device=position.device)
    first: Tensor | None = None
    best: tuple[Tensor, ...] = ()
    for step in range(steps + 1):
        position = position.detach().requires_grad_()
        images = space.draw(position)
        scores = classifier(images)
        if first is None:
            first = scores.detach()
            goals, ways, held = _aims(first, classifier, targets, hold)
        lacking = (ways * (goals - scores)).relu()  # [N, D], 0 where there is nothing to reach
        far = lacking.detach().sum(dim=1)
        now = position.detach(), images.detach(), scores.detach(), far
        nearer = far < best[-1] if best else None
        best = now if nearer is None else tuple(torch.where(_as(nearer, new), new, old) for new, old in zip(now, best, strict=True))
        going = best[-1] > 0
        if step == steps or not going.any():
            break
        changes = (scores.clamp(-SURE, SURE) - first.clamp(-SURE, SURE)) * held
        loss = (lacking + MARGIN * (lacking.detach() > 0)).sum(dim=1) + HOLD * _length(changes) + space.strain(position)
        (gradient,) = torch.autograd.grad(loss.sum(), position)
        limit = TURNS[0] + (TURNS[1] - TURNS[0]) * min(1.0, step / 20)
        position = space.move(position.detach(), gradient, loss.detach(), limit)  # who has arrived may go on: its best is kept
        moves += going
    assert first is not None
    position, images, scores, far = best
    return Turned(space.latents(position), images, first.sigmoid(), scores.sigmoid(), moves, far == 0)


def _aims(scores: Tensor, classifier: Classifier, targets: Sequence[Mapping[int, float]], hold: bool) -> tuple[Tensor, Tensor, Tensor]:
    """Where to, in log-odds, which way (1 up, -1 down, 0 not at all), and what is held (1): each [N, D]."""
    goals, wanted = torch.zeros_like(scores), torch.zeros_like(scores)
    for row, wishes in enumerate(targets):
        for index, probability in wishes.items():
            goals[row, index], wanted[row, index] = torch.tensor(probability).logit(eps=1e-4), 1
    ways = (goals - scores).sign() * wanted
    enough = ((goals > 0) & (ways < 0)) | ((goals < 0) & (ways > 0))
    ways = torch.where(enough & ~classifier.measured, 0, ways)
    settled = wanted @ classifier.tied + wanted
    held = (settled == 0).float() * hold
    return goals, ways, held


def _length(x: Tensor) -> Tensor:
    """Of each row; it has a gradient at 0 as well."""
    return (x.square().sum(dim=1) + 1e-2).sqrt() - 1e-1


def _as(mask: Tensor, like: Tensor) -> Tensor:
    return mask.view(-1, *[1] * (like.ndim - 1))


def _smoothed(before: Tensor, along: Tensor) -> Tensor:
    """The direction [N, D] to go on in, of length 1, by the one before and the gradient."""
    slope = along.norm(dim=1, keepdim=True).clamp_min(1e-12)
    mean = MOMENTUM * before - (1 - MOMENTUM) * along / slope
    direction: Tensor = mean / mean.norm(dim=1, keepdim=True).clamp_min(1e-12)
    return direction


class _Shell:
    """z, of the length that it has: Gaussian vectors of many entries are all about as long, and the generator has seen no other."""

    def __init__(self, generator: Generator, z: Tensor, condition: Sequence[Tensor]) -> None:
        self.draw: Callable[[Tensor], Tensor] = lambda z: generator(z, *condition)
        self.start, self.radius = z, z.norm(dim=1, keepdim=True)
        self.direction = torch.zeros_like(z)

    def strain(self, z: Tensor) -> Tensor:
        return z.new_zeros(len(z))

    def move(self, z: Tensor, gradient: Tensor, loss: Tensor, limit: float) -> Tensor:
        """Along the great circle that goes down."""
        outward = z / self.radius
        along, before = (v - (v * outward).sum(dim=1, keepdim=True) * outward for v in (gradient, self.direction))
        self.direction = _smoothed(before, along)
        angle = (loss[:, None] / (along.norm(dim=1, keepdim=True) * self.radius + 1e-12)).clamp(max=limit)
        moved = angle.cos() * z + angle.sin() * self.radius * self.direction
        kept: Tensor = moved * (self.radius / moved.norm(dim=1, keepdim=True))
        return kept

    def latents(self, z: Tensor) -> Tensor:
        return z


class _Styles:
    """One shift of all layers' styles, in units of how much each entry varies: w has no shell, so what keeps it near is a penalty."""

    SAMPLES = 256

    def __init__(self, generator: Any, z: Tensor, condition: Sequence[Tensor], options: Mapping[str, Any]) -> None:
        noise = {name: value for name, value in options.items() if name in ("noise_mode", "seeds")}
        with torch.no_grad():
            self.styles = generator.styles(z, *condition, **{name: options[name] for name in options.keys() - noise})  # [N, L, style_dim]
            others = generator.inputs(range(self.SAMPLES))
            self.unit = generator.styles(*others)[:, 0].std(dim=0)  # [style_dim]
        self.draw: Callable[[Tensor], Tensor] = lambda shift: generator.synthesis(self.latents(shift), **noise)
        self.start = torch.zeros(len(z), self.styles.shape[2], device=z.device)
        self.direction = self.start

    def strain(self, shift: Tensor) -> Tensor:
        return NEAR * shift.square().sum(dim=1)

    def move(self, shift: Tensor, gradient: Tensor, loss: Tensor, limit: float) -> Tensor:
        self.direction = _smoothed(self.direction, gradient)
        length = (loss[:, None] / (gradient.norm(dim=1, keepdim=True) + 1e-12)).clamp(max=limit * shift.shape[1] ** 0.5)
        moved: Tensor = shift + length * self.direction
        return moved

    def latents(self, shift: Tensor) -> Tensor:
        styles: Tensor = self.styles + (shift * self.unit)[:, None]
        return styles
