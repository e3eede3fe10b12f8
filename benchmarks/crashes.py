"""Whether a run that is killed again and again ends with the weights of one that nobody disturbed.

A real supervisor and real job processes. One run goes through undisturbed; another with the same settings is killed (kill -9) at twenty
random moments: between steps, while its process starts, and while it writes a checkpoint, which it does at every tick. Each time it is
taken up again, by itself or, the second time in a row, by being resumed. Prints each moment, the step it had told of, the step it went
on from, and whether all published weights are the same, bit for bit; exits with 1 where they are not.

    python benchmarks/crashes.py [--architecture dcgan] [--kills 20] [--steps 3000] [--seed 0]
"""

import argparse
import asyncio
import os
import random
import re
import signal
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from atelier.datasets.catalog import Catalog
from atelier.jobs.executors import LocalExecutor
from atelier.jobs.queue import submit_training
from atelier.jobs.specs import TrainRequest
from atelier.jobs.supervisor import Supervisor
from atelier.registry.database import Database, migrate
from atelier.registry.store import Store
from atelier.registry.tables import ACTIVE, Job
from atelier.settings import Settings

PATIENCE = 180.0  # seconds for anything to happen
MOMENTS = ("between steps", "between steps", "writing a checkpoint", "between steps", "starting")


class Studio:
    def __init__(self, folder: Path) -> None:
        self.settings = Settings(store_dir=folder, checkpoint_seconds=0.0, device="cpu", _env_file=None)  # type: ignore[call-arg]
        migrate(self.settings.resolved_database_url)
        self.database = Database(self.settings.resolved_database_url)
        self.store = Store(folder)

    def supervisor(self) -> Supervisor:
        return Supervisor(self.database, self.store, LocalExecutor(self.settings), max_jobs=1)

    def submit(self, request: TrainRequest) -> int:
        with self.database.write() as session:
            return submit_training(session, request, Catalog(None)).id

    def row(self, job: int) -> Job:
        with self.database.read() as session:
            return session.get_one(Job, job)

    def wait(self, job: int, condition: Callable[[Job], bool], poll: float = 0.02) -> Job:
        deadline = time.monotonic() + PATIENCE
        while not condition(row := self.row(job)):
            if row.status == "failed" or time.monotonic() > deadline:
                sys.exit(f"Job {job} is {row.status} at step {row.step}: {row.error}\n{self.log(row)[-3000:]}")
            time.sleep(poll)
        return row

    def log(self, row: Job) -> str:
        return (self.store.logs / row.log).read_text() if row.log else ""

    def weights(self, row: Job) -> dict[str, bytes]:
        assert row.version is not None
        folder = self.store.version(row.version.model.name, row.version.number)
        return {path.name: path.read_bytes() for path in sorted(folder.glob("*.safetensors"))}


def undisturbed(studio: Studio, request: TrainRequest) -> Job:
    job = studio.submit(request)
    return studio.wait(job, lambda row: row.status == "succeeded")


def disturbed(studio: Studio, request: TrainRequest, kills: int, chance: random.Random) -> tuple[Job, list[str]]:
    """Kill the run at random steps, spread over all of it, and take it up again until it is done; what happened, a line a kill."""
    job = studio.submit(request)
    half_written = studio.store.checkpoint(job).with_suffix(".tmp")
    told = []
    for number, target in enumerate(sorted(chance.randrange(request.hyperparameters["steps"] * 9 // 10) for _ in range(kills))):
        moment = MOMENTS[number % len(MOMENTS)]
        studio.wait(job, lambda row: row.status in ACTIVE)
        left = written(half_written)  # by a kill before
        if moment == "starting":
            time.sleep(chance.uniform(0.0, 3.0))
        else:
            studio.wait(job, trains_at(target))
            time.sleep(chance.uniform(0.0, 0.6))
        if moment == "writing a checkpoint":
            deadline = time.monotonic() + PATIENCE
            while written(half_written) in (None, left) and time.monotonic() < deadline:
                pass
        row = studio.row(job)
        if row.status not in ACTIVE or row.pid is None:
            sys.exit(
                f"At kill {number + 1}, the run is {row.status} already. {row.error or 'It needs more --steps.'}\n{studio.log(row)[-3000:]}"
            )
        os.kill(row.pid, signal.SIGKILL)
        half = written(half_written) not in (None, left)
        buried = studio.wait(job, has_left(row.pid))
        if buried.status == "interrupted":
            with studio.database.write() as session:
                session.get_one(Job, job).resume(checkpoint=True)
        how = "resumed" if buried.status == "interrupted" else "by itself"
        told.append(f"{number + 1:4}  {moment:20}  {row.step:6}  {'half-written' if half else 'whole':12}  {how:9}")

    row = studio.wait(job, lambda row: row.status == "succeeded")
    went_on = [re.search(r"Going on from step (\d+)", text) for text in studio.log(row).split("Taken up again")[1:]]
    return row, [f"{line}  {found[1] if found else '–':>5}" for line, found in zip(told, went_on, strict=True)]


def written(path: Path) -> int | None:
    """When the file was last written to; None where there is none."""
    try:
        return path.stat().st_mtime_ns
    except FileNotFoundError:
        return None


def trains_at(step: int) -> Callable[[Job], bool]:
    return lambda row: row.status == "succeeded" or (row.images_per_second is not None and row.step >= step)


def has_left(pid: int) -> Callable[[Job], bool]:
    """Whether a job was buried after this process, and either waits for somebody or has the next one."""
    return lambda row: row.status == "interrupted" or (row.status in ACTIVE and row.pid != pid)


async def run(request: TrainRequest, kills: int, seed: int) -> bool:
    with tempfile.TemporaryDirectory() as folder:
        studio = Studio(Path(folder))
        async with studio.supervisor():
            calm = await asyncio.to_thread(undisturbed, studio, request)
            print(f"Undisturbed: {calm.step} steps.", flush=True)
            row, lines = await asyncio.to_thread(disturbed, studio, request, kills, random.Random(seed))
        print(
            "kill  moment                  step  checkpoint    taken up    from (–: no checkpoint yet, or killed again before it went on)"
        )
        print(*lines, sep="\n")
        first, second = studio.weights(calm), studio.weights(row)
        for name in first:
            print(f"{name}: {len(first[name])} bytes, {'the same' if first[name] == second[name] else 'NOT the same'}")
        return first == second


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--architecture", default="dcgan")
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--steps", type=int, default=3000)
    parser.add_argument("--seed", type=int, default=0, help="of the moments")
    arguments = parser.parse_args()
    request = TrainRequest(
        architecture=arguments.architecture,
        dataset="shapes",
        dataset_options={"count": 512},
        model="crashes",
        preset="debug",
        hyperparameters={"steps": arguments.steps},
    )
    same = asyncio.run(run(request, arguments.kills, arguments.seed))
    print(f"{arguments.kills} kills: " + ("the weights are the same, bit for bit." if same else "the weights are NOT the same."))
    sys.exit(0 if same else 1)


if __name__ == "__main__":
    main()
