"""How far the latent dial turns: what an independent classifier sees of it, how much else changes, and how long it takes.

For each of a few attributes, images of many seeds are turned to a target. A second classifier, trained from another seed and never
turned by, judges them before and after: the share of images whose attribute is as was asked for, and the share of what it says of the
other attributes (there or not) that is still the same, apart from what the target settles, such as the colours that red is not.
Beside it, the same images turned with nothing held. The grid has a row for each seed: as it is drawn, then turned to each target.

    python benchmarks/dial.py FOLDER [--count 64] [--target 0.9] [--dials red,blue] [--grid dial.png]

FOLDER is a version's, in models_store/versions/<model>/v<N>; its data set is prepared if it is not, and the classifiers are trained once.
"""

import argparse
import os
import time
from pathlib import Path

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

import numpy as np
import torch
from torch import Tensor

from atelier.datasets.cache import PreparedDataset, prepare
from atelier.datasets.catalog import open_dataset
from atelier.jobs.progress import write_grid
from atelier.models import artifact
from atelier.models.base import Generator
from atelier.serving.worker import ROWS
from atelier.steering import classifier as seeing
from atelier.steering.classifier import Classifier, Description
from atelier.steering.dial import STEPS, turn

CPU = torch.device("cpu")


def classifier(dataset: PreparedDataset, seed: int, cache: Path) -> tuple[Classifier, Description]:
    folder = cache / f"{dataset.fingerprint[:16]}-{seed}"
    if seeing.read_description(folder) is None:
        net, description = seeing.train(dataset, device=CPU, seed=seed)
        seeing.publish(folder, net, description)
        print(f"classifier {seed}: {description.steps} steps in {description.seconds:.0f} s")
    return seeing.load(folder, CPU)


def turned(
    generator: Generator, net: Classifier, seeds: range, dial: int, target: float, hold: bool, steps: int
) -> tuple[Tensor, Tensor, float]:
    """Images, whether each has reached its target as the classifier itself sees it, and milliseconds an image."""
    images, reached, began = [], [], time.process_time()
    for start in range(0, len(seeds), ROWS):
        inputs = generator.inputs(list(seeds[start : start + ROWS]))
        result = turn(generator, net, inputs, [{dial: target}] * len(inputs[0]), hold=hold, steps=steps)
        images.append(result.images)
        reached.append(result.reached)
    return torch.cat(images), torch.cat(reached), 1000 * (time.process_time() - began) / len(seeds)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--count", type=int, default=64)
    parser.add_argument("--target", type=float, default=0.9)
    parser.add_argument("--steps", type=int, default=STEPS)
    parser.add_argument("--dials", default="")
    parser.add_argument("--grid", type=Path, default=Path("dial.png"))
    parser.add_argument("--cache", type=Path, default=Path("models_store/datasets"))
    arguments = parser.parse_args()

    torch.set_num_threads(1)
    manifest, generator = artifact.load(arguments.folder, CPU)
    dataset = prepare(open_dataset(manifest.dataset.name, manifest.dataset.options), manifest.image.resolution, arguments.cache)
    net, description = classifier(dataset, 0, arguments.cache)
    judge, judged = classifier(dataset, 1, arguments.cache)
    for one, other in zip(description.dials, judged.dials, strict=True):
        print(f"  {one.name:20} seen right {one.accuracy or 0:.3f}, by the judge {other.accuracy or 0:.3f}")

    names = [dial.name for dial in description.dials]
    chosen = [names.index(name) for name in arguments.dials.split(",") if name] or list(range(min(6, len(names))))
    seeds = range(arguments.count)
    before = torch.cat([generator(*generator.inputs(list(seeds[s : s + ROWS]))) for s in range(0, len(seeds), ROWS)])
    was = judge(before).sigmoid()
    cells = [before]
    print(f"{arguments.folder}: {arguments.count} seeds, target {arguments.target}, {arguments.steps} steps; ms: one thread, an image")
    print("| dial | held | reached, it says | judge: had it | has it now | at the target | others the same | mean change of others | ms |")
    print("|---|---|---|---|---|---|---|---|---|")
    for dial in chosen:
        others = (net.tied[dial] == 0).nonzero()[:, 0]
        others = others[others != dial]
        for hold in (True, False):
            images, reached, took = turned(generator, net, seeds, dial, arguments.target, hold, arguments.steps)
            now = judge(images).sigmoid()
            same = ((now > 0.5) == (was > 0.5))[:, others].float().mean()
            change = (now - was)[:, others].abs().mean()
            print(
                f"| {names[dial]} | {'yes' if hold else 'no'} | {reached.float().mean():.0%} | {(was[:, dial] > 0.5).float().mean():.0%} "
                f"| {(now[:, dial] > 0.5).float().mean():.0%} | {(now[:, dial] >= arguments.target).float().mean():.0%} "
                f"| {same:.1%} | {change:.3f} | {took:.0f} |",
                flush=True,
            )
            if hold:
                cells.append(images)
    rows = torch.stack([cell[:8] for cell in cells[:8]], dim=1)  # [seeds, 1 + dials, C, H, W]
    blank = 8 - rows.shape[1]
    rows = torch.cat([rows, torch.ones_like(rows[:, :1]).expand(-1, blank, -1, -1, -1)], dim=1).flatten(0, 1)
    pixels = ((rows + 1) * 127.5).round().clamp(0, 255).byte().permute(0, 2, 3, 1).numpy()
    write_grid(np.ascontiguousarray(pixels), arguments.grid)


if __name__ == "__main__":
    main()
