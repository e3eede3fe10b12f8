"""What an autoencoder loses and what its codes are good for, on pictures that it has never seen.

Prints, of held-out pictures: the mean squared error of reconstructions, for pixels and channels in [-1, 1]; beside it that of the trivial
answer, the mean picture of the training part, and that of reconstructions of as many training pictures (what learning by heart is worth);
the KL term; and the active units, those of which the mean varies by more than 0.01 over all held-out pictures (arXiv 1509.00519).

Writes, for people to look at: reconstructions.png (each original left of its reconstruction), interpolations.png (a row from one held-out
picture to another), samples.png (a row from one sample to another), traversals.png (a row for each of the dimensions that vary most, from
-3 to 3), and for each --attribute attribute-<name>.png (held-out pictures without it, and then with more and more of it).

    python benchmarks/vae.py models_store/versions/emoji/v1 [--out DIR] [--store DIR] [--pictures DIR] [--attribute red] [--instead-of blue]
"""

import argparse
import os
import re
from pathlib import Path

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

import numpy as np
import torch
from PIL import Image
from scores import data_of, pictures_of, quantised
from torch import Tensor

from atelier.datasets.cache import PreparedDataset
from atelier.models import artifact
from atelier.models.base import latents
from atelier.models.vae import VAE

CPU = torch.device("cpu")
LIMIT = 2048  # pictures that are measured
INTENSITIES = (0.0, 0.5, 1.0, 1.5, 2.0)


def floats(data: PreparedDataset, rows: np.ndarray) -> Tensor:
    return pictures_of(data, rows).float() / 127.5 - 1


def spread(rows: np.ndarray, count: int) -> np.ndarray:
    """So many of the rows, evenly picked."""
    return rows[np.linspace(0, len(rows) - 1, min(count, len(rows))).round().astype(int)]


def sheet(rows: Tensor, path: Path) -> None:
    """Images [rows, columns, C, H, W] as a PNG, small ones at twice their size."""
    pixels = quantised(rows).permute(0, 3, 1, 4, 2).flatten(0, 1).flatten(1, 2)  # [rows H, columns W, C]
    image = Image.fromarray(pixels.squeeze(2).contiguous().numpy())
    scale = 2 if rows.shape[-1] < 64 else 1
    image.resize((scale * image.width, scale * image.height), Image.Resampling.NEAREST).save(path)
    print(f"wrote {path}")


def has(data: PreparedDataset, name: str, rows: np.ndarray) -> np.ndarray:
    """Whether each of these pictures has the attribute, or is of the class, of this name."""
    if name in data.attribute_names:
        return data.attributes[rows, data.attribute_names.index(name)] > 0.5
    if name in data.class_names:
        return data.labels[rows] == data.class_names.index(name)
    raise SystemExit(f"there is no {name!r}; there is: {', '.join(dict.fromkeys((*data.attribute_names, *data.class_names)))}")


def mse(model: VAE, images: Tensor) -> float:
    squares = [(model.reconstruct(part) - part).square().sum() for part in images.split(64)]
    return float(torch.stack(squares).sum()) / images.numel()


def figures(model: VAE, train: Tensor, held_out: Tensor, mean_picture: Tensor) -> None:
    mean, log_variance = (torch.cat(parts) for parts in zip(*map(model.encode, held_out.split(64)), strict=True))
    kl = 0.5 * (mean.square() + log_variance.exp() - 1 - log_variance).sum(dim=1)
    active = int((mean.var(dim=0) > 0.01).sum())
    print(f"N = {len(held_out)} held-out pictures")
    print(f"reconstruction, mean squared error: {mse(model, held_out):.4f}")
    print(f"  of the mean picture: {(held_out - mean_picture).square().mean():.4f}")
    print(f"  of {len(train)} training pictures: {mse(model, train):.4f}")
    print(f"KL term: {kl.mean():.1f} nats an image")
    print(f"active units: {active} of {mean.shape[1]}")


def draw(model: VAE, data: PreparedDataset, held_out: np.ndarray, out: Path) -> None:
    shown = floats(data, spread(held_out, 64))
    pairs = torch.stack([shown, model.reconstruct(shown)], dim=1)
    sheet(pairs[: len(pairs) // 8 * 8].unflatten(0, (-1, 8)).flatten(1, 2), out / "reconstructions.png")
    ends = shown[torch.randperm(len(shown), generator=torch.Generator().manual_seed(0))[:16]]
    walks = [model.interpolate(first, second, 10) for first, second in ends.unflatten(0, (-1, 2))]
    originals = [
        torch.cat([first[None], walk, second[None]]) for (first, second), walk in zip(ends.unflatten(0, (-1, 2)), walks, strict=True)
    ]
    sheet(torch.stack(originals), out / "interpolations.png")
    z = latents(range(16), model.generator.latent_dim).unflatten(0, (-1, 2))
    sheet(torch.stack([model.interpolate_samples(first, second, 10) for first, second in z]), out / "samples.png")
    means = model.encode(floats(data, spread(held_out, 512)))[0]
    most = means.var(dim=0).argsort(descending=True)[:8]
    image = shown[len(shown) // 2]
    values = torch.linspace(-3, 3, 10)
    sheet(torch.stack([model.traverse(image, int(dimension), values) for dimension in most]), out / "traversals.png")


def arithmetic(model: VAE, data: PreparedDataset, train: np.ndarray, held_out: np.ndarray, name: str, other: str | None, out: Path) -> None:
    """From pictures of `other`, or from all without it, to pictures with the attribute; the direction is learned on the training part."""
    ours = has(data, name, train)
    rest = ~ours if other is None else has(data, other, train) & ~ours
    direction = model.direction(floats(data, spread(train[ours], LIMIT)), floats(data, spread(train[rest], LIMIT)))
    without = ~has(data, name, held_out) if other is None else has(data, other, held_out) & ~has(data, name, held_out)
    images = floats(data, spread(held_out[without], 8))
    columns = [images, *(model.edit(images, direction, intensity) for intensity in INTENSITIES)]
    print(f"{name}: a step of length {float(direction.norm()):.2f} between codes, from N = {ours.sum()} with and {rest.sum()} without")
    sheet(torch.stack(columns, dim=1), out / f"attribute-{re.sub('[^a-z0-9]+', '-', name.lower())}.png")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("version", type=Path)
    parser.add_argument("--out", type=Path, default=Path())
    parser.add_argument("--store", type=Path, default=Path("models_store"), help="where prepared data sets are")
    parser.add_argument("--pictures", type=Path, help="the folder of pictures, where it was trained on one")
    parser.add_argument("--attribute", nargs="*", default=[], help="names of attributes or classes")
    parser.add_argument("--instead-of", help="the attribute or class that the others take the place of")
    chosen = parser.parse_args()
    manifest, model = artifact.load_model(chosen.version, CPU)
    if not isinstance(model, VAE):
        raise SystemExit(f"{chosen.version} is a {manifest.architecture}, not a vae")
    data = data_of(manifest, chosen.store, chosen.pictures)
    train = data.rows(manifest.hyperparameters["split"])
    held_out = np.setdiff1d(data.rows("all"), train)
    if len(held_out) == 0:
        raise SystemExit("the version was trained on every picture: there is none that it has not seen")
    chosen.out.mkdir(parents=True, exist_ok=True)
    mean_picture = floats(data, spread(train, 10_000)).mean(dim=0)
    measured = spread(held_out, LIMIT)
    figures(model, floats(data, spread(train, len(measured))), floats(data, measured), mean_picture)
    draw(model, data, held_out, chosen.out)
    for name in chosen.attribute:
        arithmetic(model, data, train, held_out, name, chosen.instead_of, chosen.out)


if __name__ == "__main__":
    main()
