"""How fast a CPU draws by each backend: eager PyTorch, channels_last, torch.compile, ONNX Runtime and OpenVINO, side by side.

For every starter version in the store, and untrained networks of preset quick for what has none (texts, DCGAN at 64 px): one thread,
batches of 1, 4 and 16. Repetitions take turns, so that what else the machine does meets all alike; medians of CPU time and of wall time.
Prints images a second as multiples of eager's, how many of 256 levels a pixel differs from eager's at most, how many of sixteen images
are in each batch size bit for bit as alone, and the seconds to get ready. OpenVINO is measured where it is installed (pip install
openvino), torch.compile where it is asked for: it takes a minute for each network.

    python benchmarks/backends.py [NAME ...] [--compile] [--repetitions 12]
"""

import argparse
import copy
import importlib.util
import os
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from statistics import median

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

import numpy as np
import torch
from torch import Tensor

from atelier.models import architectures, artifact
from atelier.models.base import ConditionalGenerator, Generator, ImageSpec
from atelier.models.onnx import export, graph_inputs
from atelier.models.prompted import PromptedGenerator
from atelier.serving.accelerate import accelerate

STARTERS = Path(__file__).parents[1] / "models_store" / "versions"
UNTRAINED = {"dcgan 64 px": ("dcgan", 64), "text_dcgan 32 px": ("text_dcgan", 32), "stackgan 64 px": ("stackgan", 64)}
SIZES = 1, 4, 16
Draw = Callable[..., Tensor]


def networks() -> Iterator[tuple[str, Generator]]:
    for folder in sorted(STARTERS.glob("*/v1")):
        yield folder.parent.name, artifact.load(folder, torch.device("cpu"))[1]
    for name, (architecture, resolution) in UNTRAINED.items():
        torch.manual_seed(0)
        cls = architectures[architecture]
        generator = cls(cls.hyperparameters("quick", resolution=resolution), ImageSpec(3, resolution, 5, 4)).generator
        if isinstance(generator, ConditionalGenerator):
            generator.learn_conditions(torch.eye(generator.condition_dim).repeat(100, 1))
        if isinstance(generator, PromptedGenerator):
            generator.learn_captions([["a red star"], ["a blue circle"], ["a large cross"]])
        for _ in range(4):  # batch norm learns what it sees
            generator(*generator.inputs(range(64)))
        for parameter in list(generator.parameters())[-2:]:
            parameter.data.mul_(10)  # the whole range of an image
        yield name, generator.eval().requires_grad_(False)


def openvino(generator: Generator, graph: Path) -> Draw:
    import openvino as ov

    settings = {"INFERENCE_NUM_THREADS": 1, "NUM_STREAMS": 1, "PERFORMANCE_HINT": "LATENCY", "INFERENCE_PRECISION_HINT": "f32"}
    request = ov.Core().compile_model(graph, "CPU", settings).create_infer_request()
    psi = {"truncation_psi": np.ones((), np.float32)} if "truncation_psi" in graph_inputs(generator) else {}

    def draw(*inputs: Tensor) -> Tensor:
        feed = {name: value.numpy() for name, value in zip(graph_inputs(generator), inputs, strict=False)}
        return torch.from_numpy(request.infer({**feed, **psi})[0].copy())

    return draw


def backends(generator: Generator, graph: Path, *, compiled: bool) -> Iterator[tuple[str, Callable[[], Draw]]]:
    yield "eager", lambda: generator
    yield "channels_last", lambda: copy.deepcopy(generator).to(memory_format=torch.channels_last)
    if compiled:
        yield "compile", lambda: torch.compile(copy.deepcopy(generator), dynamic=True)
    yield "onnxruntime", lambda: accelerate(copy.deepcopy(generator), graph)
    if importlib.util.find_spec("openvino"):
        yield "openvino", lambda: openvino(generator, graph)


def measure(name: str, generator: Generator, folder: Path, *, compiled: bool, repetitions: int) -> None:
    graph = folder / "generator.onnx"
    begun = time.perf_counter()
    export(generator, graph, {})
    print(f"\n{name}: exported in {time.perf_counter() - begun:.1f} s, {graph.stat().st_size / 1e6:.1f} MB")
    inputs = generator.inputs(range(max(SIZES)))

    def some(start: int, size: int) -> tuple[Tensor, ...]:
        return tuple(value[start : start + size] for value in inputs)

    draws: dict[str, Draw] = {}
    for backend, prepare in backends(generator, graph, compiled=compiled):
        begun = time.perf_counter()
        draws[backend] = prepare()
        for size in SIZES:
            draws[backend](*some(0, size))
        ready = time.perf_counter() - begun
        alone = torch.cat([draws[backend](*some(index, 1)) for index in range(max(SIZES))])
        same = [
            sum(
                int(torch.equal(image, own))
                for start in range(0, max(SIZES), size)
                for image, own in zip(draws[backend](*some(start, size)), alone[start : start + size], strict=True)
            )
            for size in (2, 4, 8, 16)
        ]
        if backend == "eager":
            eager = alone
        off = ((alone - eager).abs().max() * 127.5).item()
        print(f"  {backend:14} ready in {ready:5.2f} s; off by {off:.4f} levels; as alone, in 2, 4, 8, 16: {same}")

    cpu: dict[tuple[str, int], list[float]] = {(backend, size): [] for backend in draws for size in SIZES}
    wall = copy.deepcopy(cpu)
    for _ in range(repetitions):
        for size in SIZES:
            for backend, draw in draws.items():
                passes = max(1, 8 // size)
                began = time.process_time(), time.perf_counter()
                for _ in range(passes):
                    draw(*some(0, size))
                cpu[backend, size].append((time.process_time() - began[0]) / passes)
                wall[backend, size].append((time.perf_counter() - began[1]) / passes)
    for size in SIZES:
        base = median(cpu["eager", size]), median(wall["eager", size])
        told = [
            f"{backend} {base[0] / median(cpu[backend, size]):.2f} ({base[1] / median(wall[backend, size]):.2f})"
            for backend in draws
            if backend != "eager"
        ]
        print(f"  batch {size:2}: eager {1e3 * base[0]:6.2f} ms CPU ({1e3 * base[1]:6.2f} wall); times as fast: {', '.join(told)}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="NAME", help="networks to measure; all without")
    parser.add_argument("--compile", action="store_true")
    parser.add_argument("--repetitions", type=int, default=12)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder, torch.no_grad():
        for name, generator in networks():
            if not arguments.names or name in arguments.names:
                measure(name, generator, Path(folder), compiled=arguments.compile, repetitions=arguments.repetitions)


if __name__ == "__main__":
    main()
