"""From coarse to fine, in the manner of K. Crowson's style-transfer-pytorch: large strokes are laid first, and cost next to nothing."""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Literal

import torch
from pydantic import Field
from torch import Tensor
from torch.nn.functional import interpolate

from atelier.styletransfer.base import Style, Tick, method
from atelier.styletransfer.networks import FeatureNetwork
from atelier.styletransfer.optimised import OptimisedHyperparameters, OptimisedMethod
from atelier.styletransfer.pictures import fitted, resize
from atelier.styletransfer.statistics import STYLE_LOSSES

RATIO = 2**0.5  # of a size to the one before it
TV = 0.5  # of the loss; tuned like the weights of layers


class PyramidHyperparameters(OptimisedHyperparameters):
    """Hyper-parameters of the pyramid."""

    statistics: Literal["wasserstein", "gram", "gatys"] = "wasserstein"
    """What is compared: mean and covariance by the Wasserstein distance, Gram matrices by shares, or Gram matrices as Gatys has it."""
    smallest: int = Field(128, ge=64, le=1024)
    """Longer side in pixels of the first picture; each next one has twice as many pixels, up to the size asked for."""
    steps: int = Field(150, ge=1, le=10_000)
    """Steps at the first size."""
    decay: float = Field(0.8, gt=0, le=1)
    """Share of a size's steps that the next size gets: it begins with a picture that is nearly right, and its steps take twice the time."""
    learning_rate: float = Field(0.08, gt=0, le=1)
    """Adam's learning rate, the most that a pixel changes in a step; black to white is 2."""
    adam_beta1: float = Field(0.9, ge=0, lt=1)
    """Adam's first momentum."""
    adam_beta2: float = Field(0.99, ge=0, lt=1)
    """Adam's second momentum."""
    average: float = Field(0.95, ge=0, lt=1)
    """How much of the averaged picture, which is the result, a step leaves as it was: takes away the noise of large steps."""


@method("pyramid")
class Pyramid(OptimisedMethod):
    """Draws a small picture in the style, enlarges it, and goes on: sharper, and several times as fast as at full size alone.

    Each size begins with the average of the one before it, and with Adam's moments, enlarged likewise, so that no step is lost. Losses have
    no units: activations are measured by the content's variance, moments by the style's. Deviations from Crowson: the
    Wasserstein distance by eigenvalues; fewer steps; and the gradient is that of the sum over pixels, so that moments mean the same
    at all sizes.
    """

    title = "Pyramid"
    paper = "https://github.com/crowsonkb/style-transfer-pytorch"
    Hyperparameters: ClassVar = PyramidHyperparameters

    def __init__(self, hp: PyramidHyperparameters, network: FeatureNetwork, content: Tensor, styles: Sequence[Style]) -> None:
        super().__init__(hp, network, content, styles)
        self.hp = hp
        sizes = [hp.size]
        while sizes[0] / RATIO > hp.smallest - 0.5:
            sizes.insert(0, round(sizes[0] / RATIO))
        self.sizes = [fitted(content, size) for size in sizes]
        self.plan = [max(1, round(hp.steps * hp.decay**index)) for index in range(len(sizes))]  # steps at each size
        self.level = self.step = 0  # which size, and steps done there
        self.x = self.begin(*self.sizes[0])
        self.mean, self.square = torch.zeros_like(self.x), torch.zeros_like(self.x)  # Adam's moments
        self.averaged, self.weight = torch.zeros_like(self.x), 0.0  # sum of pictures, and what their weights sum up to
        self._judge()

    def _judge(self) -> None:
        height, width = self.sizes[self.level]
        relative = self.hp.statistics != "gatys"
        self.goal = self.objective(
            height, width, STYLE_LOSSES[self.hp.statistics], content_unit=_variance if relative else None, tv_unit=TV
        )

    @property
    def picture(self) -> Tensor:
        return (self.averaged / self.weight).clamp(-1, 1) if self.weight else self.x

    @property
    def iterations(self) -> int:
        return sum(self.plan)

    @property
    def done(self) -> bool:
        return self.level == len(self.sizes) - 1 and self.step >= self.plan[-1]

    def advance(self) -> Tick:
        if self.step >= self.plan[self.level]:
            self._enlarge()
        hp, x = self.hp, self.x
        losses, gradient = self.goal(x, self.step)
        gradient = gradient * x[0, 0].numel()
        self.iteration, self.step = self.iteration + 1, self.step + 1
        # Kingma and Ba 2015 (arXiv 1412.6980), algorithm 1.
        self.mean.lerp_(gradient, 1 - hp.adam_beta1)
        self.square.lerp_(gradient.square(), 1 - hp.adam_beta2)
        rate = hp.learning_rate / (1 - hp.adam_beta1**self.iteration)
        scale = (self.square / (1 - hp.adam_beta2**self.iteration)).sqrt_().add_(1e-8)
        x.addcdiv_(self.mean, scale, value=-rate).clamp_(-1, 1)
        self.averaged.mul_(hp.average).add_(x, alpha=1 - hp.average)
        self.weight = self.weight * hp.average + 1 - hp.average

        values = self.numbers(losses)
        if self.settled(values["loss"]):
            self.plan[self.level] = self.step
        work = [steps * height * width for steps, (height, width) in zip(self.plan, self.sizes, strict=True)]
        share = (sum(work[: self.level]) + work[self.level] * self.step / self.plan[self.level]) / sum(work)
        return Tick(self.iteration, self.iterations, share, self.sizes[self.level], values)

    def _enlarge(self) -> None:
        self.level, self.step, self.history = self.level + 1, 0, []
        size = self.sizes[self.level]
        self.x = resize(self.picture, *size).contiguous()
        self.mean = interpolate(self.mean, size, mode="bicubic", align_corners=False)
        self.square = interpolate(self.square, size, mode="bilinear", align_corners=False)  # which is never negative
        self.averaged, self.weight = torch.zeros_like(self.x), 0.0
        self._judge()

    def state_dict(self) -> dict[str, Any]:
        tensors = {name: getattr(self, name).cpu().clone() for name in ("x", "mean", "square", "averaged")}
        counts = {name: getattr(self, name) for name in ("level", "step", "iteration", "weight")}
        return {"of": self.of(), "plan": list(self.plan), "history": list(self.history), **counts, **tensors}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        self.check(state)
        for name in ("x", "mean", "square", "averaged"):
            setattr(self, name, state[name].to(self.content, copy=True))
        self.level, self.step, self.iteration, self.weight = state["level"], state["step"], state["iteration"], state["weight"]
        self.plan, self.history = list(state["plan"]), list(state["history"])
        self._judge()


def _variance(activations: Tensor) -> Tensor:
    return activations.var().clamp_min(torch.finfo(activations.dtype).tiny)
