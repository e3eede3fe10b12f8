"""Whether prompts are obeyed, as networks see it that had no part in the training.

shapes    for "a red star" and every other pair of shape and colour, --count pictures each: a classifier that was trained on real pictures
          of all pairs alone (control.py; what it gets right on real held-out ones is printed) must see both. Pairs that the version was
          trained without (the data set's option hold_out) count apart
others    R-precision: of 100 captions, is the one that a picture was drawn from nearest to it? A ridge regression from lite0's features
          to MiniLM's sentences, fitted on the real pictures of the training part, brings both together. For captions of the training
          part and of the rest; and for the real pictures of the rest, which is what perfect pictures would get. Chance is 1 %
colours   of "a red …", "a blue …" and so on, for the colours that at least 50 pictures of the data are called by: obeyed where no
          other colour is more, by the bounds that gave the captions their colours. What real pictures get by it is printed
sheet     eight pictures of each of twenty prompts that never change, to be looked at: sheet.png
stages    of StackGAN: the distance of Stage II's pictures and of Stage I's, enlarged, to the real ones

    python benchmarks/prompts.py models_store/versions/<model>/v<N> [--count 12] [--out DIR]
"""

import argparse
import os
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

import numpy as np
import torch
from control import judge_of
from PIL import Image, ImageDraw, ImageFont
from scores import Reference, data_of, describe, grid, open_data, pictures_of, quantised, samples_of, table
from torch import Tensor
from torch.nn.functional import avg_pool2d, normalize

from atelier.datasets.cache import PreparedDataset
from atelier.datasets.hues import HUES, colours
from atelier.datasets.shapes import COLOURS, SHAPES
from atelier.metrics.features import features_of
from atelier.metrics.lite0 import lite0
from atelier.models import artifact
from atelier.models.prompted import PromptedGenerator
from atelier.text import SentenceTransformer

CPU = torch.device("cpu")
CHOICES, TRIES = 100, 20
RIDGE = 300.0
THINGS = ("apple", "car", "flower", "heart", "hat", "bird", "book", "ball", "fish", "balloon", "house", "face", "shirt")
SHEETS = {
    "shapes": (
        "a red star", "a large green circle on a black background", "a small blue square at the top left", "an orange hexagon on the right",
        "a purple heart in the centre", "a yellow triangle at the bottom", "a pink cross on a grey background", "a brown diamond",
        "a large pink star", "a small red circle", "a blue cross on the left", "a green heart on a white background",
        "a large yellow square at the bottom right", "a purple triangle at the top right", "a red hexagon on a cream background",
        "an orange diamond in the centre", "a medium-sized brown circle", "a scarlet star", "two blue squares", "something",
    ),
    "emoji": (
        "a red apple", "a green apple", "a smiling face", "a sad face", "an emoji of a cat", "a dog", "a blue car", "a red heart",
        "a person with a hat", "a woman wearing a dress", "a waving hand", "a tree", "a yellow flower", "a house", "a cup of coffee",
        "a ball", "a full moon", "a blue fish", "a book", "a crown",
    ),
}  # fmt: skip
SAID = 50  # pictures that a colour must be said of, to be asked for


@torch.no_grad()
def drawn(generator: PromptedGenerator, prompts: list[str]) -> Tensor:
    """One picture a prompt, of seeds 0, 1, …: uint8 [N, C, H, W]."""
    parts = [range(start, min(start + 64, len(prompts))) for start in range(0, len(prompts), 64)]
    return torch.cat([quantised(generator(*generator.inputs(part, [{prompts[i]: 1.0} for i in part]))) for part in parts])


def at_32(pictures: Tensor) -> Tensor:
    return avg_pool2d(pictures.float(), pictures.shape[-1] // 32).round().to(torch.uint8)


def sheet(generator: PromptedGenerator, prompts: tuple[str, ...], path: Path) -> None:
    """A row of eight seeds for each prompt, with its words."""
    side, margin, left = 64, 4, 300
    page = Image.new("RGB", (left + 8 * (side + margin), len(prompts) * (side + margin)), "white")
    draw, font = ImageDraw.Draw(page), ImageFont.load_default(size=14)
    for row, prompt in enumerate(prompts):
        y = row * (side + margin)
        draw.text((8, y + side // 2), prompt, fill="black", font=font, anchor="lm")
        for column, picture in enumerate(drawn(generator, [prompt] * 8)):
            image = Image.fromarray(picture.permute(1, 2, 0).squeeze(-1).numpy())
            page.paste(image.resize((side, side), Image.Resampling.NEAREST), (left + column * (side + margin), y))
    page.save(path)


def pairs(generator: PromptedGenerator, options: dict[str, Any], count: int, out: Path) -> None:
    """Whether shape and colour are as asked: "a red star" and so on, and captions of the data, which also say sizes and places."""
    every = open_data(out / "store", 32, dataset="shapes", options={k: v for k, v in options.items() if k != "hold_out"}, pictures=None)
    judge = judge_of(every, out)
    shapes, colours = list(SHAPES), list(COLOURS)
    asked = [(s, k) for s in range(len(shapes)) for k in range(len(colours)) for _ in range(count)]
    plain = [f"{'an' if colours[k][0] in 'aeiou' else 'a'} {colours[k]} {shapes[s]}" for s, k in asked]
    rows = every.rows("all")[: len(asked)]
    said = torch.tensor(every.attributes[rows])

    def told(attributes: Tensor) -> tuple[Tensor, Tensor]:
        return attributes[:, : len(shapes)].argmax(dim=1), attributes[:, len(shapes) : len(shapes) + len(colours)].argmax(dim=1)

    unseen = np.setdiff1d(every.rows("all"), every.rows("train"))
    by_judge, by_data = told(judge.see(pictures_of(every, unseen))[1]), told(torch.from_numpy(every.attributes[unseen]))
    shares = [f"{(sees == says).float().mean():.2%}" for sees, says in zip(by_judge, by_data, strict=True)]
    print(f"    of {len(unseen):,} real pictures the judge tells {shares[0]} of the shapes, {shares[1]} of the colours", flush=True)
    whole = [every.captions[row][index % len(every.captions[row])] for index, row in enumerate(rows)]
    for what, prompts, (s, k) in (("plain prompts", plain, torch.tensor(asked).unbind(dim=1)), ("captions of the data", whole, told(said))):
        pictures = drawn(generator, prompts)
        if prompts is plain:
            grid(pictures[::count], out / "pairs.png")
        shape, colour = (sees == wanted for sees, wanted in zip(told(judge.see(at_32(pictures))[1]), (s, k), strict=True))
        held = (s + k) % 4 == 0
        groups = {"pairs trained on": ~held, "pairs held out": held} if options.get("hold_out") == "pairs" else {"all pairs": held | ~held}
        for name, of in groups.items():
            shares = [f"{some[of].float().mean():.1%}" for some in (shape & colour, shape, colour)]
            right = f"both right {shares[0]} (shape {shares[1]}, colour {shares[2]})"
            each = ", ".join(f"{one} {shape[of & (s == index)].float().mean():.0%}" for index, one in enumerate(shapes))
            print(f"    {what}, {name}, {int(of.sum()):,} pictures: {right}; {each}", flush=True)


def r_precision(generator: PromptedGenerator, data: PreparedDataset, out: Path) -> None:
    network, sentences = lite0(CPU), SentenceTransformer("all-MiniLM-L6-v2")
    train = data.rows("train")
    rest = np.setdiff1d(data.rows("all"), train)

    def texts(captions: list[str]) -> Tensor:
        return normalize(torch.cat([sentences(captions[i : i + 256]).sentences for i in range(0, len(captions), 256)]))

    def captions_of(rows: Any) -> list[str]:
        return [data.captions[row][0] for row in rows]

    features = features_of(network, pictures_of(data, train)).double()
    wanted = texts(captions_of(train)).double()
    mean, deviation, centre = features.mean(dim=0), features.std(dim=0).clamp_min(1e-6), wanted.mean(dim=0)

    def standard(x: Tensor) -> Tensor:
        return (x.double() - mean) / deviation

    x = standard(features)
    weights = torch.linalg.solve(x.mT @ x + RIDGE * torch.eye(x.shape[1], dtype=x.dtype), x.mT @ (wanted - centre))

    def precision(pictures: Tensor, captions: list[str]) -> float:
        found = normalize(standard(features_of(network, pictures)) @ weights)
        own = normalize(texts(captions).double() - centre)
        order = torch.Generator().manual_seed(0)
        hits = []
        for index in range(len(captions)):
            for _ in range(TRIES):
                others = torch.randint(len(captions), (CHOICES - 1,), generator=order)
                others = others[[captions[other] != captions[index] for other in others.tolist()]]
                hits.append(bool((found[index] @ own[index]) > (own[others] @ found[index]).max()))
        return float(np.mean(hits))

    rows = {"training captions": train[:: max(1, len(train) // 400)], "held-out captions": rest}
    for name, some in rows.items():
        captions = captions_of(some)
        pictures = drawn(generator, captions)
        grid(pictures, out / f"{name.split()[0]}.png")
        real = precision(pictures_of(data, some), captions)
        print(f"    R-precision, {len(some)} {name}: {precision(pictures, captions):.1%} (real pictures: {real:.1%})", flush=True)


def hues(generator: PromptedGenerator, data: PreparedDataset, out: Path) -> None:
    rows, train = data.rows("all"), set(data.rows("train").tolist())
    words = {row: [word for word in HUES if any(word in caption.split() for caption in data.captions[row])] for row in rows.tolist()}
    count = Counter(word for row, said in words.items() if row in train for word in said)
    asked = [word for word in HUES if count[word] >= SAID]

    def obeyed(pictures: Tensor, wanted: list[str]) -> list[bool]:
        right = []
        for picture, word in zip(pictures.permute(0, 2, 3, 1).numpy(), wanted, strict=True):
            amounts = Counter(colours(picture))
            amounts["orange"] += amounts.pop("brown", 0)  # the same hue, darker
            right.append(amounts[word] > 0 and max(amounts, key=amounts.__getitem__) == word)
        return right

    prompts = [f"{'an' if word[0] in 'aeiou' else 'a'} {word} {thing}" for word in asked for thing in THINGS]
    pictures = drawn(generator, prompts)
    grid(pictures, out / "hues.png")
    right = obeyed(pictures, [word for word in asked for _ in THINGS])
    clear = [row for row, said in words.items() if said in [[word] for word in asked]]
    real = obeyed(pictures_of(data, np.array(clear)), [words[row][0] for row in clear])
    each = ", ".join(f"{word} {np.mean(right[i * len(THINGS) : (i + 1) * len(THINGS)]):.0%}" for i, word in enumerate(asked))
    print(f"    colours: {np.mean(right):.1%} of {len(prompts)} prompts have the hue asked for ({each})", end="; ")
    print(f"of {len(real)} real pictures {np.mean(real):.1%}", flush=True)


def stages(generator: PromptedGenerator, data: PreparedDataset, split: Any) -> None:
    reference = Reference(data, split)
    describe(reference)
    scores = {"Stage II": reference.score(samples_of(generator))}
    refined = generator.get_buffer("refined")
    refined.fill_(False)
    scores["Stage I, enlarged"] = reference.score(samples_of(generator))
    refined.fill_(True)
    table({**scores, "real": reference.real()})
    print(f"    Stage II: {1 - scores['Stage II']['fd'] / scores['Stage I, enlarged']['fd']:.0%} below Stage I")


def main() -> None:
    torch.set_num_threads(1)
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", type=Path, nargs="+", metavar="FOLDER", help="published versions")
    parser.add_argument("--count", type=int, default=12, help="pictures of each pair of shape and colour")
    parser.add_argument("--out", type=Path, help="folder of classifiers and grids")
    arguments = parser.parse_args()
    out = arguments.out or Path(tempfile.mkdtemp(prefix="prompts-"))
    out.mkdir(parents=True, exist_ok=True)
    for folder in arguments.folders:
        manifest, generator = artifact.load(folder, CPU)
        assert isinstance(generator, PromptedGenerator), f"{folder} does not draw from text"
        print(f"{folder}: {manifest.architecture} on {manifest.dataset.name}, {manifest.image.resolution} px", flush=True)
        data = data_of(manifest, out / "store", None)
        if manifest.dataset.name in SHEETS:
            sheet(generator, SHEETS[manifest.dataset.name], out / "sheet.png")
        if manifest.dataset.name == "shapes":
            pairs(generator, manifest.dataset.options, arguments.count, out)
        else:
            r_precision(generator, data, out)
            hues(generator, data, out)
        if "refined" in dict(generator.named_buffers()):
            stages(generator, data, manifest.hyperparameters["split"])


if __name__ == "__main__":
    main()
