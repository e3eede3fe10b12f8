"""Generators drawn by ONNX Runtime, where its package is installed and the version's graph is there: two to five times as fast on a CPU.

Every kernel of its that our graphs need computes a row from that row alone, whatever the batch; passes.py measures it all the same.
"""

import inspect
import logging
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from atelier.models.base import Generator
from atelier.models.onnx import graph_inputs

log = logging.getLogger(__name__)

MOST_OFF = 1 / 127.5  # of an image in [-1, 1]: one level of 256
CHECKED = 2  # images, when a graph is loaded


def accelerate(generator: Generator, graph: Path) -> Generator:
    """The same generator, whose `forward` draws by the graph from now on; as it was, where that can't be.

    What the graph can't do is still drawn by torch: what needs gradients, a z for each layer, other noise than the constant one, a
    truncation of some layers. Of those without gradients each row is drawn alone, so that it does not depend on the others.
    """
    device = next(generator.parameters()).device
    if device.type != "cpu" or not graph.is_file():
        return generator
    try:
        import onnxruntime
    except ImportError:
        return generator
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = torch.get_num_threads()
    options.inter_op_num_threads = 1
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")  # a thread that waits leaves its core to others
    options.log_severity_level = 3
    try:
        session = onnxruntime.InferenceSession(graph, options, providers=["CPUExecutionProvider"])
        drawing = Drawing(generator, session.run)
        with torch.inference_mode():
            inputs = generator.preview_inputs(CHECKED)
            off = (drawing(*inputs) - generator(*inputs)).abs().max().item()
        if not off <= MOST_OFF:
            raise ValueError(f"it draws images that differ by {off:.3f}")
    except Exception as error:  # of another time, or damaged; ONNX Runtime has no common class for what it raises
        log.warning("%s is not drawn by its graph %s: %s", type(generator).__name__, graph.name, error)
        return generator
    generator.forward = drawing  # gradients, and what else a generator has, stay as they were
    return generator


class Drawing:
    """In place of a generator's `forward`: z, a condition or sentences, and options → images [N, C, H, W] in [-1, 1]."""

    def __init__(self, generator: Generator, run: Callable[[list[str], Mapping[str, Any]], list[Any]]) -> None:
        self._eager, self._run = generator.forward, run
        self._names = graph_inputs(generator)
        self._defaults = {name: parameter.default for name, parameter in inspect.signature(self._eager).parameters.items()}

    def __call__(self, *inputs: Tensor, **options: Any) -> Tensor:
        if torch.is_grad_enabled():
            images: Tensor = self._eager(*inputs, **options)
            return images
        given = {**dict(zip(self._names, inputs, strict=False)), **options}
        chosen = {name: value for name, value in given.items() if name not in self._names and value != self._defaults.get(name)}
        psi = given.get("truncation_psi", 1.0)
        if chosen or inputs[0].ndim != 2 or isinstance(psi, Tensor):
            return self._alone(inputs, options)
        feed = {name: given[name].contiguous().numpy() for name in self._names if name != "truncation_psi"}
        if "truncation_psi" in self._names:
            feed["truncation_psi"] = torch.tensor(psi, dtype=torch.float32).numpy()
        return torch.from_numpy(self._run(["images"], feed)[0])

    def _alone(self, inputs: tuple[Tensor, ...], options: dict[str, Any]) -> Tensor:
        """Row by row, by torch."""
        rows = [slice(row, row + 1) for row in range(len(inputs[0]))]
        seeds = options.get("seeds")
        of_row = [options if seeds is None else {**options, "seeds": seeds[row]} for row in rows]
        return torch.cat([self._eager(*(value[row] for value in inputs), **own) for row, own in zip(rows, of_row, strict=True)])
