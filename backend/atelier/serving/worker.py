"""The inference process: `python -m atelier.serving.worker DEVICE` draws what standard input asks for, until it ends.

A request is one line of JSON, {"folder", "digest", "rows": [{"seed", …}]} with rows as in requests.py; the answer one line
{"sizes": […]} and that many bytes of PNG for each row, or of JSON for one that is only to be read, or {"error": …}. The first line,
{"ready": true}, says that the process can draw.
"""

import json
import os
import sys
import traceback
from collections import OrderedDict
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import torch
from PIL import Image
from torch import Tensor

from atelier.models import artifact
from atelier.models.base import Generator
from atelier.models.devices import pick_device
from atelier.models.prompted import PromptedGenerator
from atelier.serving.images import encode
from atelier.serving.requests import Row
from atelier.steering.classifier import Classifier, load
from atelier.steering.dial import turn
from atelier.text.memory import Memory

# Every pass has this many rows, the last one padded. Kernels are chosen by the shape of a batch (a matrix-vector product where
# there is one row), so that the same latent drawn in batches of different sizes differs in the last bits, and a few
# pixels with it; in passes of one shape a row never depends on its neighbours or its place.
ROWS = 4
GENERATORS = CLASSIFIERS = 4  # loaded at a time


def draw(generator: Generator, rows: Sequence[Row]) -> Tensor:
    """Images as uint8 [N, H, W, C], each a function of its own row alone, bit for bit."""
    alike: dict[str, list[int]] = {}  # rows that can share a pass, by what holds for all of it
    for index, row in enumerate(rows):
        classifier = row["dial"]["digest"] if "dial" in row else None
        alike.setdefault(json.dumps([row.get("options"), classifier], sort_keys=True), []).append(index)
    images: dict[int, Tensor] = {}
    for indices in alike.values():
        for start in range(0, len(indices), ROWS):
            drawn = indices[start : start + ROWS]
            padded = drawn + drawn[:1] * (ROWS - len(drawn))
            images.update(zip(drawn, _pass(generator, [rows[index] for index in padded]), strict=False))
    return torch.stack([images[index] for index in range(len(rows))])


def _pass(generator: Generator, rows: Sequence[Row]) -> Tensor:
    """Rows with the same options and classifier → uint8 [ROWS, H, W, C]."""
    seeds = [row["seed"] for row in rows]
    inputs = generator.inputs(seeds, [dict(row.get("chosen", ())) for row in rows] if generator.condition_dim else None)
    options = rows[0].get("options", {})
    if options.get("noise_mode") == "random":
        options = {**options, "seeds": seeds}  # each image's noise is its own
    if "dial" in rows[0]:
        classifier = _classifier(rows[0]["dial"]["folder"], rows[0]["dial"]["digest"], inputs[0].device)
        x = turn(generator, classifier, inputs, [dict(row["dial"]["targets"]) for row in rows], options=options).images
    else:
        with torch.inference_mode():
            x = generator(*inputs, **options)  # [ROWS, C, H, W] in [-1, 1]
    return ((x + 1) * 127.5).round().clamp(0, 255).to("cpu", torch.uint8).permute(0, 2, 3, 1)


@lru_cache(maxsize=CLASSIFIERS)
def _classifier(folder: str, digest: str, device: torch.device) -> Classifier:
    return load(Path(folder), device, digest=digest)[0]


def pngs(generator: Generator, rows: Sequence[Row]) -> list[bytes]:
    if not rows:
        return []
    images = draw(generator, rows)
    pixels = images.squeeze(-1).numpy() if images.shape[-1] == 1 else images.numpy()  # grey images have no channel axis in Pillow
    return [encode(Image.fromarray(image), row.get("parameters", {})) for image, row in zip(pixels, rows, strict=True)]


def read(generator: Generator, folder: Path, prompt: str) -> bytes:
    """What the version makes of a prompt, as JSON; nothing where it does not draw from text, or remembers nothing."""
    if not isinstance(generator, PromptedGenerator):
        return b"null"
    with torch.inference_mode():
        sentence = generator.sentences([prompt])[0]
    try:
        return json.dumps(_memory(folder).read(prompt, sentence)).encode()
    except FileNotFoundError:
        return b"null"


@lru_cache(maxsize=GENERATORS)
def _memory(folder: Path) -> Memory:
    return Memory.load(folder)


def main() -> None:
    # The channel is a copy of standard output; what a library prints goes to standard error instead of into the protocol.
    channel = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    device = pick_device(sys.argv[1])
    generators: OrderedDict[str, Generator] = OrderedDict()

    def answer(head: dict[str, Any], *pngs: bytes) -> None:
        channel.write(json.dumps(head).encode() + b"\n" + b"".join(pngs))
        channel.flush()

    answer({"ready": True})
    for line in sys.stdin:
        request = json.loads(line)
        try:
            if (generator := generators.pop(request["digest"], None)) is None:
                _, generator = artifact.load(Path(request["folder"]), device)
            generators[request["digest"]] = generator  # newest last
            if len(generators) > GENERATORS:
                generators.popitem(last=False)
            folder = Path(request["folder"])
            answers = [read(generator, folder, row["read"]) if "read" in row else b"" for row in request["rows"]]
            drawn = [index for index, row in enumerate(request["rows"]) if "read" not in row]
            for index, png in zip(drawn, pngs(generator, [request["rows"][index] for index in drawn]), strict=True):
                answers[index] = png
        except ValueError as error:  # of an architecture that this Atelier does not have
            answer({"error": str(error)})
        except Exception:
            traceback.print_exc()
            answer({"error": "its files cannot be read; the server's output says why"})
        else:
            answer({"sizes": list(map(len, answers))}, *answers)


if __name__ == "__main__":
    main()
