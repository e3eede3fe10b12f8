"""Projection: a picture → the latent from which a generator draws it, as nearly as it can, so that it is edited like any other.

StyleGAN2's projector (Karras et al. 2020, arXiv 1912.04958, appendix D) is where the schedule of steps, the noise on w and the perceptual
distance come from. Where we differ:
- z is looked for where there is no w, with a penalty on leaving the shell on which Gaussian vectors lie, where the generator knows its way.
- Instead of from the mean it begins at several places, the nearest of many random images, and the best end is taken. So classes,
  attributes and captions are found as well, which no gradient leads to, unless the user says them.
- An autoencoder's own guess is one of these places.
- Pixels count beside what a network sees: pictures are small, and where things are matters.
- The noise maps stay what they are, because a version has one set for all of its images. In their place each layer gets a style of its own
  in the second half of the steps (W+, Abdal et al. 2019, arXiv 1904.03189), kept near the common one so that it can still be edited.
"""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from atelier.models.base import Generator
from atelier.steering.latents import Latents, draw, sample, styles
from atelier.steering.perception import Perception

CANDIDATES, BATCH = 256, 32  # random images among which it begins
STARTS = 4
RATE = 0.1  # of Adam, in standard deviations
RISE, FALL = 0.05, 0.25  # shares of the steps in which the rate rises from nothing and falls to it again
NOISE, CALM = 0.05, 0.75  # of w at first, in standard deviations, and the share of the steps after which there is none
PIXELS = 4.0  # weight of the mean squared difference of pixels in [-1, 1]
SHELL = 0.5  # of the squared relative distance of z from its shell
NEAR, COMMON = (
    0.002,
    0.02,
)  # of the mean squared distance, in standard deviations, of w from its mean, and of layers' styles from their mean
APART = 0.5  # share of the steps after which each layer has a style of its own
STATISTICS = 1024  # styles whose mean and deviation are taken


@dataclass(frozen=True)
class Tick:
    """Where a projection stands after a step, at its best start."""

    step: int
    steps: int
    loss: float
    distance: float
    psnr: float


class Projection:
    """A run: asked for ticks until it is done, or no more. `image` and `latents` are what there is at any time."""

    def __init__(
        self,
        generator: Generator,
        perception: Perception,
        picture: Tensor,
        *,
        steps: int,
        seed: int = 0,
        chosen: Mapping[Any, float] | None = None,
        guess: Tensor | None = None,
    ) -> None:
        """Of a picture [1, C, R, R] in [-1, 1]. `chosen` names entries of the condition, as `Generator.inputs` takes them.

        `guess` is a z [1, latent_dim] to begin at as well.
        """
        self.generator, self.perception, self.picture = generator, perception, picture
        self.steps, self.seed, self.step = steps, seed, 0
        with torch.no_grad():
            self.seen = perception(picture)
            self.start = self._starts(chosen, guess)  # of S rows
            position = self.start.inputs[0]  # z [S, latent_dim], or styles [S, L, style_dim] in standard deviations from their mean
            if generator.style_dim:
                some = styles(generator, sample(generator, STATISTICS))[:, 0]
                self.mean, self.deviation = some.mean(dim=0), some.std(dim=0).clamp_min(1e-6)  # [style_dim]
                position = (styles(generator, self.start) - self.mean) / self.deviation
        self.position = position.clone().requires_grad_()
        self.optimizer = torch.optim.Adam([self.position], RATE)

    # ----------------------------------------------------------------------------------------------------------- what there is

    @property
    def done(self) -> bool:
        return self.step >= self.steps

    def ticks(self) -> Iterator[Tick]:
        while not self.done:
            yield self.advance()

    @torch.no_grad()
    def best(self) -> tuple[Latents, Tensor, Tick]:
        """One row of latents, the image [1, C, R, R] drawn from it, and how near that is: the best of all starts, as they began or are."""
        both = [self._at(self.position.detach()), self.start]
        images = torch.cat([draw(self.generator, latents) for latents in both])
        losses, distances, errors = self._compare(images)
        row = int(losses.argmin())
        latents = both[row // len(self.start)].rows([row % len(self.start)])
        # Drawn alone, as from its file: in a batch, last bits would depend on the others.
        return latents, draw(self.generator, latents), self._tick(losses[row], distances[row], errors[row])

    def state_dict(self) -> dict[str, Any]:
        """All there is to a run beside what it was made of, between two steps."""
        start, position = list(self.start.inputs), self.position.detach()
        return {"step": self.step, "position": position, "start": start, "optimizer": self.optimizer.state_dict()}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        self.step, device = state["step"], self.position.device
        self.start = Latents(tuple(value.to(device) for value in state["start"]))
        self.position.data = state["position"].to(device)
        self.optimizer.load_state_dict(state["optimizer"])

    # ------------------------------------------------------------------------------------------------------------- how it goes on

    def advance(self) -> Tick:
        """One step of all starts."""
        done = self.step / self.steps
        rate = RATE * min(1.0, (done + 1 / self.steps) / RISE) * 0.5 * (1 - math.cos(math.pi * min(1.0, (1 - done) / FALL)))
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        images = draw(self.generator, self._at(self._noisy(done)))
        losses, distances, errors = self._compare(images)
        self.optimizer.zero_grad(set_to_none=True)
        (losses + self._strain()).sum().backward()  # type: ignore[no-untyped-call]
        if self.generator.style_dim and done < APART and self.position.grad is not None:
            self.position.grad = self.position.grad.mean(dim=1, keepdim=True).expand_as(self.position).contiguous()  # all move together
        self.optimizer.step()
        self.step += 1
        row = int(losses.argmin())
        return self._tick(losses[row], distances[row], errors[row])

    def _at(self, position: Tensor) -> Latents:
        if self.generator.style_dim:
            return Latents(self.start.inputs, self.mean + self.deviation * position)
        return Latents((position, *self.start.inputs[1:]))

    def _noisy(self, done: float) -> Tensor:
        if not self.generator.style_dim or done >= CALM:
            return self.position
        strength = NOISE * (1 - done / CALM) ** 2
        random = torch.Generator().manual_seed((self.seed * 1_000_003 + self.step) % 2**63)
        noise = torch.randn(len(self.position), 1, self.position.shape[2], generator=random).to(self.position)
        return self.position + strength * noise

    def _compare(self, images: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Losses, perceptual distances and mean squared errors, [N] each."""
        distances = (self.perception(images) - self.seen).square().sum(dim=1)
        errors = (images - self.picture).square().mean(dim=(1, 2, 3))
        return distances + PIXELS * errors, distances, errors

    def _strain(self) -> Tensor:
        """How far the positions are from where the generator knows its way, [S]."""
        if not self.generator.style_dim:
            radii: Tensor = self.position.norm(dim=1) / self.position.shape[1] ** 0.5
            return SHELL * (radii - 1).square()
        away = self.position.square().mean(dim=(1, 2))
        apart = (self.position - self.position.mean(dim=1, keepdim=True)).square().mean(dim=(1, 2))
        strain: Tensor = NEAR * away + COMMON * apart
        return strain

    def _tick(self, loss: Tensor, distance: Tensor, error: Tensor) -> Tick:
        psnr = 10 * math.log10(4 / max(error.item(), 1e-10))  # pixels go from -1 to 1
        return Tick(self.step, self.steps, loss.item(), distance.item(), psnr)

    # --------------------------------------------------------------------------------------------------------------- where it begins

    def _starts(self, chosen: Mapping[Any, float] | None, guess: Tensor | None) -> Latents:
        """The nearest of many random images, and where there is a guess, it under the conditions of the nearest."""
        seeds = torch.randint(2**62, (CANDIDATES,), generator=torch.Generator().manual_seed(self.seed)).tolist()
        inputs = self.generator.inputs(seeds, [chosen] * CANDIDATES if chosen else None)
        candidates = Latents(inputs)
        losses = [self._compare(draw(self.generator, candidates.rows(slice(i, i + BATCH))))[0] for i in range(0, CANDIDATES, BATCH)]
        nearest = candidates.rows(torch.cat(losses).argsort()[:STARTS].tolist())
        if guess is not None:
            z, *conditions = nearest.inputs
            nearest = Latents((torch.cat([guess.to(z), z[:-1]]), *conditions))
        return nearest
