"""What sees attributes and classes in a picture: a small network, trained on a prepared data set in a minute or so on a CPU.

On disk it is a folder with weights (safetensors) and a description of them (JSON), which is what readers look for.
"""

import hashlib
import os
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from torch.nn.functional import avg_pool2d, binary_cross_entropy_with_logits, cross_entropy, pad

from atelier.datasets.cache import PreparedDataset
from atelier.models.devices import pick_precision

DESCRIPTION = "classifier.json"
LARGEST = 64  # pixels; larger pictures are looked at in this size
STEPS, EPOCHS, BATCH = 1500, 40, 64  # as many steps, or as many passes over a small data set, but no fewer than LEAST
LEAST = 200
GRAIN = 0.5  # the largest standard deviation of the noise on what it learns from


class Dial(BaseModel):
    """Something that the classifier sees, and that can be turned."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    name: str
    kind: Literal["attribute", "class"]
    measured: bool
    """Whether it has values between 0 and 1, as a size has, instead of being there or not."""
    accuracy: float | None
    """How well it is seen in pictures that nothing was learned from: the mean of the shares of those with and without it that are told
    right, so that 0.5 is a guess; a measured one is told from its middle value. Null where the data set keeps no such pictures."""


class Description(BaseModel):
    """All there is to know about a classifier."""

    format: int = 1
    """Version of this layout."""
    fingerprint: str
    """Of the prepared data set that it was trained on."""
    channels: int
    resolution: int
    width: int
    dials: list[Dial]
    seed: int
    steps: int
    seconds: float
    weights: str
    """Name of the file beside this one."""
    digest: str
    """SHA-256 of that file."""


class Classifier(nn.Module):
    """Images [N, C, R, R] in [-1, 1] → log-odds [N, D] of each dial: attributes, then classes.

    The sigmoid of an attribute's is the chance that it is there, or its value where it is measured; of a class's, its share of the
    softmax. Group norm and smooth activations: what the pictures of a batch show does not depend on each other, and gradients do
    not jump.
    """

    tied: Tensor
    measured: Tensor

    def __init__(self, channels: int, resolution: int, num_attributes: int, num_classes: int, *, width: int = 32) -> None:
        super().__init__()
        self.channels, self.resolution, self.width = channels, resolution, width
        self.num_attributes, self.num_classes = num_attributes, num_classes
        size, wide = min(resolution, LARGEST), width
        layers: list[nn.Module] = []
        while size > 4:
            layers += [nn.Conv2d(channels, wide, 4, 2, 1), nn.GroupNorm(8, wide), nn.SiLU()]
            channels, wide, size = wide, min(2 * wide, 4 * width), size // 2
        # Flattened and not averaged over, so that places are seen.
        self.layers = nn.Sequential(*layers, nn.Flatten(), nn.Linear(channels * 16, 4 * width), nn.SiLU())
        self.head = nn.Linear(4 * width, num_attributes + num_classes)
        count = num_attributes + num_classes
        self.register_buffer("tied", torch.zeros(count, count))  # 1 where one settles the other, as red settles that it is not blue
        self.register_buffer("measured", torch.zeros(count, dtype=torch.bool))  # has values between 0 and 1

    def logits(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """[N, num_attributes] and [N, num_classes], as the losses take them."""
        factor = images.shape[2] // min(images.shape[2], LARGEST)
        logits: Tensor = self.head(self.layers(avg_pool2d(images, factor) if factor > 1 else images))
        return logits[:, : self.num_attributes], logits[:, self.num_attributes :]

    def forward(self, images: Tensor) -> Tensor:
        attributes, classes = self.logits(images)
        if self.num_classes == 0:
            return attributes
        itself = torch.eye(self.num_classes, device=classes.device).bool()
        others = classes[:, None, :].masked_fill(itself, -torch.inf).logsumexp(dim=2)  # [N, K], without rounding 1 - p
        return torch.cat([attributes, classes - others], dim=1)


# -------------------------------------------------------------------------------------------------------------------- training


def truths(dataset: PreparedDataset) -> tuple[list[Dial], NDArray[np.float32]]:
    """What there is to see in a data set, and its values in [0, 1], [M, D]: attributes that vary, then classes.

    Classes are left out where each is an attribute as well. An attribute beyond [0, 1] is taken over its whole range.

    Raises:
        ValueError: there is nothing.
    """
    learned = dataset.attributes[dataset.rows("train")]
    low, high = np.minimum(learned.min(axis=0), 0), np.maximum(learned.max(axis=0), 1)
    values = np.clip((dataset.attributes - low) / (high - low), 0, 1)
    varying = np.ptp(learned, axis=0) > 0
    names = [name for name, varies in zip(dataset.attribute_names, varying, strict=True) if varies]
    measured = np.any((learned != 0) & (learned != 1), axis=0)[varying]
    dials = [Dial(name=n, kind="attribute", measured=bool(m), accuracy=None) for n, m in zip(names, measured, strict=True)]
    columns = [values[:, varying]]
    if len(dataset.class_names) > 1 and not set(dataset.class_names) <= set(names):
        titles = [f"{name} (class)" if name in names else name for name in dataset.class_names]
        dials += [Dial(name=title, kind="class", measured=False, accuracy=None) for title in titles]
        columns.append(np.eye(len(titles), dtype=np.float32)[dataset.labels])
    if not dials:
        raise ValueError("the data set has neither classes nor attributes, so there is nothing to turn")
    return dials, np.concatenate(columns, axis=1).astype(np.float32)


def ties(values: Tensor) -> Tensor:
    """Which of values [M, D] settle each other, [D, D]: both on or off, and never together, or one never without the other.

    Never, though by chance it should have been ten times: what is merely rare settles nothing.
    """
    on_or_off = ((values == 0) | (values == 1)).all(dim=0)
    count, share = values.sum(dim=0)[:, None], values.mean(dim=0)
    together, alone = values.mT @ values, values.mT @ (1 - values)  # [D, D]
    settled = ((together == 0) & (count * share >= 10)) | ((alone == 0) & (count * (1 - share) >= 10))
    return ((settled | settled.mT) & torch.outer(on_or_off, on_or_off)).float().fill_diagonal_(0)


Progress = Callable[[int, int, float], None]


def train(
    dataset: PreparedDataset, *, device: torch.device, seed: int = 0, steps: int | None = None, on_progress: Progress | None = None
) -> tuple[Classifier, Description]:
    """A classifier of all there is to see in the data set, in evaluation mode; the description still lacks its weights' file.

    It learns from the part for training alone. `on_progress(step, total, loss)` is called at every step; what it raises ends the
    training.

    Raises:
        ValueError: the data set has neither classes nor attributes.
    """
    dials, values = truths(dataset)
    rows, began = dataset.rows("train"), time.perf_counter()
    total = steps or max(LEAST, min(STEPS, EPOCHS * len(rows) // BATCH))
    num_classes = sum(dial.kind == "class" for dial in dials)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        spec = dataset.spec
        classifier = Classifier(spec.channels, spec.resolution, len(dials) - num_classes, num_classes)
    classifier.tied.copy_(ties(torch.from_numpy(values[rows])))
    classifier.tied[-num_classes or len(dials) :, -num_classes or len(dials) :] = 1  # a picture is of one class
    classifier.tied.fill_diagonal_(0)
    classifier.measured.copy_(torch.tensor([dial.measured for dial in dials]))
    classifier.to(device)
    optimizer = torch.optim.AdamW(classifier.parameters(), 2e-3, betas=(0.9, 0.99), weight_decay=0.05)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 2e-3, total_steps=total, pct_start=0.1)
    precision = pick_precision("auto", device)
    rng = np.random.default_rng(seed)
    for step in range(total):
        chosen = np.sort(rng.choice(rows, min(BATCH, len(rows)), replace=False))  # in their order on the disk
        images = _vary(_pictures(dataset, chosen, device), rng, mirrors=dataset.mirrorable)
        truth = torch.from_numpy(values[chosen]).to(device)
        with torch.autocast(device.type, torch.bfloat16, enabled=precision == torch.bfloat16):
            attributes, classes = classifier.logits(images)
        loss = binary_cross_entropy_with_logits(attributes.float(), truth[:, : attributes.shape[1]], reduction="sum") / len(chosen)
        if num_classes:
            loss = loss + cross_entropy(classes.float(), truth[:, attributes.shape[1] :])
        optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        schedule.step()
        if on_progress is not None:
            on_progress(step + 1, total, float(loss.detach()))

    classifier.eval().requires_grad_(False)
    accuracies = _accuracies(classifier, dataset, dials, values, device)
    description = Description(
        fingerprint=dataset.fingerprint,
        channels=spec.channels,
        resolution=spec.resolution,
        width=classifier.width,
        dials=[dial.model_copy(update={"accuracy": accuracy}) for dial, accuracy in zip(dials, accuracies, strict=True)],
        seed=seed,
        steps=total,
        seconds=round(time.perf_counter() - began, 3),
        weights="",
        digest="",
    )
    return classifier, description


def _pictures(dataset: PreparedDataset, rows: NDArray[np.int64], device: torch.device) -> Tensor:
    return torch.from_numpy(dataset.gather(rows)).to(device).permute(0, 3, 1, 2).float().div_(127.5).sub_(1)


def _vary(images: Tensor, rng: np.random.Generator, *, mirrors: bool) -> Tensor:
    """Each picture shifted by up to a sixteenth of its side, where what comes in repeats the border, half of them mirrored, and grainy.

    No further: an attribute may say where something is. The grain, of a strength by chance, lets gradients lead to what people see as
    well: of a DCGAN's images, another classifier found 65 % at their target instead of 50; of an autoencoder's, 66 % instead of 48.
    """
    reach = max(1, images.shape[2] // 16)
    size = images.shape[2]
    padded = pad(images, (reach, reach, reach, reach), mode="replicate")
    shifts = rng.integers(0, 2 * reach + 1, (len(images), 2)).tolist()
    shifted = torch.stack([picture[:, y : y + size, x : x + size] for picture, (y, x) in zip(padded, shifts, strict=True)])
    if mirrors:
        mirrored = torch.from_numpy(rng.random(len(images)) < 0.5).to(images.device)
        shifted = torch.where(mirrored[:, None, None, None], shifted.flip(3), shifted)
    grain = rng.standard_normal(shifted.shape, np.float32) * rng.uniform(0, GRAIN, (len(images), 1, 1, 1)).astype(np.float32)
    return shifted + torch.from_numpy(grain).to(images.device)


@torch.no_grad()
def _accuracies(
    classifier: Classifier, dataset: PreparedDataset, dials: Sequence[Dial], values: NDArray[np.float32], device: torch.device
) -> list[float | None]:
    rows = np.setdiff1d(dataset.rows("all"), dataset.rows("train"))
    if len(rows) == 0:
        return [None] * len(dials)
    scores = [classifier(_pictures(dataset, part, device)).cpu().numpy() for part in np.array_split(rows, -(-len(rows) // 256))]
    chances = 1 / (1 + np.exp(-np.concatenate(scores)))  # [M, D]
    middles = np.median(values[dataset.rows("train")], axis=0)
    borders = np.where([dial.measured for dial in dials], middles, 0.5)
    found: list[float | None] = []
    for said, truth in zip((chances > borders).T, (values[rows] > borders).T, strict=True):
        both = 0 < truth.sum() < len(truth)
        found.append(round(float((said[truth].mean() + (~said[~truth]).mean()) / 2), 4) if both else None)
    return found


# --------------------------------------------------------------------------------------------------------------------- on disk


def publish(folder: Path, classifier: Classifier, description: Description) -> Description:
    """Put the classifier into a folder, in place of one that may be there already: readers find the one or the other, whole.

    Weights come first, under a name of their own; the rename of the description publishes them. Those of the classifier before it
    stay until the next time, for whoever has just read its description.
    """
    folder.mkdir(parents=True, exist_ok=True)
    before = read_description(folder)
    state = {name: value.detach().cpu().contiguous() for name, value in classifier.state_dict().items()}
    with NamedTemporaryFile(dir=folder, suffix=".part", delete=False) as file:
        beside = Path(file.name)
    try:
        save_file(state, beside)
        beside.chmod(0o644)  # a temporary file is its owner's alone
        digest = _sync(beside)
        published = description.model_copy(update={"weights": f"{digest[:16]}.safetensors", "digest": digest})
        beside.replace(folder / published.weights)
        beside.write_text(published.model_dump_json(indent=2) + "\n")
        beside.chmod(0o644)
        _sync(beside)
        beside.replace(folder / DESCRIPTION)
    except BaseException:
        beside.unlink(missing_ok=True)
        raise
    _sync_folder(folder)
    kept = {published.weights, before.weights if before else None}
    for left in folder.iterdir():  # also what killed processes left
        if left.suffix in (".safetensors", ".part") and left.name not in kept:
            left.unlink(missing_ok=True)
    return published


def read_description(folder: Path) -> Description | None:
    """Of the classifier that was published there, if one was."""
    with suppress(FileNotFoundError):
        return Description.model_validate_json((folder / DESCRIPTION).read_bytes())
    return None


def load(folder: Path, device: torch.device, *, digest: str | None = None) -> tuple[Classifier, Description]:
    """Rebuild a classifier, in evaluation mode on the device; with a digest, only the one that has it.

    Raises:
        ValueError: there is none, or it is damaged, or another one.
    """
    description = read_description(folder)
    if description is None:
        raise ValueError("there is no classifier of this data set yet: run a discovery first")
    if digest is not None and digest != description.digest:
        raise ValueError("the classifier of this data set was trained anew meanwhile: ask again")
    path = folder / description.weights
    if not path.is_file() or _digest(path) != description.digest:
        raise ValueError("the classifier of this data set is damaged: run a discovery with again set to true")
    num_classes = sum(dial.kind == "class" for dial in description.dials)
    with torch.device("meta"):
        classifier = Classifier(
            description.channels, description.resolution, len(description.dials) - num_classes, num_classes, width=description.width
        )
    classifier.load_state_dict(load_file(path, device=str(device)), assign=True)
    return classifier.eval().requires_grad_(False), description


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _sync(path: Path) -> str:
    """To the disk; what is in it, as SHA-256."""
    with path.open("rb") as file:
        os.fsync(file.fileno())
        return hashlib.file_digest(file, "sha256").hexdigest()


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
