"""Where a result comes from: the code, the packages and the machine that made it."""

import platform
import subprocess
from importlib.metadata import version
from pathlib import Path

import psutil
import torch

PACKAGES = ("torch", "torchvision", "numpy", "pillow", "safetensors", "pydantic")


def packages() -> dict[str, str]:
    """Versions of Atelier, Python and what decides the numbers."""
    return {"atelier": version("atelier"), "python": platform.python_version(), **{name: version(name) for name in PACKAGES}}


def revision() -> str | None:
    """The commit of the checkout that runs, with "+changes" where it differs from it; None for an installed package."""

    def git(*arguments: str) -> str:
        folder = Path(__file__).parent
        return subprocess.run(["git", *arguments], cwd=folder, capture_output=True, text=True, check=True, timeout=10).stdout.strip()

    try:
        if git("ls-files", "--error-unmatch", Path(__file__).name) == "":
            return None
        changes = git("status", "--porcelain", "--untracked-files=no")
        return git("rev-parse", "HEAD") + ("+changes" if changes else "")
    except (OSError, subprocess.SubprocessError):
        return None


def hardware(device: torch.device) -> str:
    """The device by its maker's name."""
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    name = platform.processor() or platform.machine()
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        name = next((line.split(":", 1)[1].strip() for line in cpuinfo.read_text().splitlines() if line.startswith("model name")), name)
    return f"{name}, {psutil.cpu_count(logical=True)} processors, {torch.get_num_threads()} threads"
