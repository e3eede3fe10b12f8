"""What benchmarks/serving.py compares our service with; each is a process of its own that it starts.

    python benchmarks/rivals.py raw FOLDER SECONDS    batches of 16 and their PNGs, in a loop: prints images a second
    python benchmarks/rivals.py alone FOLDER COUNT    one image and its PNG at a time: prints the median's milliseconds
    python benchmarks/rivals.py pool FOLDER PORT      a FastAPI route that calls the generator in the thread pool
    python benchmarks/rivals.py litserve FOLDER PORT  LitServe with its own batching

FOLDER is a published version. All draw with the weights as they are loaded, and encode as the service does.
"""

import statistics
import sys
import time
from pathlib import Path
from typing import Any

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


def alone(folder: Path, count: int) -> None:
    drawer, times = Drawer(load(folder)), []
    for seed in range(count):
        begun = time.perf_counter()
        encode(Image.fromarray(drawer.draw([{"seed": seed}])[0].numpy()), {"seed": seed})
        times.append(time.perf_counter() - begun)
    print(statistics.median(times) * 1e3)


def pool(folder: Path, port: int) -> None:
    generator, app = load(folder), FastAPI()

    @app.post("/images")
    def draw(wish: Wish) -> Response:
        return Response(pictures(generator, [wish.seed])[0], media_type="image/png")

    @app.get("/healthz")
    def health() -> dict[str, str]:
        return {}

    uvicorn.run(app, port=port, log_level="warning")


def litserve(folder: Path, port: int) -> None:
    import litserve

    class Images(litserve.LitAPI):  # type: ignore[misc]
        def setup(self, device: str) -> None:
            self.generator = load(folder)

        def decode_request(self, request: dict[str, Any]) -> int:
            return int(request["seed"])

        def batch(self, inputs: list[int]) -> list[int]:
            return inputs

        def predict(self, seeds: list[int]) -> list[bytes]:
            return pictures(self.generator, seeds)

        def unbatch(self, output: list[bytes]) -> list[bytes]:
            return output

        def encode_response(self, output: bytes) -> Response:
            return Response(output, media_type="image/png")

    server = litserve.LitServer(
        Images(max_batch_size=BATCH, batch_timeout=0, api_path="/images"), accelerator="cpu", healthcheck_path="/healthz"
    )
    server.run(host="127.0.0.1", port=port, generate_client_file=False, log_level="warning")


if __name__ == "__main__":
    kind, folder, number = sys.argv[1:]
    {"raw": raw, "alone": alone, "pool": pool, "litserve": litserve}[kind](Path(folder), int(number))
