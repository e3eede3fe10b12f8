"""Exponential moving average of a generator's weights."""

import torch
from torch import nn


@torch.no_grad()
def update_average(average: nn.Module, module: nn.Module, *, batch_size: int, images_seen: int, half_life: float) -> None:
    """Move `average` towards `module` by one step.

    The half-life, in images, is at most a twentieth of what was seen, so that the first previews are not those of
    the random start (Karras et al. 2020, stylegan2-ada, `ema_rampup`). Buffers, such as batch norm's, are copied.
    """
    reach = min(half_life, images_seen * 0.05)
    decay = 0.5 ** (batch_size / reach) if reach else 0.0
    torch._foreach_lerp_(list(average.parameters()), list(module.parameters()), 1 - decay)
    for target, source in zip(average.buffers(), module.buffers(), strict=True):
        target.copy_(source)
