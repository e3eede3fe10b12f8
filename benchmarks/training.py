"""What Atelier's training loop costs.

(a) Images a second of the loop with everything on, against a plain PyTorch loop of the same networks. The plain loop is the one of
    pytorch/examples (dcgan/main.py): a DataLoader, one fake batch for both networks, no average, no guard, no previews, no checkpoints.
    Both train the same networks with the same losses and augmentation from the same weights; they take turns, so that a noisy machine
    disturbs both alike. Prints the ratio of each round and their median: above 1, ours is faster.
(b) The share of a step that waits for data, on many pictures, their files not in memory at first.
(c) The share of a real run that goes into previews, log lines, metrics and checkpoints: the job's own code on a store of its own.

    python benchmarks/training.py [a] [b] [c] [--resolution 64] [--rounds 5] [--seconds 12] [--images 50000]
"""

import argparse
import contextlib
import logging
import os
import statistics
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

import psutil
import torch
from PIL import Image
from torch.nn.functional import relu
from torch.utils.data import DataLoader, TensorDataset

from atelier.datasets.cache import PreparedDataset, prepare
from atelier.datasets.catalog import open_dataset
from atelier.jobs import progress, train
from atelier.jobs.queue import submit_training
from atelier.jobs.recorder import Recorder
from atelier.jobs.specs import TrainRequest
from atelier.models.augment import diff_augment
from atelier.models.dcgan import DCGAN, DCGANHyperparameters
from atelier.models.devices import pick_device
from atelier.registry.database import Database, migrate
from atelier.registry.store import Store
from atelier.settings import Settings
from atelier.training import checkpoint
from atelier.training.loop import Tick, Training


class Enough(Exception):
    """The time is over."""


# ------------------------------------------------------------------------------------------------------------- (a) the loop


def plain(hp: DCGANHyperparameters, data: PreparedDataset, device: torch.device, seconds: float) -> float:
    """The loop of pytorch/examples, with this architecture's networks and losses → images a second."""
    torch.manual_seed(0)
    model = DCGAN(hp, data.spec).to(device)
    generator, discriminator = model.generator, model.discriminator
    betas = hp.adam_beta1, hp.adam_beta2
    d_opt = torch.optim.Adam(discriminator.parameters(), hp.discriminator_learning_rate, betas)
    g_opt = torch.optim.Adam(generator.parameters(), hp.generator_learning_rate, betas)
    images = torch.from_numpy(data.images.copy()).permute(0, 3, 1, 2).float().div(127.5).sub(1).contiguous()
    loader = DataLoader(TensorDataset(images), hp.batch_size, shuffle=True, drop_last=True)

    def batches() -> Iterator[torch.Tensor]:
        while True:
            yield from (batch[0] for batch in loader)

    steps, start = 0, time.perf_counter()
    for real in batches():
        discriminator.zero_grad()
        loss_real = relu(hp.hinge_margin - discriminator(diff_augment(real.to(device), hp.augment))).mean()
        loss_real.backward()
        fake = generator(torch.randn(hp.batch_size, hp.latent_dim, device=device))
        loss_fake = relu(hp.hinge_margin + discriminator(diff_augment(fake.detach(), hp.augment))).mean()
        loss_fake.backward()
        d_opt.step()
        generator.zero_grad()
        loss = -discriminator(diff_augment(fake, hp.augment)).mean()
        loss.backward()
        g_opt.step()
        (loss_real + loss_fake).item(), loss.item()
        steps += 1
        if time.perf_counter() - start > seconds:
            break
    return steps * hp.batch_size / (time.perf_counter() - start)


def ours(hp: DCGANHyperparameters, data: PreparedDataset, device: torch.device, seconds: float) -> float:
    """The loop with flips, average, guard and metrics, reporting twice a second, a preview and a checkpoint every ten."""
    torch.manual_seed(0)
    training = Training(DCGAN(hp, data.spec), data, hp, device=device, seed=0)
    start = saved = time.perf_counter()

    with tempfile.TemporaryDirectory() as folder:

        def on_tick(tick: Tick) -> None:
            nonlocal saved
            if time.perf_counter() - saved > 10:
                Image.fromarray(training.preview().reshape(-1, data.spec.resolution, data.spec.channels).squeeze()).save(
                    Path(folder) / "preview.png"
                )
                checkpoint.save(Path(folder) / "checkpoint.pt", training.state_dict())
                saved = time.perf_counter()
            if time.perf_counter() - start > seconds:
                raise Enough

        with contextlib.suppress(Enough):
            training.run(on_tick)
        return training.images_seen / (time.perf_counter() - start)


def compare(folder: Path, resolution: int, rounds: int, seconds: float, chosen: dict[str, Any]) -> None:
    device = pick_device()
    data = prepare(open_dataset("shapes", {"count": 5000}), resolution, folder)
    hp = DCGAN.Hyperparameters(resolution=resolution, steps=10**7, split="all", **chosen)
    ratios = []
    for number in range(rounds):
        pair = [measure(hp, data, device, seconds) for measure in ((plain, ours) if number % 2 else (ours, plain))]
        slow, fast = pair if number % 2 else reversed(pair)
        ratios.append(fast / slow)
        print(f"(a) round {number + 1}: plain {slow:6.0f} images/s, Atelier {fast:6.0f} images/s, ratio {ratios[-1]:.2f}", flush=True)
    print(f"(a) median ratio {statistics.median(ratios):.2f} (DCGAN, {resolution} px, batch {hp.batch_size}, {device.type})", flush=True)


# ------------------------------------------------------------------------------------------------------------ (b) the data


def wait_for_data(folder: Path, resolution: int, count: int, seconds: float) -> None:
    device = pick_device()
    data = prepare(open_dataset("shapes", {"count": count}), resolution, folder)
    forget = Path("/proc/sys/vm/drop_caches")
    with contextlib.suppress(OSError):  # root alone may
        subprocess.run(["sync"], check=True)
        forget.write_text("1")
    for name, hp in (
        (
            "a small network, so that data are asked for often",
            DCGAN.hyperparameters("debug", resolution=resolution, batch_size=64, steps=10**7),
        ),
        ("the default network", DCGAN.Hyperparameters(resolution=resolution, steps=10**7)),
    ):
        training = Training(DCGAN(hp, data.spec), data, hp, device=device, seed=0)  # type: ignore[arg-type]
        began = time.perf_counter()

        def on_tick(tick: Tick, began: float = began) -> None:
            if time.perf_counter() - began > seconds:
                raise Enough

        with contextlib.suppress(Enough):
            training.run(on_tick)
        took = time.perf_counter() - began
        share = training.batches.waited / took
        print(f"(b) {count} pictures of {resolution} px, {name}: {training.images_seen / took:.0f} images/s, "
              f"{share:.2%} of the time waiting for data", flush=True)  # fmt: skip


# ------------------------------------------------------------------------------------------------- (c) what a run leaves behind


def overhead(folder: Path, seconds: float) -> None:
    """A run by the clock, in this process, as the job does it."""
    settings = Settings(store_dir=folder, database_url=f"sqlite+aiosqlite:///{folder}/atelier.db", _env_file=None)
    migrate(settings.resolved_database_url)
    database, store = Database(settings.resolved_database_url), Store(folder)
    request = TrainRequest(architecture="dcgan", dataset="emoji", model="bench", preset="quick", hyperparameters={"minutes": seconds / 60})
    with database.write() as session:
        job = submit_training(session, request, train.Catalog(store.sources))
        job.claim("log.txt", os.getpid(), psutil.Process().create_time())
        job.start()
    spent = {"previews": 0.0, "checkpoints": 0.0, "everything": 0.0}

    def timed(owner: Any, method: str, what: str) -> None:
        original = getattr(owner, method)

        def measured(*arguments: Any, **named: Any) -> Any:
            began = time.perf_counter()
            try:
                return original(*arguments, **named)
            finally:
                spent[what] += time.perf_counter() - began

        setattr(owner, method, measured)

    timed(progress.Progress, "_preview", "previews")
    timed(progress.Progress, "save_checkpoint", "checkpoints")
    timed(progress.Progress, "__call__", "everything")
    logging.basicConfig(filename=folder / "log.txt", level=logging.INFO)
    began = time.perf_counter()
    train.run(job.spec, Recorder(database, job.id), store, settings)
    took = time.perf_counter() - began
    database.dispose()
    shares = ", ".join(f"{what} {value / seconds:.2%}" for what, value in spent.items())
    print(f"(c) DCGAN quick on emoji, {seconds:.0f} s of training ({took:.0f} s with the start and the end): {shares}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("parts", nargs="*", default=[], help="a, b, c; all of them without any")
    parser.add_argument("--resolution", type=int, default=64)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=12)
    parser.add_argument("--images", type=int, default=50_000)
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="a hyper-parameter of (a)")
    arguments = parser.parse_args()
    parts = arguments.parts or ["a", "b", "c"]
    with tempfile.TemporaryDirectory() as folder:
        if "a" in parts:
            chosen = dict(pair.split("=", 1) for pair in arguments.set)
            compare(Path(folder) / "a", arguments.resolution, arguments.rounds, arguments.seconds, chosen)
        if "b" in parts:
            wait_for_data(Path(folder) / "b", arguments.resolution, arguments.images, 2 * arguments.seconds)
        if "c" in parts:
            overhead(Path(folder) / "c", 10 * arguments.seconds)


if __name__ == "__main__":
    main()
