"""ONNX graphs of versions: made in a process of their own, `python -m atelier.serving.graphs FOLDER FILE`, and kept in the store.

Making one takes many seconds, and tensors, neither of which the web process has. It is made when it is asked for, or when a version has
drawn so many images that it is worth it; from then on, ONNX Runtime draws the version.
"""

import asyncio
import importlib.util
import json
import logging
import os
import sys
from asyncio.subprocess import PIPE
from collections import Counter
from dataclasses import replace
from pathlib import Path

from atelier.errors import AtelierError, Invalid, Overloaded
from atelier.models.artifact import Manifest, load
from atelier.models.base import architectures
from atelier.models.onnx import INSTALL, export
from atelier.serving.waiting import Weights

log = logging.getLogger(__name__)

EXPORT_SECONDS = 300.0


def graph_of(weights: Weights) -> Path:
    """Where the graph of a version in the store is, or will be."""
    return weights.folder.parents[2] / "compiled" / f"{weights.digest}.onnx"


def by_graph(weights: Weights) -> Weights:
    """With its graph, where there is one and what draws by it is installed."""
    graph = graph_of(weights)
    return replace(weights, graph=graph) if graph.is_file() and importlib.util.find_spec("onnxruntime") is not None else weights


def about(manifest: Manifest) -> dict[str, str]:
    """What a graph's file tells of itself: how to use it, and where it comes from."""
    cls = architectures[manifest.architecture]
    conditioning = cls.conditioned_on(cls.Hyperparameters.model_construct(**manifest.hyperparameters))
    inputs = {
        "z": "standard normal [N, latent_dim]",
        "condition": f"a weight for each of the {conditioning} [N, classes or attributes]",
        "sentences": "embeddings [N, dim] of prompts by the version's own encoder, normalised to mean 0 and variance 1; not in this file",
        "truncation_psi": "1 draws with all of the variety, 0 the mean image",
        "images": "in [-1, 1], [N, channels, height, width]",
    }
    return {
        "atelier.architecture": manifest.architecture,
        "atelier.conditioning": conditioning,
        "atelier.class_names": json.dumps(manifest.dataset.class_names, ensure_ascii=False),
        "atelier.attribute_names": json.dumps(manifest.dataset.attribute_names, ensure_ascii=False),
        "atelier.dataset": manifest.dataset.name,
        "atelier.image": manifest.image.model_dump_json(),
        "atelier.training": json.dumps({"steps": manifest.training.steps, "seed": manifest.training.seed}),
        "atelier.created_at": manifest.created_at.isoformat(),
        "atelier.values": json.dumps(inputs),
    }


def make(folder: Path, path: Path) -> None:
    """Export the version in a folder.

    Raises:
        ValueError: as `artifact.load` and `onnx.export`.
    """
    import torch

    manifest, generator = load(folder, torch.device("cpu"))
    path.parent.mkdir(parents=True, exist_ok=True)
    export(generator, path, about(manifest))


class Graphs:
    """Those that are being made: however many ask for one, it is made once; one at a time.

    `after` is how many images a version draws by torch before its graph is made unasked; 0: never.
    """

    def __init__(self, after: int = 0) -> None:
        self._after = after
        self._drawn = Counter[str]()  # images, by the digests of their versions
        self._making: dict[Path, asyncio.Task[None]] = {}
        self._turn = asyncio.Semaphore(1)

    async def get(self, weights: Weights) -> Path:
        """A version's graph, made now where it was not. Who gives up leaves it to be made for the next.

        Raises:
            Invalid: the packages that write ONNX are not installed here.
            Overloaded: it took too long.
            AtelierError: the version can't be exported.
        """
        path = graph_of(weights)
        if path.is_file():
            return path
        if importlib.util.find_spec("onnxscript") is None:
            raise Invalid.at("/format", f"this server can't write ONNX until its operator runs {INSTALL}")
        await asyncio.shield(self._begin(weights, path))
        return path

    def count(self, weights: Weights, images: int) -> None:
        """Hear of images that torch drew, on a CPU; must be called in the event loop."""
        if self._after and self._drawn[weights.digest] < self._after:
            self._drawn[weights.digest] += images
            packages = ("onnxscript", "onnxruntime")
            if self._drawn[weights.digest] >= self._after and all(map(importlib.util.find_spec, packages)):
                self._begin(weights, graph_of(weights))

    def _begin(self, weights: Weights, path: Path) -> "asyncio.Task[None]":
        if path not in self._making:
            self._making[path] = asyncio.create_task(self._make(weights, path), name=f"graph of {weights.name}")
            self._making[path].add_done_callback(lambda task: self._forget(path, task))
        return self._making[path]

    def _forget(self, path: Path, task: "asyncio.Task[None]") -> None:
        self._making.pop(path, None)
        if not task.cancelled():
            task.exception()  # told to whoever was there to hear it

    async def _make(self, weights: Weights, path: Path) -> None:
        async with self._turn:
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "atelier.serving.graphs", str(weights.folder), str(path)),
                stderr=PIPE,
                env={**os.environ, "OMP_WAIT_POLICY": "PASSIVE", "OMP_NUM_THREADS": "1"},
                start_new_session=True,  # Ctrl+C is for the web process
            )
            try:
                _, said = await asyncio.wait_for(process.communicate(), EXPORT_SECONDS)
            except TimeoutError as error:
                raise Overloaded(f"exporting {weights.name} took too long; the machine is busy", retry_after=60) from error
            finally:
                if process.returncode is None:
                    process.kill()
                    await process.wait()
        if process.returncode == 2:
            raise AtelierError(f"{weights.name} can't be exported: {said.decode(errors='replace').strip().splitlines()[-1]}")
        if process.returncode != 0:
            log.error("exporting %s failed: %s", weights.name, said.decode(errors="replace"))
            raise AtelierError(f"{weights.name} can't be exported; the server's log says why")


def main() -> None:
    os.nice(10)  # nobody who draws or trains shall wait for it
    logging.getLogger("onnxscript").setLevel(logging.ERROR)
    try:
        make(Path(sys.argv[1]), Path(sys.argv[2]))
    except ValueError as error:
        print(str(error), file=sys.stderr)
        sys.exit(2)


if __name__ == "__main__":
    main()
