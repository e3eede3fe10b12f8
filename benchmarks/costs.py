"""What an architecture costs on this machine, in CPU seconds: 1,000 images of training, and 1,000 images drawn one batch of 16 at a time.

One thread, the values of `quick` at 32 and 64 px, colour, precision as `auto` picks it for training and float32 for drawing (as the
server draws). CPU seconds of the process, so that other work on the machine disturbs little; `--write` puts the rows into the docs' pages.

    OMP_NUM_THREADS=1 python benchmarks/costs.py [ARCHITECTURE …] [--write]
"""

import argparse
import re
import tempfile
import time
from pathlib import Path

import torch

from atelier.datasets.cache import PreparedDataset, prepare
from atelier.datasets.catalog import open_dataset
from atelier.models import architectures
from atelier.models.base import Generator
from atelier.models.devices import pick_device
from atelier.training.loop import Training

PAGES = Path(__file__).parents[1] / "docs" / "architectures"
RESOLUTIONS = (32, 64)
HEADER = "| resolution | CPU seconds for 1,000 training images | CPU seconds to draw 1,000 |\n|---|---|---|\n"


def training(name: str, data: PreparedDataset, device: torch.device, seconds: float) -> tuple[float, Generator]:
    """CPU seconds for 1,000 images of the last stage, and what drew them."""
    cls = architectures[name]
    hp = cls.hyperparameters("quick", resolution=data.spec.resolution)
    torch.manual_seed(0)
    run = Training(cls(hp, data.spec), data, hp, device=device, seed=0)
    run.stage_index = len(run.stages) - 1
    longest = max(phase.interval for phase in run.stages[-1].phases)  # lazy phases fall due this often
    for _ in range(3):
        run.advance()
    began, images = time.process_time(), run.images_seen
    while time.process_time() - began < seconds:
        for _ in range(longest):
            run.advance()
    return (time.process_time() - began) / (run.images_seen - images) * 1000, run.average


@torch.inference_mode()
def drawing(generator: Generator, seconds: float) -> float:
    """CPU seconds for 1,000 images."""
    inputs = generator.inputs(range(16))
    generator(*inputs)
    began, images = time.process_time(), 0
    while time.process_time() - began < seconds:
        generator(*inputs)
        images += 16
    return (time.process_time() - began) / images * 1000


def write(name: str, rows: str) -> None:
    page = PAGES / f"{name}.md"
    page.write_text(re.sub(re.escape(HEADER) + r"(<!-- costs -->\n?|(\|.*\n)+)", lambda _: HEADER + rows, page.read_text()))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("architectures", nargs="*")
    parser.add_argument("--seconds", type=float, default=10.0, help="CPU seconds for each figure, at least")
    parser.add_argument("--write", action="store_true", help="put the rows into docs/architectures/")
    options = parser.parse_args()
    torch.set_num_threads(1)
    device = pick_device("cpu")
    with tempfile.TemporaryDirectory() as folder:
        for name in options.architectures or architectures:
            rows = ""
            for resolution in RESOLUTIONS:
                data = prepare(open_dataset("shapes", {"count": 600}), resolution, Path(folder))
                train, generator = training(name, data, device, options.seconds)
                rows += f"| {resolution} px | {train:.1f} | {drawing(generator, options.seconds / 3):.2f} |\n"
            print(f"{name}\n{HEADER}{rows}", flush=True)
            if options.write:
                write(name, rows)


if __name__ == "__main__":
    main()
