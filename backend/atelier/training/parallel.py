"""Several processes that train one model, each on its share of every batch: data parallel, launched by torchrun.

Gradients are averaged after each backward pass, as DistributedDataParallel does; done here, models need no wrapper and every
phase of every architecture is covered. Without torchrun, all of this is nothing.
"""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta

import torch
from torch import Tensor, distributed, nn

PATIENCE = timedelta(days=1)  # the others wait while the first one prepares a data set


class Stopped(Exception):
    """The first process has ended the run; so do the others."""


def start(device: torch.device) -> torch.device:
    """Meet the other processes that torchrun launched, if it did; returns the device that is this process' own."""
    if "RANK" in os.environ and not distributed.is_initialized():
        if device.type == "cuda":
            device = torch.device("cuda", int(os.environ["LOCAL_RANK"]))
            torch.cuda.set_device(device)
        distributed.init_process_group("nccl" if device.type == "cuda" else "gloo", timeout=PATIENCE)
    return device


def rank() -> int:
    return distributed.get_rank() if distributed.is_initialized() else 0


def processes() -> int:
    return distributed.get_world_size() if distributed.is_initialized() else 1


@contextmanager
def first_before_others() -> Iterator[None]:
    """The first process goes through the block alone; then the others, who find what it made."""
    if rank() > 0:
        distributed.barrier()
    yield
    if rank() == 0 and processes() > 1:
        distributed.barrier()


def average(gradients: Sequence[Tensor]) -> None:
    """Replace each gradient by its mean over the processes, in one exchange."""
    if processes() == 1:
        return
    flat = torch.cat([gradient.reshape(-1) for gradient in gradients])
    distributed.all_reduce(flat)
    flat /= processes()
    for gradient, mean in zip(gradients, torch.split(flat, [gradient.numel() for gradient in gradients]), strict=True):
        gradient.copy_(mean.view_as(gradient))


def share_state(module: nn.Module) -> None:
    """Give every process the weights and buffers of the first one."""
    if processes() > 1:
        for tensor in module.state_dict().values():
            distributed.broadcast(tensor, 0)


def share_buffers(module: nn.Module) -> None:
    """Give every process the first one's buffers: batch norm's statistics, the strength of an augmentation."""
    if processes() > 1:
        for buffer in module.buffers():
            distributed.broadcast(buffer, 0)


def agree(seconds: float, stop: bool, device: torch.device) -> tuple[float, bool]:
    """What the first process' clock says, and whether it ends the run."""
    if processes() == 1:
        return seconds, stop
    said = torch.tensor([seconds, stop], dtype=torch.float64, device=device)
    distributed.broadcast(said, 0)
    return float(said[0]), bool(said[1])
