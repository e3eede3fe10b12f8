"""Which device tensors live on."""

import torch


def pick_device(wanted: str = "auto") -> torch.device:
    """The device of that name ("cpu", "cuda", "cuda:1", "mps"), or with "auto" the best one here.

    Raises:
        ValueError: there is no such device on this machine.
    """
    if wanted == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "mps" if torch.backends.mps.is_available() else "cpu")
    try:
        device = torch.device(wanted)
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError) as error:  # torch built without CUDA asserts
        raise ValueError(f"device {wanted!r} can't be used on this machine: {str(error).splitlines()[0]}") from error
    return device
