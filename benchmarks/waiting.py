"""How the threads of a training wait for each other, and what that costs it and whoever draws beside it.

A training of several threads that sleep between two pieces of work, wait awake for a moment first as those of a job do, or for longer, as
torch comes; and one of one thread, which waits for none. Each trains the preset quick of an architecture on shapes in a process of its own,
`nice` as a job: alone, then beside a process that draws one picture of a DCGAN after the other by one thread, as the service does. They
take turns; medians of the rounds: milliseconds a step, how many times the steps of one thread that makes, and milliseconds a
picture; inf where none was done in that time.

    python benchmarks/waiting.py [--architectures dcgan text_dcgan] [--rounds 3] [--steps 20]
"""

import argparse
import math
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import IO

import torch
from scores import open_data

from atelier.jobs.executors import LocalExecutor
from atelier.models import architectures
from atelier.models.base import ImageSpec
from atelier.settings import Settings
from atelier.training.loop import Training

JOB = LocalExecutor(Settings(_env_file=None)).defaults  # type: ignore[call-arg]
SLEEPING = JOB | {"GOMP_SPINCOUNT": "0"}  # what PASSIVE alone means
ENVIRONMENTS = {
    "one thread": SLEEPING | {"OMP_NUM_THREADS": "1"},
    "that sleep at once": SLEEPING,
    "as a job's": JOB,
    "as torch comes": {"OMP_NUM_THREADS": JOB["OMP_NUM_THREADS"]},
}
WARMUP = 10
RESOLUTION = 32


def train(architecture: str, steps: int, store: Path) -> None:
    """Print when the measured steps began and ended."""
    os.nice(8)
    data = open_data(store, RESOLUTION, dataset="shapes", options={"count": 1000}, pictures=None)
    chosen = {"resolution": RESOLUTION, **({"text_steps": 0} if architectures[architecture].conditioning == "text" else {})}
    hp = architectures[architecture].hyperparameters("quick", **chosen)
    training = Training(architectures[architecture](hp, data.spec), data, hp, device=torch.device("cpu"), seed=0)
    for step in range(WARMUP + steps):
        if step == WARMUP:
            begun = time.monotonic()
        training.advance()
    print(begun, time.monotonic())


@torch.no_grad()
def draw() -> None:
    """Print when each picture was begun and done, until killed."""
    os.nice(3)
    dcgan = architectures["dcgan"]
    generator = dcgan(dcgan.hyperparameters("quick", resolution=64), ImageSpec(channels=3, resolution=64)).generator.eval()
    while True:
        begun = time.monotonic()
        generator(*generator.inputs([0]))
        print(begun, time.monotonic(), flush=True)


def start(environment: dict[str, str], output: IO[str], *arguments: object) -> "subprocess.Popen[bytes]":
    """Prints into a file: in a pipe that nobody reads meanwhile, who draws would stand still as soon as it is full."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("OMP_", "GOMP_"))}
    return subprocess.Popen([sys.executable, __file__, *map(str, arguments)], env=kept | environment, stdout=output)


def measure(environment: dict[str, str], architecture: str, steps: int, store: Path, *, beside: bool) -> tuple[float, list[float]]:
    """Milliseconds a step, and of each picture that was drawn meanwhile."""
    with tempfile.TemporaryFile("w+") as trained, tempfile.TemporaryFile("w+") as drawn:
        drawing = start(ENVIRONMENTS["one thread"], drawn, "--draw") if beside else None
        while drawing is not None and not os.fstat(drawn.fileno()).st_size:  # until it draws
            time.sleep(0.1)
        training = start(environment, trained, "--train", architecture, "--steps", steps, "--store", store)
        training.wait()
        if drawing is not None:
            drawing.kill()
            drawing.wait()
        begun, done = times(trained)[-1]
        pictures = [1e3 * (end - start) for start, end in times(drawn) if begun <= start and end <= done]
    return 1e3 * (done - begun) / steps, pictures


def times(printed: IO[str]) -> list[tuple[float, float]]:
    printed.seek(0)
    return [(float(start), float(end)) for start, end in (line.split() for line in printed if line.endswith("\n"))]


def compare(architecture: str, rounds: int, steps: int, store: Path, *, beside: bool) -> None:
    waits: dict[str, list[float]] = {name: [] for name in ENVIRONMENTS}
    pictures: dict[str, list[float]] = {name: [] for name in ENVIRONMENTS}
    for _ in range(rounds):
        for name, environment in ENVIRONMENTS.items():
            step, drawn = measure(environment, architecture, steps, store, beside=beside)
            waits[name].append(step)
            pictures[name] += drawn
    print(f"{architecture}, {'beside drawing' if beside else 'alone'}; {JOB['OMP_NUM_THREADS']} threads")
    one = statistics.median(waits["one thread"])
    for name, seen in waits.items():
        median = statistics.median(seen)
        drawing = f"   {statistics.median(pictures[name] or [math.inf]):5.1f} ms a picture" if beside else ""
        print(f"    {name:20} {median:6.0f} ms a step   {one / median:.2f} times one thread's speed{drawing}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--architectures", nargs="+", choices=list(architectures), default=["dcgan", "text_dcgan"])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--steps", type=int, default=20)
    for hidden in ("--train", "--store"):
        parser.add_argument(hidden, help=argparse.SUPPRESS)
    parser.add_argument("--draw", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.draw:
        draw()
    elif options.train:
        train(options.train, options.steps, Path(options.store))
    else:
        with tempfile.TemporaryDirectory() as folder:
            for architecture in options.architectures:
                measure(JOB, architecture, 1, Path(folder), beside=False)  # prepares the data
                for beside in (False, True):
                    compare(architecture, options.rounds, options.steps, Path(folder), beside=beside)


if __name__ == "__main__":
    main()
