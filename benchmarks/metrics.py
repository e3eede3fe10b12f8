"""What a score costs, side by side with the libraries that people use, in CPU seconds of one thread.

trace: The Fréchet trace of 2,048 features: ours, pytorch-fid's matrix root and torchmetrics' eigenvalues. The features are synthetic:
correlated, with a spectrum that falls, cut off at 0 as a network's are. The real set's factor is kept with it, as it is when several
sets are held against one; what the first distance to it takes more is given as well. Of 5,000 images, or of 1,000, whose covariance is
singular.

second: A second FID against the same real set, end to end, from a folder of pictures and the network's file: pytorch-fid looks at both
folders, or reads the real set's .npz and looks at one; ours reads the same statistics and looks at one. The same Inception of random
weights, for they take as long as trained ones; the filters differ (pytorch-fid's is not that of the original), and so the values do.

memory: The peak of a process that takes the statistics of N images, and of 8 N, through a small network.

Processor time, so that other work on the machine disturbs little; one after the other in one run.

    OMP_NUM_THREADS=1 python benchmarks/metrics.py [trace] [second] [memory] [--images 5000] [--features 2048] [--pictures 96] [--size 64]
"""

import argparse
import hashlib
import resource
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

import numpy as np
import scipy.linalg
import torch
from PIL import Image
from pytorch_fid import fid_score
from pytorch_fid import inception as theirs
from torch import Tensor, nn
from torchmetrics.image.fid import _compute_fid

from atelier.featurefiles import NETWORKS, add
from atelier.metrics.features import FeatureNetwork, features_of, open_network
from atelier.metrics.frechet import Gaussian, frechet_distance

CPU = torch.device("cpu")
REALS = 5000
REPEATS = 3  # of ours, which is over soon
BATCH = 64


def features(n: int, d: int, seed: int) -> Tensor:
    """[n, d] in float64."""
    generator = torch.Generator().manual_seed(seed)
    mix = torch.randn(d, d, generator=torch.Generator().manual_seed(1000), dtype=torch.float64) / d**0.5
    scales = torch.arange(1, d + 1, dtype=torch.float64) ** -0.5
    return ((torch.randn(n, d, generator=generator, dtype=torch.float64) * scales) @ mix + 0.05 * seed).relu()


def timed(compute: Callable[[], float]) -> tuple[float, float]:
    """What it gives, and CPU seconds."""
    start = time.process_time()
    value = compute()
    return value, time.process_time() - start


def sqrtm(matrix: np.ndarray, disp: bool = True) -> object:
    """SciPy's, called as pytorch-fid 0.3 does: 1.18 took `disp` away."""
    root = scipy.linalg.sqrtm(matrix)
    return root if disp else (root, None)


def trace(images: int, dimensions: int) -> None:
    real, generated = Gaussian.of(features(REALS, dimensions, 0)), Gaussian.of(features(images, dimensions, 1))

    def fresh() -> Gaussian:
        """The generated set without its factor: each distance is to another set."""
        return Gaussian(generated.mean, generated.covariance, generated.count)

    _, first = timed(lambda: frechet_distance(real, fresh()))
    found = [timed(lambda: frechet_distance(real, fresh())) for _ in range(REPEATS)]
    value, ours = found[0][0], sum(seconds for _, seconds in found) / REPEATS
    pairs = (real.mean, real.covariance, generated.mean, generated.covariance)
    others = {
        "torchmetrics": timed(lambda: float(_compute_fid(*pairs))),
        "pytorch-fid": timed(lambda: float(fid_score.calculate_frechet_distance(*(part.numpy() for part in pairs)))),
    }
    print(f"trace: {images:,} images, {dimensions:,} features, {REALS:,} real images")
    print(f"{'':22}{'distance':>16}{'CPU s':>8}{'ratio':>8}")
    print(f"{'ours':22}{value:16.10f}{ours:8.2f}{1:8.1f}   (the first to a real set: {first:.2f})")
    for name, (distance, seconds) in others.items():
        print(f"{name:22}{distance:16.10f}{seconds:8.2f}{seconds / ours:8.1f}")


# ------------------------------------------------------------------------------------------------------------------------- second


def draw(folder: Path, count: int, size: int, seed: int) -> None:
    """Clouds, as PNG files."""
    folder.mkdir()
    generator = torch.Generator().manual_seed(seed)
    for index in range(count):
        coarse = torch.rand(1, 3, 4 + seed, 4 + seed, generator=generator)
        pixels = (nn.functional.interpolate(coarse, (size, size), mode="bicubic").clamp(0, 1) * 255).byte()
        Image.fromarray(pixels[0].permute(1, 2, 0).numpy()).save(folder / f"{index:05}.png")


def random_weights() -> dict[str, Tensor]:
    """Of pytorch-fid's Inception, so that activations neither grow nor vanish."""
    nothing = patch.object(theirs, "load_state_dict_from_url", lambda *args, **options: {})
    with torch.device("meta"), nothing, patch.object(nn.Module, "load_state_dict"):
        layout = theirs.fid_inception_v3().state_dict()
    generator, state = torch.Generator().manual_seed(0), {}
    for name, like in layout.items():
        if like.ndim > 1:
            state[name] = torch.randn(like.shape, generator=generator) * (2 / like[0].numel()) ** 0.5
        else:
            state[name] = torch.ones(like.shape) if name.endswith(("bn.weight", "running_var")) else torch.zeros(like.shape)
    return state


def publish(state: dict[str, Tensor], folder: Path) -> Path:
    """Save the weights as the published file is, and have it added."""
    (published,) = NETWORKS["inception"].files
    path = folder / published.file
    torch.save(state, path)
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    with patch.dict(NETWORKS, {"inception": replace(NETWORKS["inception"], files=(replace(published, sha256=digest),))}):
        add(path, folder)
    return path


class Clock:
    """CPU and wall seconds by name."""

    def __init__(self) -> None:
        self.spent: dict[str, np.ndarray] = {}

    @contextmanager
    def __call__(self, name: str) -> Iterator[None]:
        start = np.array([time.process_time(), time.perf_counter()])
        yield
        self.spent[name] = np.array([time.process_time(), time.perf_counter()]) - start

    def of(self, name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        def clocked(*args: Any, **options: Any) -> Any:
            with self(f"{name} {Path(args[0]).name}" if isinstance(args[0], str) else name):
                return function(*args, **options)

        return clocked


def second(count: int, size: int) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for seed, of in enumerate(("real", "generated")):
            draw(folder / of, count, size, seed)
        file, clock = publish(random_weights(), folder), Clock()

        with (
            patch.object(theirs, "load_state_dict_from_url", lambda *args, **options: torch.load(file, weights_only=True)),
            patch.object(fid_score, "compute_statistics_of_path", clock.of("their", fid_score.compute_statistics_of_path)),
            clock("pytorch-fid"),
        ):
            paths = [str(folder / "real"), str(folder / "generated")]
            value = fid_score.calculate_fid_given_paths(paths, batch_size=32, device=CPU, dims=2048, num_workers=0)

        def statistics_of(pictures: Path) -> Gaussian:
            network = open_network("inception", folder, CPU)
            pixels = [torch.from_numpy(np.array(Image.open(path).convert("RGB"))).permute(2, 0, 1) for path in sorted(pictures.iterdir())]
            return Gaussian.of(features_of(network, torch.stack(pixels)))

        statistics_of(folder / "real").save(folder / "real.npz")
        with clock("ours"):
            found = frechet_distance(Gaussian.load(folder / "real.npz"), statistics_of(folder / "generated"))

    ours = clock.spent["ours"]
    rows = {
        "ours": (found, ours),
        "pytorch-fid": (value, clock.spent["pytorch-fid"]),
        "pytorch-fid, from .npz": (value, clock.spent["pytorch-fid"] - clock.spent["their real"]),
    }
    print(f"second: {count:,} generated images of {size} px against {count:,} real ones")
    print(f"{'':24}{'distance':>14}{'CPU s':>8}{'ratio':>8}{'wall s':>8}{'ratio':>8}")
    for label, (distance, spent) in rows.items():
        print(f"{label:24}{distance:14.6f}{spent[0]:8.2f}{spent[0] / ours[0]:8.1f}{spent[1]:8.2f}{spent[1] / ours[1]:8.1f}")
    print(f"of pytorch-fid's, looking at the generated images: {clock.spent['their generated'][0]:.2f} CPU s")


# ------------------------------------------------------------------------------------------------------------------------- memory


class Small(FeatureNetwork):
    name, title, dim, resize = "small", "Small", 64, "none"

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Conv2d(3, 16, 3, 2), nn.ReLU(), nn.Conv2d(16, self.dim, 3, 2), nn.ReLU())

    def forward(self, images: Tensor) -> Tensor:
        found: Tensor = self.layers(images / 127.5 - 1).mean(dim=(2, 3))
        return found


def peak(images: int) -> None:
    """Megabytes at the most while the statistics of so many images are taken: printed, for whoever started this process."""
    network, generator = Small().eval().requires_grad_(False), torch.Generator().manual_seed(0)
    batches = (torch.randint(256, (BATCH, 3, 32, 32), dtype=torch.uint8, generator=generator) for _ in range(images // BATCH))
    Gaussian.of_batches(features_of(network, batch) for batch in batches)
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1024 if sys.platform == "linux" else 1024**2))


def memory(images: int) -> None:
    print(f"memory: statistics of images of 32 px, {BATCH} at a time")
    for count in (images, 8 * images):
        child = subprocess.run([sys.executable, __file__, "--peak", str(count)], capture_output=True, text=True, check=True)
        print(f"{count:10,} images: {float(child.stdout):8.1f} MB at most")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("parts", nargs="*", choices=["trace", "second", "memory", []], help="all of them by default")
    parser.add_argument("--images", type=int, default=5000, help="trace: generated images")
    parser.add_argument("--features", type=int, default=2048, help="trace: features")
    parser.add_argument("--pictures", type=int, default=96, help="second: of either set")
    parser.add_argument("--size", type=int, default=64, help="second: px")
    parser.add_argument("--peak", type=int, help=argparse.SUPPRESS)
    args = parser.parse_args()
    fid_score.linalg = SimpleNamespace(sqrtm=sqrtm)
    warnings.simplefilter("ignore")  # SciPy's, of singular matrices
    torch.set_num_threads(1)
    if args.peak is not None:
        peak(args.peak)
        return
    parts = args.parts or ["trace", "second", "memory"]
    if "trace" in parts:
        trace(args.images, args.features)
    if "second" in parts:
        second(args.pictures, args.size)
    if "memory" in parts:
        memory(2048)


if __name__ == "__main__":
    main()
