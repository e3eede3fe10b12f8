"""Draws the pictures of docs/style-transfer.md: three contents in three styles, by the default settings.

Contents are two photographs that come with scikit-learn (CC BY 2.0: "China" by mckeane, "Flower" by dany13) and an emoji (OpenMoji,
CC BY-SA 4.0).

    OMP_NUM_THREADS=2 python docs/styles.py [--size 384] [--out docs/images/style-transfer.jpg]
"""

import argparse
import time
from pathlib import Path

import numpy as np
import sklearn.datasets
import torch
from PIL import Image

from atelier.datasets.catalog import open_dataset
from atelier.models.devices import pick_device
from atelier.styletransfer import methods
from atelier.styletransfer.base import Style
from atelier.styletransfer.gallery import draw
from atelier.styletransfer.networks import open_network
from atelier.styletransfer.pictures import from_pixels

STYLES = ("impasto", "woodcut", "stained-glass")
EMOJI = "a camel"
CELL, GAP = 245, 6  # pixels


def contents() -> list[np.ndarray]:
    emoji = open_dataset("emoji", {})
    index = next(index for index, item in enumerate(emoji.items) if item.captions[0] == EMOJI)
    photographs = [sklearn.datasets.load_sample_image(name) for name in ("china.jpg", "flower.jpg")]
    return [*photographs, emoji.draw(index, 512)]


def square(pixels: np.ndarray) -> Image.Image:
    image = Image.fromarray(pixels)
    side = min(image.size)
    left, top = (image.width - side) // 2, (image.height - side) // 2
    return image.crop((left, top, left + side, top + side)).resize((CELL, CELL), Image.Resampling.LANCZOS)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", type=int, default=384)
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "images" / "style-transfer.jpg")
    options = parser.parse_args()
    device = pick_device()
    network = open_network("auto", Path("models_store/features"), device)
    pyramid = methods["pyramid"]
    shown = contents()
    styles = [draw(name, 1024) for name in STYLES]
    sheet = Image.new("RGB", ((CELL + GAP) * (len(shown) + 1) - GAP, (CELL + GAP) * (len(styles) + 1) - GAP), "white")

    def place(pixels: np.ndarray, column: int, row: int) -> None:
        sheet.paste(square(pixels), (column * (CELL + GAP), row * (CELL + GAP)))

    for row, (name, style) in enumerate(zip(STYLES, styles, strict=True), start=1):
        place(style, 0, row)
        for column, content in enumerate(shown, start=1):
            place(content, column, 0)
            began = time.perf_counter()
            transfer = pyramid(
                pyramid.hyperparameters(size=options.size), network, from_pixels(content.copy()), [Style(from_pixels(style))]
            )
            for _ in transfer.ticks():
                pass
            place(transfer.pixels(), column, row)
            seconds = time.perf_counter() - began
            print(
                f"{name}, content {column}: {seconds:.1f} s, {transfer.width} x {transfer.height}, {torch.get_num_threads()} threads",
                flush=True,
            )
    sheet.save(options.out, quality=85)


if __name__ == "__main__":
    main()
