"""A graph draws what its generator draws, in batches of any size."""

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from tests.serving.conftest import make_generator

from atelier.models import architectures
from atelier.models.base import Generator, ImageSpec
from atelier.models.onnx import export, graph_inputs

LEVEL = 1 / 127.5  # of 256, in images between -1 and 1
CHOSEN: dict[str, dict[str, Any]] = {"stylegan": {"conditions": "attributes"}}


@pytest.fixture(scope="module", params=architectures)  # each takes seconds to export
def exported(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[Generator, Path]:
    name = request.param
    generator = make_generator(name, "debug", ImageSpec(3, 16, 5, 4), **CHOSEN.get(name, {}))[1]
    path = tmp_path_factory.mktemp("onnx") / "generator.onnx"
    export(generator, path, {"architecture": name})
    assert [file.name for file in path.parent.iterdir()] == ["generator.onnx"]  # weights and all, and nothing is left beside it
    return generator, path


def run(path: Path, generator: Generator, inputs: tuple[torch.Tensor, ...], **options: float) -> torch.Tensor:
    values = [*(value.numpy() for value in inputs), *(np.array(value, np.float32) for value in options.values())]
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    [images] = session.run(["images"], dict(zip(graph_inputs(generator), values, strict=True)))
    return torch.from_numpy(images)


@pytest.mark.parametrize("psi", [1.0, 0.4])
def test_it_draws_what_the_generator_draws(exported: tuple[Generator, Path], psi: float) -> None:
    generator, path = exported
    options = {"truncation_psi": psi} if "truncation_psi" in graph_inputs(generator) else {}
    for count in (1, 3, 5):  # it was exported with two
        inputs = generator.inputs(range(count))
        images = generator(*inputs, **options)
        assert images.std(dim=0 if count > 1 else None).mean() > 0.05  # there is something to see
        torch.testing.assert_close(run(path, generator, inputs, **options), images, atol=0.1 * LEVEL, rtol=0)


def test_it_says_what_it_takes_and_is(exported: tuple[Generator, Path]) -> None:
    generator, path = exported
    model = onnx.load(path)
    onnx.checker.check_model(model, full_check=True)
    shapes = {
        value.name: [dim.dim_param or dim.dim_value for dim in value.type.tensor_type.shape.dim]
        for value in (*model.graph.input, *model.graph.output)
    }
    lengths = {"z": generator.latent_dim, "condition": generator.condition_dim, "sentences": generator.condition_dim}
    expected = {name: [] if name == "truncation_psi" else ["N", lengths[name]] for name in graph_inputs(generator)}
    assert shapes == {**expected, "images": ["N", 3, 16, 16]}
    assert {entry.key: entry.value for entry in model.metadata_props} == {"architecture": type(generator).__module__.rpartition(".")[2]}
    drawn_with = sum(value.numel() for name, value in generator.state_dict().items() if not name.startswith(("encoder.", "examples")))
    assert path.stat().st_size < 4.2 * drawn_with + 200_000  # what reads the text is not in it


def test_the_generator_is_left_as_it_was(exported: tuple[Generator, Path]) -> None:
    generator, _ = exported
    refined = dict(generator.named_buffers()).get("refined", torch.tensor(True))
    assert refined.dtype == torch.bool
    assert not generator.training
