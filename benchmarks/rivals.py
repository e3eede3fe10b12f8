"""What benchmarks/serving.py compares our service with; each is a process of its own that it starts.

    python benchmarks/rivals.py raw FOLDER SECONDS    batches of 16 and their PNGs, in a loop: prints images a second
    python benchmarks/rivals.py alone FOLDER COUNT    one image and its PNG at a time: prints the median's milliseconds
    python benchmarks/rivals.py paced FOLDER COUNT    the same with a pause before each, as a server has one before its client asks again
    python benchmarks/rivals.py pool FOLDER PORT      a FastAPI route that calls the generator in the thread pool

FOLDER is a published version. All draw with the weights as they are loaded, and encode as the service does.
"""

import statistics
import sys
import time
from pathlib import Path

import torch
import uvicorn
from fastapi import FastAPI, Response
from PIL import Image
from pydantic import BaseModel

from atelier.models import artifact
from atelier.models.base import Generator
from atelier.serving.images import encode
from atelier.serving.passes import Drawer

CPU = torch.device("cpu")
BATCH = 16
PAUSE = 0.005  # seconds; the caches and the clock of a processor that has waited are not what they are in a loop


class Wish(BaseModel):
    seed: int


def pictures(generator: Generator, seeds: list[int]) -> list[bytes]:
    with torch.inference_mode():
        x = generator(*generator.inputs(seeds))
    pixels = ((x + 1) * 127.5).round().clamp(0, 255).to(torch.uint8).permute(0, 2, 3, 1).numpy()
    return [encode(Image.fromarray(image), {"seed": seed}) for image, seed in zip(pixels, seeds, strict=True)]


def load(folder: Path) -> Generator:
    return artifact.load(folder, CPU)[1]


def raw(folder: Path, seconds: float) -> None:
    generator, drawn = load(folder), 0
    pictures(generator, list(range(BATCH)))
    begun = time.perf_counter()
    while time.perf_counter() - begun < seconds:
        pictures(generator, list(range(drawn, drawn + BATCH)))
        drawn += BATCH
    print(drawn / (time.perf_counter() - begun))


def alone(folder: Path, count: int, pause: float = 0.0) -> None:
    drawer, times = Drawer(load(folder)), []
    for seed in range(count):
        time.sleep(pause)
        begun = time.perf_counter()
        encode(Image.fromarray(drawer.draw([{"seed": seed}])[0].numpy()), {"seed": seed})
        times.append(time.perf_counter() - begun)
    print(statistics.median(times) * 1e3)


def paced(folder: Path, count: int) -> None:
    alone(folder, count, PAUSE)


def pool(folder: Path, port: int) -> None:
    generator, app = load(folder), FastAPI()

    @app.post("/images")
    def draw(wish: Wish) -> Response:
        return Response(pictures(generator, [wish.seed])[0], media_type="image/png")

    @app.get("/healthz")
    def health() -> dict[str, str]:
        return {}

    uvicorn.run(app, port=port, log_level="warning")


if __name__ == "__main__":
    kind, folder, number = sys.argv[1:]
    {"raw": raw, "alone": alone, "paced": paced, "pool": pool}[kind](Path(folder), int(number))
