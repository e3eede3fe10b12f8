"""A generator as an ONNX graph, which ONNX Runtime, OpenVINO and browsers draw with."""

import copy
import inspect
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory

import torch

from atelier.models.base import Generator

INSTALL = 'pip install "atelier[onnx]"'


def graph_inputs(generator: Generator) -> list[str]:
    """The names of the graph's inputs: z; condition, or sentences where it draws from text; truncation_psi where it has one."""
    _, *names = inspect.signature(type(generator).forward).parameters  # but self
    tensors = names[: 2 if generator.condition_dim else 1]
    return [*tensors, "truncation_psi"] if "truncation_psi" in names else tensors


def export(generator: Generator, path: Path, about: Mapping[str, str]) -> None:
    """Write the graph that draws images float32 [N, C, H, W] in [-1, 1] as the generator does, with any N, as one whole file.

    Its inputs are float32: z [N, latent_dim], condition or sentences [N, condition_dim], truncation_psi [], each where the generator
    has it. Noise is the constant one. `about` is metadata that the file carries.

    Raises:
        ValueError: the packages that write ONNX are not there.
    """
    try:
        import onnxscript  # noqa: F401  (by which torch writes graphs)
    except ImportError as error:
        raise ValueError(f"ONNX is written by the packages onnx and onnxscript: {INSTALL}") from error
    generator = _settled(generator)
    names = graph_inputs(generator)
    example = dict(zip(names, generator.preview_inputs(2), strict=False))
    batch = torch.export.Dim("N")
    shapes: dict[str, dict[int, torch.export.Dim] | None] = {name: {0: batch} for name in example}
    if "truncation_psi" in names:
        example["truncation_psi"], shapes["truncation_psi"] = torch.tensor(1.0), None
    with torch.no_grad():
        program = torch.export.export(generator, (), example, dynamic_shapes=shapes)
        made = torch.onnx.export(program, input_names=names, output_names=["images"], verbose=False)
    assert made is not None
    shape = made.model.graph.inputs[0].shape
    assert shape is not None
    made.rename_axes({str(shape[0]): "N"})
    made.model.metadata_props.update(about)
    with TemporaryDirectory(dir=path.parent, prefix=".onnx-") as folder:  # never half a file under its name
        made.save(beside := Path(folder) / path.name)
        beside.replace(path)


def _settled(generator: Generator) -> Generator:
    """A copy on the CPU whose switches, such as StackGAN's `refined`, are Python's own: a graph has no branches."""
    generator = copy.deepcopy(generator).cpu().eval().requires_grad_(False)
    for module in generator.modules():
        for name, buffer in list(module.named_buffers(recurse=False)):
            if buffer.dtype == torch.bool and buffer.ndim == 0:
                delattr(module, name)
                setattr(module, name, bool(buffer))
    return generator
