"""What a training run will cost on this machine, before it is started: by its own runs, else by figures that are shipped with presets."""

import functools
import json
import os
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

import atelier.models
from atelier.models.base import GenerativeModel

LATEST = 5  # runs whose median counts
PARALLEL = 0.7  # so much of a further thread helps: networks this small don't keep several busy

# What changes how long a run lasts but not what an image of it costs; nor do numbers with a point: rates, and weights of losses.
FREE = {"steps", "epochs", "minutes", "batch_size", "split", "flip", "ema_images", "warmup_steps", "schedule"}


class EstimateOut(BaseModel):
    """What a training run with a preset costs on this machine, roughly."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    images: int
    """Real images that it looks at."""
    seconds: float | None
    """How long that takes; null where nothing is known to tell it by."""
    basis: Literal["runs", "figure"] | None
    """By what the seconds are told: this machine's own runs with the preset's networks, or a figure that was measured elsewhere."""
    runs: int
    """How many runs of this machine they are told by."""
    parameters: int | None
    """Numbers in the weights of all networks, in colour."""
    memory: int | None
    """Bytes of main memory that the process takes on a CPU."""


@dataclass(frozen=True)
class Run:
    """What a run that published a version took."""

    hyperparameters: Mapping[str, Any]
    seconds_per_image: float
    device: str

    @classmethod
    def of(cls, manifest: Mapping[str, Any]) -> "Run":
        training = manifest["training"]
        return cls(manifest["hyperparameters"], training["seconds"] / max(1, training["images_seen"]), str(training["device"]))


@functools.cache
def _figures() -> dict[str, dict[str, dict[str, float]]]:
    """By architecture and preset, as far as they were measured; `benchmarks/presets.py --write` does that."""
    figures: dict[str, dict[str, dict[str, float]]] = json.loads((Path(atelier.models.__path__[0]) / "costs.json").read_text())
    return figures


def estimate(cls: type[GenerativeModel], preset: str, runs: Sequence[Run], *, device: str, jobs: int) -> EstimateOut:
    """Of a preset, by `runs` of the architecture, the newest first; `jobs` share the processor."""
    hp = cls.hyperparameters(preset)
    wanted = {name: value for name, value in hp.model_dump(mode="json").items() if name not in FREE and not isinstance(value, float)}
    alike = [run for run in runs if run.device == device and all(run.hyperparameters.get(name) == wanted[name] for name in wanted)][:LATEST]
    figure = _figures().get(cls.name, {}).get(preset)
    images = int(figure["batches"] if figure else hp.steps) * hp.batch_size
    each: float | None = None
    if alike:
        each = statistics.median(run.seconds_per_image for run in alike)
    elif figure and "seconds_per_image" in figure and device == "cpu":
        threads = max(1, (os.cpu_count() or 1) // jobs)
        each = figure["seconds_per_image"] / (1 + PARALLEL * (threads - 1))
    return EstimateOut(
        images=images,
        seconds=hp.minutes * 60 if hp.minutes is not None else each and round(each * images, 1),
        basis=None if each is None else "runs" if alike else "figure",
        runs=len(alike),
        parameters=int(figure["parameters"]) if figure else None,
        memory=int(figure["bytes"] + figure["bytes_per_image"] * hp.batch_size / hp.accumulate) if figure and "bytes" in figure else None,
    )
