"""What a generator does first, found by listening to it: the linear maps that take its latent, whatever the architecture calls them."""

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from atelier.models.base import Generator

WIDEST = 8192  # entries of what a linear map is taken to be given


@torch.no_grad()
def first_map(generator: Generator) -> Tensor | None:
    """Weights [outputs, K] of the linear map that takes z first, or the codes that z becomes; None where there is none.

    Zeros stand for entries that it does not take. Where several maps take as much, their outputs follow each other.
    """
    inputs = generator.inputs([0])
    found = _taking(generator, lambda: generator(*inputs), generator.codes(inputs[0]))[0]
    return torch.cat(found) if found else None


@torch.no_grad()
def style_maps(generator: Any) -> list[Tensor]:
    """For each layer of styles, the weights [outputs, style_dim] of all linear maps that take its style; none have no rows."""
    like = generator.styles(*generator.inputs([0]))  # [1, L, style_dim]
    styles = torch.randn(like.shape, generator=torch.Generator().manual_seed(0)).to(like)
    found = _taking(generator, lambda: generator.synthesis(styles), styles[0])
    return [torch.cat(maps) if maps else like.new_zeros(0, like.shape[2]) for maps in found]


def _taking(generator: Generator, run: Callable[[], Any], vectors: Tensor) -> list[list[Tensor]]:
    """For each of the vectors [M, K], the maps [outputs, K] that take it, or else the most of it, while `run` runs.

    An entry is known by its value: of random numbers no two are alike.
    """
    heard: list[tuple[nn.Module, Tensor]] = []

    def hear(module: nn.Module, given: tuple[Any, ...]) -> None:
        if given and isinstance(given[0], Tensor) and len(given[0]) == 1 and given[0].numel() <= WIDEST and given[0].is_floating_point():
            heard.append((module, given[0].clone()))

    leaves = [module for module in generator.modules() if not list(module.children()) and list(module.parameters())]
    handles = [module.register_forward_pre_hook(hear) for module in leaves]
    try:
        run()
    finally:
        for handle in handles:
            handle.remove()

    maps = []
    for vector in vectors:
        takers = [(module, given, vector[:, None] == given.flatten()) for module, given in heard]
        most = max((int(same.any(dim=1).sum()) for _, _, same in takers), default=0)
        found = [_map(module, given, same) for module, given, same in takers if most > 1 and int(same.any(dim=1).sum()) == most]
        maps.append([weights for weights in found if weights is not None])
    return maps


def _map(module: nn.Module, given: Tensor, same: Tensor) -> Tensor | None:
    """The module's weights [outputs, K] for a vector that stands where `same` [K, entries] says; None where it is not linear."""
    parts: Sequence[int] = given.shape[1:]
    zero = module(torch.zeros_like(given)).flatten(1)
    units = torch.eye(given[0].numel(), device=given.device, dtype=given.dtype).view(-1, *parts)
    weights: Tensor = (module(units).flatten(1) - zero).mT  # [outputs, entries]
    if not torch.allclose(module(given).flatten(1), zero + given.flatten(1) @ weights.mT, rtol=1e-3, atol=1e-4):
        return None
    return weights @ same.mT.to(weights)
