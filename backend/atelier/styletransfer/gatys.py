"""Gatys, Ecker and Bethge 2015, "A Neural Algorithm of Artistic Style" (arXiv 1508.06576)."""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Literal

import torch
from pydantic import Field
from torch import Tensor

from atelier.styletransfer.base import Style, Tick, method
from atelier.styletransfer.networks import FeatureNetwork
from atelier.styletransfer.optimised import OptimisedHyperparameters, OptimisedMethod
from atelier.styletransfer.statistics import gatys

# Odd and even rows and columns, each with each: what a stride of two sees more of from one, it sees less of from another. Of two places,
# a checkerboard remains; all eight look like four.
PLACES = range(4)


class GatysHyperparameters(OptimisedHyperparameters):
    """Hyper-parameters of Gatys' method."""

    tv_weight: float = Field(0.0, ge=0, le=1000)
    """How smooth neighbouring pixels are to be; the paper has no such term."""
    steps: int = Field(300, ge=1, le=10_000)
    """Steps; one of L-BFGS takes one look at the picture, and sometimes a few."""
    optimiser: Literal["lbfgs", "adam"] = "lbfgs"
    """L-BFGS with a line search, as in the paper, whose loss never rises; or Adam, for a fifth of the memory."""
    history: int = Field(20, ge=1, le=200)
    """Pairs of vectors that L-BFGS knows the curvature by; each takes as much memory as two pictures. Used by L-BFGS alone."""
    learning_rate: float = Field(0.05, gt=0, le=1)
    """Adam's learning rate, the most that a pixel changes in a step; black to white is 2. Used by Adam alone."""


@method("gatys")
class Gatys(OptimisedMethod):
    """Changes the pixels of the whole picture at once until it has the content's activations and the style's Gram matrices.

    Weights are those of the authors' published code: each layer's mean squared difference of Gram matrices by 1000/C², the mean of that
    over the layers, against the mean squared difference of the content's activations. With VGG-19 the layers are theirs: relu1_1 to
    relu5_1, and relu4_2. L-BFGS finds its steps by the strong Wolfe conditions, which need a function that stands still: networks that
    want pictures moved about look from four places at once, for four times the time. Adam takes one of all places after the other.
    """

    title = "Gatys"
    paper = "https://arxiv.org/abs/1508.06576"
    Hyperparameters: ClassVar = GatysHyperparameters

    def __init__(self, hp: GatysHyperparameters, network: FeatureNetwork, content: Tensor, styles: Sequence[Style]) -> None:
        super().__init__(hp, network, content, styles)
        self.hp = hp
        self.content_layers = dict.fromkeys(self.content_layers, 1.0)  # not tuned ones
        self.goal = self.objective(self.height, self.width, gatys)
        self.x = self.begin(self.height, self.width).contiguous().requires_grad_()  # L-BFGS can't flatten any other
        self.stopped = False
        self.losses: dict[str, float] = {}
        self.looked: tuple[Tensor, float, Tensor, dict[str, float]] | None = None  # where it looked last, and what it saw
        self.optimizer = self._optimizer()

    def _optimizer(self) -> torch.optim.Optimizer:
        if self.hp.optimiser == "adam":
            return torch.optim.Adam([self.x], self.hp.learning_rate, betas=(0.9, 0.99))
        # Tolerances that are never met: how long it goes on is the user's choice.
        return torch.optim.LBFGS(
            [self.x],
            max_iter=1,
            max_eval=100,
            history_size=self.hp.history,
            line_search_fn="strong_wolfe",
            tolerance_grad=-1,
            tolerance_change=-1,
        )

    def look(self) -> float:
        """Loss and gradient of the picture, in the sum over its pixels: of the mean, changes would be below what L-BFGS takes for any."""
        if self.looked is None or not torch.equal(self.looked[0], self.x):  # each step of L-BFGS begins where the last one looked
            still = PLACES if self.goal.jitter else range(1)
            seen = [self.goal(self.x, place) for place in (still if self.hp.optimiser == "lbfgs" else (self.iteration,))]
            values = self.numbers({name: torch.stack([losses[name] for losses, _ in seen]).mean() for name in seen[0][0]})
            gradient = torch.stack([gradient for _, gradient in seen]).mean(dim=0)
            pixels = self.x.numel()
            self.looked = self.x.detach().clone(), values["loss"] * pixels, gradient.contiguous() * pixels, values
        _, loss, gradient, self.losses = self.looked
        self.x.grad = gradient.clone()
        return loss

    @property
    def picture(self) -> Tensor:
        return self.x.detach().clamp(-1, 1)

    @property
    def iterations(self) -> int:
        return self.hp.steps

    @property
    def done(self) -> bool:
        return self.stopped or self.iteration >= self.hp.steps

    def advance(self) -> Tick:
        self.optimizer.step(self.look)
        if self.hp.optimiser == "adam":
            with torch.no_grad():
                self.x.clamp_(-1, 1)
            self.looked = None  # from another place next time
        self.iteration += 1
        self.stopped = self.settled(self.losses["loss"])
        progress = 1.0 if self.done else self.iteration / self.hp.steps
        return Tick(self.iteration, self.iterations, progress, (self.height, self.width), dict(self.losses))

    def state_dict(self) -> dict[str, Any]:
        counts = {"iteration": self.iteration, "stopped": self.stopped, "history": list(self.history)}
        return {"of": self.of(), "x": self.x.detach().cpu().clone(), "optimizer": _copied(self.optimizer.state_dict()), **counts}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        self.check(state)
        with torch.no_grad():
            self.x.copy_(state["x"])
        self.optimizer = self._optimizer()
        self.optimizer.load_state_dict(_copied(state["optimizer"]))
        self.iteration, self.stopped, self.history = state["iteration"], state["stopped"], list(state["history"])
        self.looked = None


def _copied(value: Any) -> Any:
    """Tensors of nested lists and dictionaries on the CPU, and with no one else."""
    if isinstance(value, Tensor):
        return value.detach().cpu().clone()
    if isinstance(value, dict):
        return {key: _copied(entry) for key, entry in value.items()}
    return [_copied(entry) for entry in value] if isinstance(value, list | tuple) else value
