"""Whether a condition is obeyed, as an independent classifier sees it.

The classifier is a network of its own, trained here on the real pictures of the training part alone; what it gets right on pictures of
the other parts is printed beside every figure, for no version can be seen to obey better than the classifier sees. It is kept in --out.

Asked for classes: so many pictures of each, and the share in which the classifier sees the class.
Asked for attributes: pictures under the conditions of held-out pictures. Attributes of which one and only one is on (on `shapes`: the
shape, the colour, the background) form a group, in which the classifier's largest logit must be the one asked for; of measured
attributes, such as a size, the mean error of what the classifier reads.

With --sweep, the intensity of an attribute goes from -1 to 2, for the same seeds: printed are the share of pictures in which the
attribute's logit never falls (strictly, and but for a twentieth of its whole way), and how far the other attributes' logits move meanwhile,
each from its lowest to its highest, as a share of the attribute's own way: the mean over all others, and the one that moves most. Others
that can't come together with the attribute (other colours, for a colour) must move and are left out. Both once more with all logits
cut off at ±4, which is 98 % sure ("seen"): how much surer still the classifier becomes is nothing that anybody sees.

With --own, the classifier of a controllable GAN judges the sweeps in place of ours: the one that told its generator.

    python benchmarks/control.py models_store/versions/digits/v1 [--count 100] [--out DIR]
    python benchmarks/control.py models_store/versions/shapes/v1 --sweep red circle size
"""

import argparse
import json
import os
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

import numpy as np
import torch
from safetensors.torch import load_file, save_file
from scores import data_of, grid, pictures_of, quantised
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits, cross_entropy, one_hot, pad

from atelier.datasets.cache import PreparedDataset
from atelier.models import architectures, artifact
from atelier.models.base import ConditionalGenerator, conditions_of, latents
from atelier.models.devices import pick_precision

CPU = torch.device("cpu")
STEPS = 1500
BATCH = 64
SURE = 4.0
SLACK = 0.05  # of the whole way, which an intensity may lead back where it is not counted strictly


def floats(pictures: Tensor) -> Tensor:
    return pictures.float() / 127.5 - 1


class Judge(nn.Module):
    """Images [N, C, H, W] in [-1, 1] → logits for classes [N, K] and attributes [N, A]."""

    def __init__(self, data: PreparedDataset) -> None:
        super().__init__()
        spec = data.spec
        layers: list[nn.Module] = []
        channels, size, width = spec.channels, spec.resolution, 32
        while size > 4:
            layers += [nn.Conv2d(channels, width, 3, padding=1, bias=False), nn.BatchNorm2d(width), nn.ReLU(True), nn.MaxPool2d(2)]
            channels, size, width = width, size // 2, min(2 * width, 128)
        layers += [nn.Conv2d(channels, 128, 3, padding=1, bias=False), nn.BatchNorm2d(128), nn.ReLU(True), nn.Flatten(), nn.Dropout(0.3)]
        self.layers = nn.Sequential(*layers, nn.Linear(128 * size * size, spec.num_classes + spec.num_attributes))
        self.num_classes = spec.num_classes

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        logits = self.layers(images).float()
        return logits[:, : self.num_classes], logits[:, self.num_classes :]

    @torch.no_grad()
    def see(self, pictures: Tensor) -> tuple[Tensor, Tensor]:
        """The same for uint8 [N, C, H, W] of any number."""
        classes, attributes = zip(*(self(floats(part)) for part in pictures.split(256)), strict=True)
        return torch.cat(classes), torch.cat(attributes)


class Own:
    """A controllable GAN's own classifier of attributes, in the judge's place; its version must hold all networks."""

    def __init__(self, folder: Path) -> None:
        model = artifact.load_model(folder, CPU)[1]
        self.classifier = model.get_submodule("classifier")

    @torch.no_grad()
    def see(self, pictures: Tensor) -> tuple[Tensor, Tensor]:
        logits = torch.cat([self.classifier(floats(part)).float() for part in pictures.split(256)])
        return logits, logits


def train_judge(data: PreparedDataset) -> Judge:
    torch.manual_seed(0)
    judge = Judge(data).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    rows = data.rows("train")
    pictures, labels, attributes = pictures_of(data, rows), torch.from_numpy(data.labels[rows]), torch.from_numpy(data.attributes[rows])
    optimizer = torch.optim.AdamW(judge.parameters(), 2e-3, weight_decay=0.02, fused=True)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 2e-3, total_steps=STEPS)
    resolution = data.spec.resolution
    reach = max(1, resolution // 32)  # no further: an attribute may say where something is
    for _ in range(STEPS):
        chosen = torch.randint(len(rows), (BATCH,))
        images = pad(floats(pictures[chosen]), [reach] * 4, mode="replicate")
        shifts = torch.randint(2 * reach + 1, (BATCH, 2)).tolist()
        images = torch.stack([image[:, y : y + resolution, x : x + resolution] for image, (y, x) in zip(images, shifts, strict=True)])
        if data.mirrorable:
            images = torch.where(torch.rand(BATCH, 1, 1, 1) < 0.5, images, images.flip(3))
        with torch.autocast("cpu", torch.bfloat16, enabled=pick_precision("auto", CPU) == torch.bfloat16):
            seen_classes, seen_attributes = judge(images.contiguous(memory_format=torch.channels_last))
        loss = torch.zeros(())
        if data.spec.num_classes:
            loss = loss + cross_entropy(seen_classes, labels[chosen])
        if data.spec.num_attributes:
            loss = loss + binary_cross_entropy_with_logits(seen_attributes, attributes[chosen].clamp(0, 1)) * data.spec.num_attributes / 4
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
    return judge.eval().requires_grad_(False)


def judge_of(data: PreparedDataset, out: Path | None) -> Judge:
    path = None if out is None else out / f"judge-{data.fingerprint[:16]}.safetensors"
    if path is not None and path.exists():
        judge = Judge(data)
        judge.load_state_dict(load_file(path))
        return judge.eval().requires_grad_(False)
    judge = train_judge(data)
    if path is not None:
        path.parent.mkdir(parents=True, exist_ok=True)
        save_file({name: value.contiguous() for name, value in judge.state_dict().items()}, path)
    return judge


# ----------------------------------------------------------------------------------------------------------------- obeying


def groups_of(attributes: Tensor, names: Sequence[str]) -> dict[str, list[int]]:
    """Of [N, A], the attributes of which one and only one is always on, by the name of the first and the last."""
    found: dict[str, list[int]] = {}
    left = [index for index in range(len(names)) if ((attributes[:, index] == 0) | (attributes[:, index] == 1)).all()]
    while left:
        first, *rest = left
        group = [first] + [index for index in rest if not (attributes[:, first] * attributes[:, index]).any()]
        # What never meets the first may meet another: grow the group in order, as long as its members never meet.
        kept: list[int] = []
        for index in group:
            total = attributes[:, [*kept, index]].sum(dim=1)
            if total.max() <= 1:
                kept.append(index)
            if total.min() == 1 == total.max():
                found[f"{names[kept[0]]} … {names[kept[-1]]}"] = kept
                break
        left = [index for index in left if index not in kept]
    return found


@torch.no_grad()
def draw(generator: ConditionalGenerator, conditions: Tensor) -> Tensor:
    """uint8 [N, C, H, W] under conditions [N, K], of seeds 0, 1, …"""
    z = latents(range(len(conditions)), generator.latent_dim)
    return torch.cat([quantised(generator(*pair)) for pair in zip(z.split(64), conditions.split(64), strict=True)])


def show(name: str, share: float, on_real: float, worst: tuple[float, str] | None = None) -> None:
    said = f"    {name:24} {share:7.2%}   (real held-out pictures: {on_real:.2%})"
    print(said if worst is None else f"{said}   worst: {worst[1]}, {worst[0]:.1%}", flush=True)


def by_value(right: Tensor, asked: Tensor, names: Sequence[str]) -> tuple[float, str]:
    return min((float(right[asked == index].float().mean()), name) for index, name in enumerate(names) if (asked == index).any())


def obeyed(
    generator: ConditionalGenerator, by: str, judge: Judge, data: PreparedDataset, count: int, path: Path | None
) -> dict[str, float]:
    held_out = np.setdiff1d(data.rows("all"), data.rows("train"))
    labels, attributes = (torch.from_numpy(values[held_out]) for values in (data.labels, data.attributes))
    real_classes, real_attributes = judge.see(pictures_of(data, held_out))
    figures: dict[str, float] = {"held_out": len(held_out)}
    if by == "class":
        asked = torch.arange(data.spec.num_classes).repeat(count)
        drawn = draw(generator, one_hot(asked, data.spec.num_classes).float())
        right = judge.see(drawn)[0].argmax(dim=1) == asked
        figures |= {"class": float(right.float().mean()), "class, real": float((real_classes.argmax(dim=1) == labels).float().mean())}
        worst = by_value(right, asked, data.class_names)
        figures["class, worst"] = worst[0]
        show(f"class, {count} of each", figures["class"], figures["class, real"], worst)
    else:
        repeats = -(-count * 10 // len(held_out))
        conditions = conditions_of(labels, attributes, "attributes", data.spec).repeat(repeats, 1)
        drawn = draw(generator, conditions)
        seen = judge.see(drawn)[1]
        for name, group in groups_of(torch.from_numpy(data.attributes), data.attribute_names).items():
            asked = conditions[:, group].argmax(dim=1)
            right = seen[:, group].argmax(dim=1) == asked
            on_real = float((real_attributes[:, group].argmax(dim=1) == attributes[:, group].argmax(dim=1)).float().mean())
            worst = by_value(right, asked, [data.attribute_names[index] for index in group])
            figures |= {name: float(right.float().mean()), f"{name}, real": on_real, f"{name}, worst": worst[0]}
            show(name, figures[name], on_real, worst)
        grouped = {index for group in groups_of(torch.from_numpy(data.attributes), data.attribute_names).values() for index in group}
        for index in set(range(data.spec.num_attributes)) - grouped:
            name = data.attribute_names[index]
            if ((data.attributes[:, index] == 0) | (data.attributes[:, index] == 1)).all():
                right = (seen[:, index] > 0) == (conditions[:, index] > 0.5)
                on_real = float(((real_attributes[:, index] > 0) == (attributes[:, index] > 0.5)).float().mean())
                figures |= {name: float(right.float().mean()), f"{name}, real": on_real}
                show(name, figures[name], on_real)
            else:
                error = float((seen[:, index].sigmoid() - conditions[:, index]).abs().mean())
                on_real = float((real_attributes[:, index].sigmoid() - attributes[:, index]).abs().mean())
                figures |= {f"{name}, error": error, f"{name}, error on real": on_real}
                print(f"    {name:24} error {error:.3f} (real held-out pictures: {on_real:.3f})", flush=True)
    if path is not None:
        grid(drawn, path)
    return figures


# ------------------------------------------------------------------------------------------------------------------ sweeps


@torch.no_grad()
def sweep(
    generator: ConditionalGenerator, name: str, judge: Judge | Own, data: PreparedDataset, steps: int, path: Path | None
) -> dict[str, float]:
    """Everything a user would get who moves the dial: seeds 0 to 255, whose other conditions are as in the data."""
    index = data.attribute_names.index(name)
    intensities = np.linspace(-1, 2, steps).round(6).tolist()
    pictures = []
    for value in intensities:
        parts = [range(start, start + 64) for start in range(0, 256, 64)]
        drawn = [quantised(generator(*generator.inputs(seeds, [{index: value}] * len(seeds)))) for seeds in parts]
        pictures.append(torch.cat(drawn))
    logits = torch.stack([judge.see(some)[1] for some in pictures])  # [steps, N, A]
    own = logits[:, :, index]
    strictly, nearly, seen_rising = (
        never_falls(some, slack) for some, slack in ((own, 0.0), (own, SLACK), (own.clamp(-SURE, SURE), SLACK))
    )
    others = [j for j in range(data.spec.num_attributes) if j != index and not generator.excludes[index, j]]
    moved, seen = (ways_of(some, index, others, data.attribute_names) for some in (logits, logits.clamp(-SURE, SURE)))
    figures = {
        "monotone": strictly,
        "monotone but for 5 %": nearly,
        "monotone, seen": seen_rising,
        "first": float(own[0].mean()),
        "last": float(own[-1].mean()),
    }
    told = f"    {name:18} monotone {strictly:6.1%} (but for 5 %: {nearly:6.1%}; seen {seen_rising:6.1%})"
    told += f", logit {figures['first']:+6.1f} → {figures['last']:+6.1f}"
    if moved:
        most = max(moved, key=lambda other: moved[other])
        most_seen = max(seen, key=lambda other: seen[other])
        figures |= {"others": float(np.mean(list(moved.values()))), "others, most": moved[most]}
        figures |= {"others, seen": float(np.mean(list(seen.values()))), "others, most seen": seen[most_seen]}
        told += f"; others move {figures['others']:.2f} of it, most {most} {moved[most]:.2f}"
        told += f"; seen {figures['others, seen']:.2f}, most {most_seen} {seen[most_seen]:.2f}"
    print(told, flush=True)
    if path is not None:
        shown = np.linspace(0, steps - 1, 8).round().astype(int).tolist()
        grid(torch.stack([pictures[step][:8] for step in shown], dim=1).flatten(0, 1), path)  # a seed a row, intensity to the right
    return figures


def never_falls(logits: Tensor, slack: float) -> float:
    """Share of pictures whose logit [steps, N] no step takes down by more than a part of its whole way."""
    way = logits.amax(dim=0) - logits.amin(dim=0)  # [N]
    return float((logits.diff(dim=0) >= -slack * way).all(dim=0).float().mean())


def ways_of(logits: Tensor, index: int, others: Sequence[int], names: Sequence[str]) -> dict[str, float]:
    """How far others' logits [steps, N, A] go, from lowest to highest, as a share of how far that of `index` does."""
    ways = (logits.amax(dim=0) - logits.amin(dim=0)).mean(dim=0)  # [A]
    return {names[other]: float(ways[other] / ways[index]) for other in others}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("versions", type=Path, nargs="+", metavar="FOLDER", help="published versions")
    parser.add_argument("--folder", type=Path, help="the pictures they were trained on, where these are not built in")
    parser.add_argument("--count", type=int, default=100, help="pictures of each class; of attributes, ten times as many altogether")
    parser.add_argument("--sweep", nargs="+", default=[], metavar="ATTRIBUTE", help="all: every one")
    parser.add_argument("--steps", type=int, default=7, help="intensities of a sweep")
    parser.add_argument("--own", action="store_true", help="let the version's own classifier judge its sweeps")
    parser.add_argument("--out", type=Path, help="folder of classifiers, figures and grids")
    arguments = parser.parse_args()
    judges: dict[str, Judge] = {}
    told: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as store:
        for folder in arguments.versions:
            manifest, generator = artifact.load(folder, CPU)
            if not isinstance(generator, ConditionalGenerator):
                parser.error(f"{folder} can't be asked for anything")
            cls = architectures[manifest.architecture]
            by = cls.conditioned_on(cls.Hyperparameters.model_validate(manifest.hyperparameters))
            print(
                f"{folder}: {manifest.architecture} on {manifest.dataset.name}, {manifest.image.resolution} px, asked by {by}", flush=True
            )
            data = data_of(manifest, Path(store), arguments.folder)
            if data.fingerprint not in judges:
                judges[data.fingerprint] = judge_of(data, arguments.out)
            judge = judges[data.fingerprint]
            name = "-".join(folder.resolve().parts[-2:])
            if arguments.out is not None:
                arguments.out.mkdir(parents=True, exist_ok=True)
            found: dict[str, Any] = obeyed(generator, by, judge, data, arguments.count, arguments.out and arguments.out / f"{name}.png")
            sees = Own(folder) if arguments.own else judge
            for attribute in data.attribute_names if arguments.sweep == ["all"] else arguments.sweep:
                path = arguments.out and arguments.out / f"{name}-{attribute.replace(' ', '-')}.png"
                found[f"sweep {attribute}"] = sweep(generator, attribute, sees, data, arguments.steps, path)
            told[str(folder)] = found
    if arguments.out is not None:
        (arguments.out / "control.json").write_text(json.dumps(told, indent=1))


if __name__ == "__main__":
    main()
