"""Weights on disk: in half the size where that is asked for, and all networks where all were kept."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from torch.utils._python_dispatch import TorchDispatchMode

from atelier.models import architectures, artifact
from atelier.models.base import GenerativeModel, ImageSpec

CPU = torch.device("cpu")


@pytest.fixture(params=list(architectures.values()), ids=list(architectures))
def model(request: pytest.FixtureRequest) -> GenerativeModel:
    torch.manual_seed(0)
    cls: type[GenerativeModel] = request.param
    return cls(cls.hyperparameters("debug"), ImageSpec(channels=3, resolution=16, num_classes=3, num_attributes=2))


def manifest(model: GenerativeModel) -> artifact.Manifest:
    return artifact.Manifest.model_validate(
        {
            "architecture": model.name,
            "hyperparameters": type(model).hyperparameters("debug").model_dump(),
            "image": artifact.image_spec_manifest(model.spec).model_dump(),
            "dataset": {"name": "shapes", "options": {}, "fingerprint": "0", "num_images": 1, "class_names": []},
            "training": {"preset": "debug", "seed": 0, "steps": 1, "images_seen": 1, "seconds": 1, "device": "cpu", "metrics": {}},
            "created_at": "2026-01-01T00:00:00Z",
        }
    )


class Changes(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Names of what is done to tensors that have but a shape."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.seen: set[str] = set()

    def __torch_dispatch__(self, func: Any, types: object, args: Sequence[Any] = (), kwargs: Mapping[str, Any] | None = None) -> Any:
        if any(isinstance(value, torch.Tensor) and value.is_meta for value in args):
            self.seen.add(func.overloadpacket.__name__)
        return func(*args, **(kwargs or {}))


def test_loading_computes_no_weights_of_its_own(model: GenerativeModel, tmp_path: Path) -> None:
    artifact.save(tmp_path, model.generator, manifest(model))
    with Changes() as changes:
        _, generator = artifact.load(tmp_path, CPU)
    assert changes.seen <= {"detach", "fill_", "zero_"}  # biases: no random numbers, and nothing that torch imports its compiler for
    state = model.generator.state_dict()
    assert all(torch.equal(value, state[name]) for name, value in generator.state_dict().items())


def test_half_precision_halves_the_file_and_draws_the_same_in_float32(model: GenerativeModel, tmp_path: Path) -> None:
    (tmp_path / "full").mkdir()
    (tmp_path / "half").mkdir()
    artifact.save(tmp_path / "full", model.generator, manifest(model), model)
    artifact.save(tmp_path / "half", model.generator, manifest(model), model, dtype=torch.float16)
    for name in (artifact.WEIGHTS, artifact.NETWORKS):
        full, half = ({k: v.numel() * v.element_size() for k, v in load_file(tmp_path / size / name).items()} for size in ("full", "half"))
        assert sum(half.values()) < 0.6 * sum(full.values()), name
    _, generator = artifact.load(tmp_path / "half", CPU)
    assert {value.dtype for value in generator.state_dict().values() if value.is_floating_point()} == {torch.float32}
    inputs = generator.inputs([1, 2])
    assert (generator(*inputs) - model.generator.eval()(*inputs)).abs().max() < 0.02


def test_half_precision_leaves_variances_as_they_are(tmp_path: Path) -> None:
    cls = architectures["dcgan"]
    model = cls(cls.hyperparameters("debug"), ImageSpec(channels=3, resolution=16))
    name, variance = next((name, value) for name, value in model.generator.named_buffers() if name.endswith("running_var"))
    variance.fill_(1e6)  # more than the largest half
    artifact.save(tmp_path, model.generator, manifest(model), dtype=torch.float16)
    assert torch.equal(artifact.load(tmp_path, CPU)[1].state_dict()[name], variance)


def test_a_version_still_draws_when_a_hyperparameter_it_was_trained_by_has_retired(tmp_path: Path) -> None:
    cls = architectures["text_dcgan"]
    model = cls(cls.hyperparameters("debug"), ImageSpec(channels=3, resolution=16))
    told = manifest(model)
    old = told.model_copy(update={"hyperparameters": {**told.hyperparameters, "crossing": 0.5}})
    artifact.save(tmp_path, model.generator, old)
    assert artifact.load(tmp_path, CPU)[0] == old
    artifact.save(tmp_path, model.generator, told.model_copy(update={"hyperparameters": {**told.hyperparameters, "unheard_of": 1}}))
    with pytest.raises(ValueError, match=r"another version of Atelier, whose Text2Image DCGAN differs in unheard_of"):
        artifact.load(tmp_path, CPU)


def test_all_networks_come_back_with_the_averaged_generator(model: GenerativeModel, tmp_path: Path) -> None:
    average = type(model)(type(model).hyperparameters("debug"), model.spec).generator  # other weights
    artifact.save(tmp_path, average, manifest(model), model)
    loaded, found = artifact.load_model(tmp_path, CPU)
    assert loaded == manifest(model)
    assert not any(module.training for module in found.modules())
    assert not any(p.requires_grad for p in found.parameters())
    expected = model.state_dict() | {f"generator.{name}": value for name, value in average.state_dict().items()}
    state = found.state_dict()
    assert state.keys() == expected.keys()
    assert all(torch.equal(state[name], value) for name, value in expected.items())


def test_a_version_without_its_networks_says_so(model: GenerativeModel, tmp_path: Path) -> None:
    artifact.save(tmp_path, model.generator, manifest(model))
    with pytest.raises(ValueError, match=r"holds a generator alone: there is no networks\.safetensors"):
        artifact.load_model(tmp_path, CPU)
