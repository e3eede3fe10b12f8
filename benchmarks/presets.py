"""What each preset of an architecture costs a CPU: the figures behind the estimates of `GET /api/v1/architectures`.

CPU seconds for an image of training on one thread, numbers in the weights of all networks, and bytes of the process: what it takes without
any batch, and what each image of a batch adds. Two processes a preset, with small batches of `shapes`, since those of `paper` would take a
CPU too long, and the last stage alone: the figures are rough, as the page says.

    OMP_NUM_THREADS=1 python benchmarks/presets.py [ARCHITECTURE …] [--write]
"""

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import torch

from atelier.datasets.cache import prepare
from atelier.datasets.catalog import open_dataset
from atelier.models import architectures
from atelier.models.devices import pick_device
from atelier.training.loop import Training

FIGURES = Path(__file__).parents[1] / "backend" / "atelier" / "models" / "costs.json"
SECONDS = 0.5  # of measuring, at least one step after the first


def measure(name: str, preset: str, batch_size: int, folder: Path) -> dict[str, float]:
    """In a process of its own, whose peak of memory is this preset's."""
    torch.set_num_threads(1)
    cls = architectures[name]
    hp = cls.hyperparameters(preset, batch_size=batch_size, accumulate=1)
    data = prepare(open_dataset("shapes", {"count": 32}), hp.resolution, folder)
    model = cls(hp, data.spec)
    run = Training(model, data, hp, device=pick_device("cpu"), seed=0)

    run.stage_index, run.end = len(run.stages) - 1, 10**9  # measured for as long as it takes, however few steps the preset has
    run.advance()
    began, images = time.process_time(), run.images_seen
    while time.process_time() - began < SECONDS:
        run.advance()
    return {
        "parameters": sum(parameter.numel() for parameter in model.parameters()),
        "batches": sum(stage.steps * max(phase.repeats for phase in stage.phases) for stage in run.stages),
        "seconds": (time.process_time() - began) / (run.images_seen - images),
        "bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
    }


def figures(name: str, preset: str, folder: Path) -> dict[str, float]:
    hp = architectures[name].hyperparameters(preset)
    full = min(hp.batch_size, 32 if hp.resolution <= 64 else 8)
    small, large = (
        json.loads(
            subprocess.run(
                [sys.executable, __file__, "--measure", name, preset, str(size), str(folder)], check=True, capture_output=True, text=True
            ).stdout
        )
        for size in (full // 2, full)
    )
    for_image = max(0, large["bytes"] - small["bytes"]) / (full - full // 2)
    return {
        "parameters": large["parameters"],
        "batches": large["batches"],
        "seconds_per_image": float(f"{large['seconds']:.3g}"),
        "bytes": int(float(f"{large['bytes'] - for_image * full:.3g}")),
        "bytes_per_image": int(float(f"{for_image:.3g}")),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("architectures", nargs="*")
    parser.add_argument("--write", action="store_true", help=f"put the figures into {FIGURES.name}")
    parser.add_argument("--measure", nargs=4, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.measure:
        name, preset, size, folder = options.measure
        print(json.dumps(measure(name, preset, int(size), Path(folder))))
        return
    known = json.loads(FIGURES.read_text()) if FIGURES.exists() else {}
    with tempfile.TemporaryDirectory() as folder:
        for name in options.architectures or architectures:
            known[name] = {preset: figures(name, preset, Path(folder)) for preset in architectures[name].presets}
            print(json.dumps({name: known[name]}, indent=1), flush=True)
            if options.write:
                FIGURES.write_text(json.dumps(known, indent=2) + "\n")


if __name__ == "__main__":
    main()
