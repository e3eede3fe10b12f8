"""The inference process: `python -m atelier.serving.worker DEVICE` draws what standard input asks for, until it ends.

A request is one line of JSON, {"folder", "digest", "rows": [{"seed", …}]}; the answer one line {"sizes": […]} and that many
bytes of PNG for each row, or {"error": …}. The first line, {"ready": true}, says that the process can draw.
"""

import json
import os
import sys
import traceback
from collections import OrderedDict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from PIL import Image
from torch import Tensor

from atelier.models import artifact
from atelier.models.base import Generator, latents
from atelier.models.devices import pick_device
from atelier.serving.images import encode

# Every pass has this many rows, the last one padded. Kernels are chosen by the shape of a batch (a matrix-vector product where
# there is one row), so that the same latent drawn in batches of different sizes differs in the last bits, and a few
# pixels with it; in passes of one shape a row never depends on its neighbours or its place.
ROWS = 4
GENERATORS = 4  # loaded at a time


@torch.inference_mode()
def draw(generator: Generator, seeds: Sequence[int], device: torch.device) -> Tensor:
    """Images as uint8 [N, H, W, C], each a function of its own seed alone, bit for bit."""
    passes = []
    for start in range(0, len(seeds), ROWS):
        chosen = list(seeds[start : start + ROWS])
        padded = chosen + chosen[:1] * (ROWS - len(chosen))
        x = generator(latents(padded, generator.latent_dim).to(device))  # [ROWS, C, H, W] in [-1, 1]
        passes.append(((x + 1) * 127.5).round().clamp(0, 255).to("cpu", torch.uint8)[: len(chosen)])
    return torch.cat(passes).permute(0, 2, 3, 1)


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
            images = draw(generator, [row["seed"] for row in request["rows"]], device)
            pixels = images.squeeze(-1).numpy() if images.shape[-1] == 1 else images.numpy()  # grey images have no channel axis in Pillow
            pngs = [encode(Image.fromarray(image), row) for image, row in zip(pixels, request["rows"], strict=True)]
        except ValueError as error:  # of an architecture that this Atelier does not have
            answer({"error": str(error)})
        except Exception:
            traceback.print_exc()
            answer({"error": "its files cannot be read; the server's output says why"})
        else:
            answer({"sizes": [len(png) for png in pngs]}, *pngs)


if __name__ == "__main__":
    main()
