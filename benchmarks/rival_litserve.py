"""LitServe, with its own batching, as benchmarks/serving.py compares our service with it: a process of its own that it starts.

    python benchmarks/rival_litserve.py FOLDER PORT

A file of its own, because LitServe's workers import what they are given anew.
"""

import sys
from pathlib import Path
from typing import Any

import litserve
from fastapi import Response
from rivals import BATCH, load, pictures


class Images(litserve.LitAPI):  # type: ignore[misc]
    def setup(self, device: str) -> None:
        self.generator = load(Path(sys.argv[1]))

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


if __name__ == "__main__":
    api = Images(max_batch_size=BATCH, batch_timeout=0, api_path="/images")
    server = litserve.LitServer(api, accelerator="cpu", healthcheck_path="/healthz")
    server.run(host="127.0.0.1", port=int(sys.argv[2]), generate_client_file=False, log_level="warning")
