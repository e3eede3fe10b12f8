"""How good the pictures are: ours against the plain recipe, for the same processor time, on the same data.

For each seed two processes train side by side, one thread each, so that a noisy machine disturbs both alike; each stops when the
processor time that it has spent in training reaches the budget, and leaves 5,000 pictures, its weights and a grid in the folder --out,
where a run that is already there is not trained again.

ours      the architecture's preset through Atelier's training loop, its schedule stretched over the budget; the averaged generator
baseline  the recipe of pytorch/examples (dcgan/main.py): batch norm in both networks, binary cross-entropy, Adam 2e-4 (0.5, 0.999),
          batches of 64, no average, no augmentation; with the widths of ours, the same flips, and by default the same precision, which
          makes it twice as fast as it ships where the processor has AMX. Its generator is measured twice, with batch norm's running
          statistics as one would serve it, and with those of batches of 64 as the recipe draws its own previews; the better one counts

What the scores are stands in scores.py.

    python benchmarks/quality.py --dataset emoji --out DIR [--cpu-minutes 20] [--seeds 0 1] [--set key=value]
    python benchmarks/quality.py --folder ../shared/data/clothing --out DIR
"""

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

import numpy as np
import torch
from safetensors.torch import save_file
from scores import CPU, SAMPLES, Reference, describe, grid, open_data, pictures_of, quantised, samples_of, table
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits

from atelier.datasets.cache import PreparedDataset
from atelier.models import architectures
from atelier.models.base import latents
from atelier.models.devices import pick_precision
from atelier.models.layers import initialise
from atelier.training.loop import Training

TOLD_SECONDS = 60.0
ONE_THREAD = {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1", "OMP_WAIT_POLICY": "PASSIVE"}

# ---------------------------------------------------------------------------------------------------------------- training


@dataclass(frozen=True)
class Run:
    """What decides a run's pictures, but for its seed; kept beside them."""

    kind: str  # "ours" or "baseline"
    fingerprint: str  # of the data
    cpu_minutes: float
    architecture: str
    hyperparameters: dict[str, Any]
    precision: str


def train(run: Run, seed: int, data: PreparedDataset, folder: Path) -> None:
    """Train one, and leave what it draws in the folder, which appears when all is there."""
    torch.set_num_threads(1)
    folder.with_suffix(".tmp").mkdir(parents=True, exist_ok=True)
    began = time.perf_counter()
    counts, networks, sampled = (ours if run.kind == "ours" else baseline)(run, seed, data, f"{folder.name:>16}")
    counts["wall_seconds"] = time.perf_counter() - began
    for name, samples in sampled.items():
        np.save(folder.with_suffix(".tmp") / f"{name}.npy", samples.numpy())
        grid(samples, folder.with_suffix(".tmp") / f"{name}.png")
    weights = {f"{name}.{key}": value.contiguous() for name, network in networks.items() for key, value in network.state_dict().items()}
    save_file(weights, folder.with_suffix(".tmp") / "weights.safetensors")
    parameters = {name: sum(p.numel() for p in network.parameters()) for name, network in networks.items()}
    told = {"run": asdict(run), "seed": seed, "parameters": parameters, **counts}
    (folder.with_suffix(".tmp") / "run.json").write_text(json.dumps(told, indent=1))
    folder.with_suffix(".tmp").rename(folder)


Trained = tuple[dict[str, float], dict[str, nn.Module], dict[str, Tensor]]  # counts, networks by name, pictures by name


class Budget:
    """Processor time of this process, all threads, since it began to train."""

    def __init__(self, minutes: float, name: str) -> None:
        self.seconds, self.name = 60 * minutes, name
        self.began = time.process_time()
        self.told = 0.0

    def spent(self, images: int) -> float:
        spent = time.process_time() - self.began
        if spent - self.told >= TOLD_SECONDS:
            self.told = spent
            print(f"{self.name}: {spent / 60:.1f} of {self.seconds / 60:g} CPU minutes, {images:,} images", flush=True)
        return spent


def ours(run: Run, seed: int, data: PreparedDataset, name: str) -> Trained:
    cls = architectures[run.architecture]
    hp = cls.Hyperparameters.model_validate(run.hyperparameters)
    torch.manual_seed(seed)
    model = cls(hp, data.spec)
    initialise(model, hp.initialisation)
    training = Training(model, data, hp, device=CPU, seed=seed)
    budget = Budget(run.cpu_minutes, name)
    while not training.done:
        training.advance()
        training.seconds = budget.spent(training.images_seen)  # so that its clock, which ends it, is the processor's
    counts = {"steps": training.step, "images": training.images_seen, "cpu_seconds": training.seconds}
    networks = {"generator": training.average} | {key: net for key, net in model.named_children() if key != "generator"}
    return counts, networks, {"served": samples_of(training.average)}


def baseline(run: Run, seed: int, data: PreparedDataset, name: str) -> Trained:
    """The loop of pytorch/examples on pictures that are in memory; what it computes, and in which order, is its own."""
    torch.manual_seed(seed)
    generator, discriminator = plain_networks(data.spec.channels, data.spec.resolution, run.hyperparameters)
    optimizers = [torch.optim.Adam(network.parameters(), 2e-4, (0.5, 0.999), fused=True) for network in (discriminator, generator)]
    rows = data.rows(run.hyperparameters["split"])
    images = pictures_of(data, rows)
    flips = run.hyperparameters["flip"] and data.mirrorable
    real_label, fake_label = torch.ones(64, 1), torch.zeros(64, 1)
    steps, spent = 0, 0.0
    budget = Budget(run.cpu_minutes, name)

    def judged(pictures: Tensor, label: Tensor) -> Tensor:
        return binary_cross_entropy_with_logits(discriminator(pictures).float(), label)

    for batch in shuffled(len(images), 64):
        real = images[batch].float().div_(127.5).sub_(1)
        if flips:
            real = torch.where(torch.rand(64, 1, 1, 1) < 0.5, real, real.flip(3))
        with torch.autocast("cpu", torch.bfloat16, enabled=run.precision == "bfloat16"):
            discriminator.zero_grad()
            judged(real, real_label).backward()
            fake = generator(torch.randn(64, 100))
            judged(fake.detach(), fake_label).backward()
            optimizers[0].step()
            generator.zero_grad()
            judged(fake, real_label).backward()
            optimizers[1].step()
        steps += 1
        spent = budget.spent(64 * steps)
        if spent >= budget.seconds:
            break
    with torch.no_grad():
        z = latents(range(-(-SAMPLES // 64) * 64), 100)
        batches = torch.cat([quantised(generator(part)) for part in z.chunk(len(z) // 64)])[:SAMPLES]
        generator.eval()
        running = torch.cat([quantised(generator(part)) for part in z[:SAMPLES].split(64)])
    networks = {"generator": generator, "discriminator": discriminator}
    return {"steps": steps, "images": 64 * steps, "cpu_seconds": spent}, networks, {"served": running, "batch statistics": batches}


def shuffled(count: int, size: int) -> Iterator[Tensor]:
    while True:
        order = torch.randperm(count)
        yield from (order[start : start + size] for start in range(0, count - size + 1, size))


def plain_networks(channels: int, resolution: int, hyperparameters: dict[str, Any]) -> tuple[nn.Module, nn.Module]:
    """Those of pytorch/examples at another resolution and with the widths of ours.

    Transposed convolutions of, and convolutions to, a single pixel are linear maps here: the same function, and quicker.
    """
    doublings = resolution.bit_length() - 3
    width = hyperparameters.get("generator_width", 48) * 2 ** (doublings - 1)
    layers: list[nn.Module] = [nn.Linear(100, width * 16, bias=False), nn.Unflatten(1, (width, 4, 4))]
    for _ in range(doublings - 1):
        layers += [nn.BatchNorm2d(width), nn.ReLU(True), nn.ConvTranspose2d(width, width // 2, 4, 2, 1, bias=False)]
        width //= 2
    layers += [nn.BatchNorm2d(width), nn.ReLU(True), nn.ConvTranspose2d(width, channels, 4, 2, 1, bias=False), nn.Tanh()]
    generator = nn.Sequential(*layers)

    width = hyperparameters.get("discriminator_width", 32)
    layers = [nn.Conv2d(channels, width, 4, 2, 1, bias=False), nn.LeakyReLU(0.2, True)]
    for _ in range(doublings - 1):
        layers += [nn.Conv2d(width, 2 * width, 4, 2, 1, bias=False), nn.BatchNorm2d(2 * width), nn.LeakyReLU(0.2, True)]
        width *= 2
    discriminator = nn.Sequential(*layers, nn.Flatten(), nn.Linear(width * 16, 1, bias=False))
    for module in (*generator.modules(), *discriminator.modules()):
        if isinstance(module, nn.Conv2d | nn.ConvTranspose2d | nn.Linear):
            nn.init.normal_(module.weight, 0.0, 0.02)
        elif isinstance(module, nn.BatchNorm2d):
            nn.init.normal_(module.weight, 1.0, 0.02)
    for network in (generator, discriminator):
        network.to(memory_format=torch.channels_last)
    return generator, discriminator


def train_all(runs: Sequence[Run], seeds: Sequence[int], data: PreparedDataset, out: Path) -> None:
    """Those of a seed side by side."""
    for seed in seeds:
        processes = []
        for run in runs:
            folder = out / f"{run.kind}-seed{seed}"
            if folder.exists():
                found = json.loads((folder / "run.json").read_text())["run"]
                if differing := [f"{key} {found[key]}, not {value}" for key, value in asdict(run).items() if found[key] != value]:
                    sys.exit(f"{folder} holds a run with {'; '.join(differing)}. Choose another --out.")
                continue
            spec = json.dumps({"run": asdict(run), "seed": seed, "data": str(data.folder.resolve()), "folder": str(folder.resolve())})
            processes.append(subprocess.Popen([sys.executable, __file__, "--run", spec], env={**os.environ, **ONE_THREAD}))
        codes = [process.wait() for process in processes]
        if any(codes):
            sys.exit("A run has failed.")


# --------------------------------------------------------------------------------------------------------------- comparing


def measured_once(path: Path, score: Callable[[], dict[str, float]]) -> dict[str, float]:
    """Kept in a file beside what was measured."""
    if not path.exists():
        path.write_text(json.dumps(score(), indent=1))
    figures: dict[str, float] = json.loads(path.read_text())
    return figures


def mean(rows: Sequence[dict[str, float]]) -> dict[str, float]:
    return {key: float(np.mean([row[key] for row in rows])) for key in rows[0]}


def compare(runs: Sequence[Run], seeds: Sequence[int], data: PreparedDataset, out: Path) -> None:
    reference = Reference(data, runs[0].hyperparameters["split"])
    real = reference.real()
    rows: dict[str, dict[str, float]] = {}
    best: dict[str, list[dict[str, float]]] = {run.kind: [] for run in runs}
    told = {}
    for seed in seeds:
        for run in runs:
            folder = out / f"{run.kind}-seed{seed}"
            told[folder.name] = json.loads((folder / "run.json").read_text())
            ways = sorted(path.stem for path in folder.glob("*.npy"))
            scores = {
                way: measured_once(
                    folder / f"{way}.json",
                    lambda folder=folder, way=way: reference.score(torch.from_numpy(np.load(folder / f"{way}.npy"))),  # type: ignore[misc]
                )
                for way in ways
            }
            for way, score in scores.items():
                rows[f"{run.kind}, seed {seed}" + ("" if way == "served" else f", {way}")] = score
            best[run.kind].append(min(scores.values(), key=lambda score: score["fd"]))
    means = {kind: mean(scores) for kind, scores in best.items()}
    rows |= {f"{kind}, mean of the better" if kind == "baseline" else f"{kind}, mean": figures for kind, figures in means.items()}
    ratio = {key: value / means["baseline"][key] for key, value in means["ours"].items() if means["baseline"][key]}
    rows["ours / baseline"] = ratio
    rows["real against real"] = real

    describe(reference)
    for name, one in told.items():
        parameters = ", ".join(f"{part} {count / 1e6:.2f} M" for part, count in one["parameters"].items())
        print(
            f"{name}: {one['steps']:,} steps, {one['images']:,} images, {one['cpu_seconds'] / 60:.1f} CPU minutes, "
            f"{one['wall_seconds'] / 60:.1f} minutes, {one['run']['precision']}; {parameters}"
        )
    table(rows)
    better = 1 - ratio["fd"]
    way = "below" if better >= 0 else "above"
    print(f"Fréchet distance (lite0): ours is {abs(better):.0%} {way} the baseline, on the mean of {len(seeds)} seeds.")
    figures = {"conventions": reference.conventions(), "rows": rows, "runs": told, "command": sys.argv[1:], "torch": torch.__version__}
    (out / "figures.json").write_text(json.dumps(figures, indent=1))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--dataset", help="a built-in data set")
    parser.add_argument("--option", action="append", default=[], metavar="KEY=VALUE", help="of the data set, as JSON")
    parser.add_argument("--folder", type=Path, help="pictures in class folders, in place of a data set")
    parser.add_argument("--resolution", type=int, default=32)
    parser.add_argument("--architecture", default="dcgan", choices=architectures)
    parser.add_argument("--preset", default="quick")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="a hyper-parameter of ours")
    parser.add_argument("--baseline-precision", choices=["auto", "float32", "bfloat16"], default="auto", help="float32 is how it ships")
    parser.add_argument("--cpu-minutes", type=float, default=20)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1])
    parser.add_argument("--out", type=Path, help="folder of runs and figures")
    parser.add_argument("--run", help=argparse.SUPPRESS)
    arguments = parser.parse_args()

    if arguments.run:
        spec = json.loads(arguments.run)
        train(Run(**spec["run"]), spec["seed"], PreparedDataset.open(Path(spec["data"])), Path(spec["folder"]))
        return
    if arguments.out is None or (arguments.dataset is None) == (arguments.folder is None):
        parser.error("give --out, and either --dataset or --folder")

    arguments.out.mkdir(parents=True, exist_ok=True)
    options = {key: json.loads(value) for key, value in (pair.split("=", 1) for pair in arguments.option)}
    data = open_data(arguments.out / "store", arguments.resolution, dataset=arguments.dataset, options=options, pictures=arguments.folder)
    cls = architectures[arguments.architecture]
    chosen = dict(pair.split("=", 1) for pair in arguments.set)
    hp = cls.hyperparameters(arguments.preset, **{**chosen, "resolution": arguments.resolution, "minutes": arguments.cpu_minutes})
    values = hp.model_dump(mode="json")
    common = {"fingerprint": data.fingerprint, "cpu_minutes": arguments.cpu_minutes}
    shared = {key: values[key] for key in ("split", "flip", "generator_width", "discriminator_width") if key in values}
    precisions = [str(pick_precision(wanted, CPU)).removeprefix("torch.") for wanted in (hp.precision, arguments.baseline_precision)]
    runs = [
        Run(kind="ours", architecture=arguments.architecture, hyperparameters=values, precision=precisions[0], **common),
        Run(kind="baseline", architecture="pytorch/examples dcgan", hyperparameters=shared, precision=precisions[1], **common),
    ]
    train_all(runs, arguments.seeds, data, arguments.out)
    compare(runs, arguments.seeds, data, arguments.out)


if __name__ == "__main__":
    main()
