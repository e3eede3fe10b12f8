"""What holds for every architecture; a new one is covered unasked."""

import inspect
import json
from pathlib import Path

import pytest
import torch
from pydantic import ValidationError

from atelier.models import architectures, artifact
from atelier.models.base import Batch, GenerativeModel, ImageSpec, Stage, architecture, latents

CPU = torch.device("cpu")
GREY_AND_COLOUR = pytest.mark.parametrize("channels", [1, 3])


@pytest.fixture(params=architectures.values(), ids=architectures.keys())
def cls(request: pytest.FixtureRequest) -> type[GenerativeModel]:
    found: type[GenerativeModel] = request.param
    return found


def build(cls: type[GenerativeModel], channels: int = 3, resolution: int = 16) -> GenerativeModel:
    torch.manual_seed(0)
    spec = ImageSpec(channels=channels, resolution=resolution, num_classes=3, num_attributes=2)
    return cls(cls.hyperparameters("debug", resolution=resolution), spec)


def test_a_class_says_what_it_is(cls: type[GenerativeModel]) -> None:
    assert cls.title
    assert cls.paper.startswith("https://arxiv.org/abs/")
    assert cls.summary()
    assert cls.__module__ == f"atelier.models.{inspect.getfile(cls).rsplit('/', 1)[-1].removesuffix('.py')}"


def test_every_hyperparameter_has_a_sentence_a_default_and_bounds(cls: type[GenerativeModel]) -> None:
    for name, field in cls.Hyperparameters.model_json_schema()["properties"].items():
        assert field.get("description", "").endswith("."), name
        assert "default" in field, name
        if field.get("type") in ("integer", "number"):
            assert (
                ("minimum" in field or "exclusiveMinimum" in field) and ("maximum" in field or "exclusiveMaximum" in field)
            ) or "enum" in field, name


def test_presets_are_valid_and_complete(cls: type[GenerativeModel]) -> None:
    assert {"debug", "quick", "paper"} <= set(cls.presets)
    for preset in cls.presets:
        cls.hyperparameters(preset)


def test_chosen_values_override_the_preset_and_are_checked(cls: type[GenerativeModel]) -> None:
    assert cls.hyperparameters("debug", steps=7).steps == 7
    with pytest.raises(ValidationError, match="greater than or equal to 1"):
        cls.hyperparameters(steps=0)
    with pytest.raises(ValidationError, match="Extra inputs are not permitted"):
        cls.hyperparameters(colour="red")
    with pytest.raises(ValueError, match=f"has no preset 'huge'; it has {', '.join(cls.presets)}"):
        cls.hyperparameters("huge")


@pytest.mark.parametrize("resolution", [16, 32, 64])
def test_what_it_draws_from_is_known_before_it_is_built(cls: type[GenerativeModel], resolution: int) -> None:
    model = build(cls, resolution=resolution)
    hp, generator = cls.hyperparameters("debug", resolution=resolution), model.generator
    assert cls.latent_dim(hp) == generator.latent_dim == generator.inputs([1])[0].shape[1]
    styles = generator.styles(*generator.inputs([1])) if generator.style_dim else torch.zeros(1, 0)  # type: ignore[operator]
    assert cls.num_styles(hp) == styles.shape[1]


@GREY_AND_COLOUR
@pytest.mark.parametrize("resolution", [16, 32, 64])
def test_it_draws_images_of_the_asked_shape_and_range(cls: type[GenerativeModel], channels: int, resolution: int) -> None:
    generator = build(cls, channels, resolution).generator.eval()
    images = generator(*generator.inputs([1, 2]))
    assert images.shape == (2, channels, resolution, resolution)
    assert images.abs().max() <= 1
    assert not torch.equal(images[0], images[1])


@GREY_AND_COLOUR
def test_each_phase_trains_its_own_module_with_finite_losses(cls: type[GenerativeModel], channels: int) -> None:
    model = build(cls, channels)
    attributes = torch.tensor([(0.0, 1), (1, 1), (0, 0), (1, 0)])
    captions = ("a red cat", "a dog", "a red cat", "two birds")
    images = torch.rand(4, channels, 16, 16) * 2 - 1
    batch = Batch(images=images, labels=torch.tensor([0, 1, 2, 0]), attributes=attributes, captions=captions)
    stages = list(model.stages())
    assert all(isinstance(stage, Stage) and stage.steps > 0 for stage in stages)
    for phase in (phase for stage in stages for phase in stage.phases):
        model.requires_grad_(False)
        phase.module.requires_grad_(True)
        losses = phase.losses(batch)
        assert all(value.shape == () and value.isfinite() for value in losses.values()), phase.name
        losses["loss"].backward()
        assert all(p.grad is not None for p in phase.module.parameters()), phase.name
        assert {id(p) for group in phase.optimizer.param_groups for p in group["params"]} == {id(p) for p in phase.module.parameters()}
        model.zero_grad()


def test_an_artifact_rebuilds_the_same_generator(cls: type[GenerativeModel], tmp_path: Path) -> None:
    model = build(cls)
    manifest = artifact.Manifest.model_validate(
        {
            "architecture": cls.name,
            "hyperparameters": cls.hyperparameters("debug").model_dump(),
            "image": {"channels": 3, "resolution": 16, "num_classes": 3, "num_attributes": 2},
            "dataset": {"name": "shapes", "options": {}, "fingerprint": "0", "num_images": 1, "class_names": []},
            "training": {"preset": "debug", "seed": 0, "steps": 1, "images_seen": 1, "seconds": 1, "device": "cpu", "metrics": {}},
            "created_at": "2026-01-01T00:00:00Z",
        }
    )
    artifact.save(tmp_path, model.generator, manifest)
    loaded, generator = artifact.load(tmp_path, CPU)
    assert loaded == manifest
    assert not generator.training
    inputs = generator.inputs([5])
    assert torch.equal(generator(*inputs), model.generator.eval()(*inputs))


def test_an_artifact_of_an_unknown_architecture_is_refused_by_name(tmp_path: Path) -> None:
    cls = architectures["dcgan"]
    test_an_artifact_rebuilds_the_same_generator(cls, tmp_path)
    manifest = json.loads((tmp_path / artifact.MANIFEST).read_text()) | {"architecture": "perceptron"}
    (tmp_path / artifact.MANIFEST).write_text(json.dumps(manifest))
    with pytest.raises(ValueError, match=r"'perceptron' is not one of .*dcgan"):
        artifact.load(tmp_path, CPU)


def test_an_artifact_with_hyperparameters_of_another_time_says_which(tmp_path: Path) -> None:
    test_an_artifact_rebuilds_the_same_generator(architectures["dcgan"], tmp_path)
    manifest = json.loads((tmp_path / artifact.MANIFEST).read_text())
    manifest["hyperparameters"] |= {"augment": True, "sparkle": 3}
    (tmp_path / artifact.MANIFEST).write_text(json.dumps(manifest))
    with pytest.raises(ValueError, match="another version of Atelier, whose DCGAN differs in augment, sparkle"):
        artifact.load(tmp_path, CPU)


def test_a_name_is_taken_once() -> None:
    with pytest.raises(ValueError, match=r"'dcgan' is already defined in atelier\.models\.dcgan"):
        architecture("dcgan")(architectures["vae"])


def test_a_latent_depends_on_its_seed_alone() -> None:
    together = latents([3, 9, 4], 16)
    assert torch.equal(together[1], latents([9], 16)[0])
    assert together.std() > 0.5
