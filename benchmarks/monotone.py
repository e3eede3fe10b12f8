"""Whether scores grow with what is done to pictures: distances (lite0) of the second half of a data set to the first.

noise      added to each pixel, a normal one whose standard deviation is a share of the range of values
blur       by a normal curve whose standard deviation is so many pixels
collapse   a share of the pictures is replaced by others of one class alone, each as good as it was

Each row must rise from left to right, beginning with the untouched half; the command fails where a Fréchet distance does not.

    OMP_NUM_THREADS=1 python benchmarks/monotone.py [--count 500] [--store DIR] [digits shapes emoji …]
"""

import argparse
import sys
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import torch
from scipy.ndimage import gaussian_filter
from scores import CPU, open_data, pictures_of

from atelier.datasets.cache import PreparedDataset
from atelier.metrics.features import features_of, open_network
from atelier.metrics.frechet import Gaussian, frechet_distance
from atelier.metrics.kid import kernel_distance

RESOLUTION = 32
Pixels = torch.Tensor  # uint8 [N, C, H, W]


def noisy(images: Pixels, share: float) -> Pixels:
    noise = torch.randn(images.shape, generator=torch.Generator().manual_seed(0))
    return (images + 255 * share * noise).round().clamp(0, 255).to(torch.uint8)


def blurred(images: Pixels, pixels: float) -> Pixels:
    return torch.from_numpy(gaussian_filter(images.numpy().astype(np.float32), (0, 0, pixels, pixels)).round().astype(np.uint8))


def halves(data: PreparedDataset, count: int) -> tuple[Pixels, Pixels, Callable[[Pixels, float], Pixels]]:
    """The real half, the other, and what collapses that one to the class that the data set has most pictures of."""
    rows = np.random.default_rng(0).permutation(len(data.images))
    real, other = np.sort(rows[:count]), rows[count : 2 * count]
    labels = np.asarray(data.labels)
    same = np.flatnonzero(labels == np.bincount(labels).argmax())
    alike = np.resize(np.setdiff1d(same, real, assume_unique=True), len(other))

    def collapsed(images: Pixels, share: float) -> Pixels:
        replaced = round(share * len(images))
        return torch.cat([pictures_of(data, alike[:replaced]), images[replaced:]])

    return pictures_of(data, real), pictures_of(data, other), collapsed


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("datasets", nargs="*", default=["digits", "shapes", "emoji"], metavar="DATASET")
    parser.add_argument("--count", type=int, default=500, help="pictures of either half, at most half of all")
    parser.add_argument("--store", type=Path, help="folder to prepare the data sets in")
    arguments = parser.parse_args()
    store = arguments.store or Path(tempfile.mkdtemp(prefix="monotone-"))
    network = open_network("lite0", store, CPU)
    fell = False
    for name in arguments.datasets:
        data = open_data(store, RESOLUTION, dataset=name, options={}, pictures=None)
        real, other, collapsed = halves(data, min(arguments.count, len(data.images) // 2))
        seen = features_of(network, real)
        reference = Gaussian.of(seen)
        print(f"{name}, {len(real)} against {len(other)} pictures of {RESOLUTION} px", flush=True)
        ways: Mapping[str, tuple[Callable[[Pixels, float], Pixels], tuple[float, ...]]] = {
            "noise": (noisy, (0.02, 0.05, 0.1, 0.2)),
            "blur": (blurred, (0.5, 1.0, 1.5, 2.0)),
            "collapse": (collapsed, (0.25, 0.5, 0.75, 1.0)),
        }
        untouched = features_of(network, other)
        for way, (spoil, levels) in ways.items():
            sets = [untouched, *(features_of(network, spoil(other, level)) for level in levels)]
            distances = [frechet_distance(reference, Gaussian.of(features)) for features in sets]
            kernels = [1000 * kernel_distance(seen, features, subsets=25).value for features in sets]
            fell |= not all(np.diff(distances) > 0)
            print(f"  {way:9}" + "".join(f"{level:>9}" for level in (0, *levels)))
            for title, values in {"FD": distances, "KID·10³": kernels}.items():
                row = "".join(f"{value:9.2f}" for value in values)
                print(f"    {title:7}{row}   {'rises' if all(np.diff(values) > 0) else 'falls'}", flush=True)
    sys.exit(fell)


if __name__ == "__main__":
    main()
