"""Features of real sets, kept: a set is looked at once, however many others are compared with it."""

import hashlib
import json
import os
import shutil
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import mkdtemp

from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from atelier.metrics.frechet import Gaussian

FEATURES, GAUSSIAN, DESCRIPTION = "features.safetensors", "gaussian.npz", "statistics.json"


@dataclass(frozen=True)
class RealSet:
    """All that the features of a real set depend on."""

    name: str  # for people; decides nothing
    fingerprint: str  # SHA-256 over the content and its preparation
    split: str
    network: str
    digest: str  # SHA-256 of the network's weights
    resize: str
    num_images: int

    @property
    def key(self) -> str:
        decisive = {name: value for name, value in asdict(self).items() if name != "name"}
        return hashlib.sha256(json.dumps(decisive, sort_keys=True).encode()).hexdigest()

    def load(self, folder: Path) -> tuple[Tensor, Gaussian] | None:
        """Features [N, D] and their Gaussian, if they were kept in a folder of statistics and are whole."""
        kept = folder / self.key
        try:
            description = json.loads((kept / DESCRIPTION).read_bytes())
            if any(_sha256(kept / name) != digest for name, digest in description["sha256"].items()):
                return None
            return load_file(kept / FEATURES)["features"], Gaussian.load(kept / GAUSSIAN)
        except (OSError, ValueError, KeyError, SafetensorError):
            return None

    def save(self, folder: Path, features: Tensor, gaussian: Gaussian) -> Path:
        """Keep them in place of what is damaged, by one rename; returns where. Another process may have been faster, with the same."""
        folder.mkdir(parents=True, exist_ok=True)
        target, staging = folder / self.key, Path(mkdtemp(prefix=".staging-", dir=folder))
        try:
            save_file({"features": features.contiguous()}, staging / FEATURES)
            gaussian.save(staging / GAUSSIAN)
            digests = {name: _sha256(staging / name) for name in (FEATURES, GAUSSIAN)}
            with (staging / DESCRIPTION).open("w") as file:
                json.dump(asdict(self) | {"sha256": digests}, file, indent=2)
                file.flush()
                os.fsync(file.fileno())
            staging.chmod(0o755)
            if target.exists() and self.load(folder) is None:
                target.rename(staging / "damaged")
            with suppress(OSError):
                staging.rename(target)
            return target
        finally:
            shutil.rmtree(staging, ignore_errors=True)
            shutil.rmtree(target / "damaged", ignore_errors=True)


def kept(folder: Path) -> list[tuple[RealSet, Path]]:
    """All sets that are kept, each with its folder."""
    found = []
    for path in sorted(folder.glob(f"*/{DESCRIPTION}")):
        with suppress(OSError, ValueError, TypeError):
            described = json.loads(path.read_bytes())
            described.pop("sha256", None)
            found.append((RealSet(**described), path.parent))
    return found


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
