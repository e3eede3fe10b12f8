"""The Fréchet trace of 2,048 features, in CPU seconds: ours, pytorch-fid's matrix root and torchmetrics' eigenvalues, side by side.

The features are synthetic: correlated, with a spectrum that falls, cut off at 0 as a network's are. The real set's factor is kept with
it, as it is when several sets are held against one; what the first distance to it takes more is given as well. Of 5,000 images, or of
1,000, whose covariance is singular. CPU seconds of the process, so that other work on the machine disturbs little; one after the
other in one run, on one thread.

    OMP_NUM_THREADS=1 python benchmarks/metrics.py [--images 5000] [--features 2048]
"""

import argparse
import time
import warnings
from collections.abc import Callable
from types import SimpleNamespace

import numpy as np
import scipy.linalg
import torch
from pytorch_fid import fid_score
from torch import Tensor
from torchmetrics.image.fid import _compute_fid

from atelier.metrics.frechet import Gaussian, frechet_distance

REALS = 5000
REPEATS = 3  # of ours, which is over soon


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


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=int, default=5000, help="generated images")
    parser.add_argument("--features", type=int, default=2048)
    args = parser.parse_args()
    fid_score.linalg = SimpleNamespace(sqrtm=sqrtm)
    warnings.simplefilter("ignore")  # SciPy's, of singular matrices
    torch.set_num_threads(1)

    real, generated = Gaussian.of(features(REALS, args.features, 0)), Gaussian.of(features(args.images, args.features, 1))

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
    print(f"{args.images:,} images, {args.features:,} features, {REALS:,} real images")
    print(f"{'':14}{'distance':>16}{'CPU s':>8}{'ratio':>8}")
    print(f"{'ours':14}{value:16.10f}{ours:8.2f}{1:8.1f}   (the first to a real set: {first:.2f})")
    for name, (theirs, seconds) in others.items():
        print(f"{name:14}{theirs:16.10f}{seconds:8.2f}{seconds / ours:8.1f}")


if __name__ == "__main__":
    main()
