"""What people bring becomes a version only when all of it is right; and what is wrong with it is said."""

import io
import json
import pickle
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save, save_file

from atelier.models import architectures, artifact
from atelier.models.artifact import MANIFEST, NETWORKS, WEIGHTS
from atelier.models.base import GenerativeModel, ImageSpec
from atelier.models.bundle import Description, kind_of, sampled, take_in
from atelier.registry.tables import now


def model_of(architecture: str = "dcgan", *, class_names: tuple[str, ...] = ()) -> GenerativeModel:
    cls = architectures[architecture]
    hp = cls.hyperparameters("debug")
    return cls(hp, ImageSpec(3, hp.resolution, len(class_names)))


def manifest_of(architecture: str = "dcgan", **changed: Any) -> artifact.Manifest:
    hp = architectures[architecture].hyperparameters("debug")
    return artifact.Manifest(
        architecture=architecture,
        hyperparameters=hp.model_dump(mode="json"),
        image=artifact.ImageSpecManifest(channels=3, resolution=hp.resolution),
        dataset=artifact.DatasetManifest(name="shapes", options={}, fingerprint="0" * 64, num_images=9, class_names=[]),
        training=artifact.TrainingManifest(preset="debug", seed=0, steps=1, images_seen=1, seconds=1.0, device="cpu", metrics={}),
        created_at=now(),
    ).model_copy(update=changed)


@pytest.fixture(scope="module")
def model() -> GenerativeModel:
    return model_of()


@pytest.fixture(scope="module")
def version(tmp_path_factory: pytest.TempPathFactory, model: GenerativeModel) -> dict[str, bytes]:
    """The files of a version, by their names."""
    folder = tmp_path_factory.mktemp("version")
    artifact.save(folder, model.generator, manifest_of(), model)
    return {file.name: file.read_bytes() for file in folder.iterdir()}


@pytest.fixture
def target(tmp_path: Path) -> Path:
    folder = tmp_path / "target"
    folder.mkdir()
    return folder


def zipped(path: Path, files: dict[str, bytes], **options: Any) -> Path:
    with zipfile.ZipFile(path, "w", **options) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return path


def test_a_zip_is_taken_to_the_byte(tmp_path: Path, target: Path, version: dict[str, bytes]) -> None:
    take_in(zipped(tmp_path / "x", {f"any name/{name}": content for name, content in version.items()}), target)
    assert {file.name: file.read_bytes() for file in target.iterdir()} == version
    assert artifact.load(target, torch.device("cpu"))[0] == manifest_of().model_copy(
        update={"created_at": artifact.read_manifest(target).created_at}
    )


Change = Callable[[dict[str, bytes]], dict[str, bytes]]


def without(name: str) -> Change:
    return lambda files: {key: value for key, value in files.items() if key != name}


def having(name: str, content: bytes) -> Change:
    return lambda files: {**files, name: content}


def telling(**changed: Any) -> Change:
    return lambda files: {**files, MANIFEST: json.dumps(json.loads(files[MANIFEST]) | changed).encode()}


WRONG: dict[str, tuple[Change, str]] = {
    "no manifest": (without(MANIFEST), "the zip has no manifest.json"),
    "no weights": (without(WEIGHTS), "the zip has no generator.safetensors"),
    "another file": (having("evil.py", b""), "holds 'evil.py', which no version has"),
    "a way up": (having("../manifest.json", b""), "which no version has"),
    "a way from the root": (having("/manifest.json", b""), "which no version has"),
    "a folder in a folder": (having("a/b/manifest.json", b""), "which no version has"),
    "twice": (having("a/manifest.json", b""), "holds manifest.json twice"),
    "half a manifest": (having(MANIFEST, b"{"), "manifest.json is no version's"),
    "no manifest's shape": (having(MANIFEST, b"[1]"), "manifest.json is no version's"),
    "no tensors": (having(WEIGHTS, b"no tensors"), "the safetensors file is damaged"),
    "half the weights": (lambda files: {**files, WEIGHTS: files[WEIGHTS][:-1000]}, "the safetensors file is damaged"),
    "other networks": (lambda files: {**files, NETWORKS: files[WEIGHTS]}, "weights in networks.safetensors do not fit"),
    "another state": (having(WEIGHTS, save({"x": torch.ones(2)})), r"missing are .* and [0-9]+ more; unexpected are x"),
    "captions": (having("captions.json", b"[]"), "do not fit each other"),
    "architecture": (telling(architecture="biggan"), "there is no architecture 'biggan'; there are"),
    "format": (telling(format=2), "which a newer Atelier wrote"),
    "a value out of bounds": (telling(hyperparameters={"latent_dim": -1}), "can't be built from these hyper-parameters"),
    "an unknown name": (telling(hyperparameters={"unheard_of": 1}), "can't be built"),
    "pictures": (telling(image={"channels": 7, "resolution": 16}), "pictures that nothing draws"),
    "classes without names": (telling(image={"channels": 3, "resolution": 16, "num_classes": 3}), "there are 3 classes, and 0 names"),
    "another shape": (telling(image={"channels": 1, "resolution": 16}), "of another shape are"),
}


@pytest.mark.parametrize(("change", "complaint"), WRONG.values(), ids=WRONG)
def test_what_is_wrong_with_a_zip_is_said(tmp_path: Path, target: Path, version: dict[str, bytes], change: Change, complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        take_in(zipped(tmp_path / "x", change(version)), target)


def test_half_a_zip_a_damaged_one_and_a_bomb(tmp_path: Path, version: dict[str, bytes]) -> None:
    whole = zipped(tmp_path / "whole", version).read_bytes()
    damaged = bytearray(whole)
    place = whole.index(version[WEIGHTS]) + len(version[WEIGHTS]) // 2
    damaged[place] ^= 255
    last = whole.rindex(b"PK\x01\x02")  # what its directory says of the last file
    nameless, misplaced = bytearray(whole), bytearray(whole)
    nameless[last + 46] = 0  # where the name begins; a zero ends it
    misplaced[-6] ^= 1  # where the directory begins
    bomb = zipped(tmp_path / "bomb", {**version, WEIGHTS: bytes(50 << 20)}, compression=zipfile.ZIP_DEFLATED).read_bytes()
    packed = zipped(tmp_path / "packed", version, compression=zipfile.ZIP_BZIP2).read_bytes()
    complaints = {
        whole[: len(whole) // 2]: "not complete",
        bytes(damaged): "generator.safetensors is damaged inside the zip",
        bytes(nameless): "the zip holds ''",
        bytes(misplaced): "is damaged",
        bomb: "is larger than any version's",
        packed: "packed in a way that is not read",
    }
    for number, (content, complaint) in enumerate(complaints.items()):
        folder = tmp_path / str(number)
        folder.mkdir()
        (tmp_path / "x").write_bytes(content)
        with pytest.raises(ValueError, match=complaint):
            take_in(tmp_path / "x", folder)


def test_weights_that_are_no_numbers(tmp_path: Path, target: Path, version: dict[str, bytes], model: GenerativeModel) -> None:
    state = {name: value.clone() for name, value in model.generator.state_dict().items()}
    name = next(name for name, value in state.items() if value.is_floating_point())
    state[name].view(-1)[0] = torch.nan
    with pytest.raises(ValueError, match="holds values that are no numbers"):
        take_in(zipped(tmp_path / "x", {**version, WEIGHTS: save(state)}), target)


def test_weights_and_their_manifest(tmp_path: Path, target: Path, version: dict[str, bytes]) -> None:
    (tmp_path / "x").write_bytes(version[WEIGHTS])
    take_in(tmp_path / "x", target, manifest=version[MANIFEST])
    assert (target / MANIFEST).read_bytes() == version[MANIFEST]
    assert load_file(target / WEIGHTS).keys() == load_file_of(version[WEIGHTS], tmp_path).keys()


def load_file_of(content: bytes, folder: Path) -> dict[str, torch.Tensor]:
    (folder / "y").write_bytes(content)
    return load_file(folder / "y")


@pytest.mark.parametrize("legacy", [False, True])
@pytest.mark.parametrize(
    "wrap",
    [lambda state: state, lambda state: {"epoch": 3, "generator": {f"module.{k}": v for k, v in state.items()}}],
    ids=["bare", "wrapped"],
)
def test_what_torch_saved(tmp_path: Path, target: Path, model: GenerativeModel, wrap: Callable[[Any], Any], legacy: bool) -> None:
    state = dict(model.generator.state_dict())
    torch.save(wrap(state), tmp_path / "x", _use_new_zipfile_serialization=not legacy)
    hp = architectures["dcgan"].hyperparameters("debug").model_dump(mode="json")
    told = take_in(tmp_path / "x", target, description=Description(architecture="dcgan", hyperparameters=hp, dataset="birds"))
    assert (told.dataset.name, told.image.channels, len(told.dataset.fingerprint)) == ("birds", 3, 64)
    _, generator = artifact.load(target, torch.device("cpu"))
    assert all(torch.equal(value, state[name]) for name, value in generator.state_dict().items())
    assert sampled(generator, 4).shape == (4, 3, hp["resolution"], hp["resolution"])


class Evil:
    """Writes a file when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> Any:
        return (open, (str(self.path), "w"))


@pytest.mark.parametrize("saved", [pickle.dumps, lambda what: torch_saved(what)], ids=["pickle", "torch"])
def test_a_pickle_runs_no_code(tmp_path: Path, target: Path, saved: Callable[[Any], bytes]) -> None:
    (tmp_path / "x").write_bytes(saved({"weights": Evil(tmp_path / "written")}))
    with pytest.raises(ValueError, match=r"more than tensors|no state dict"):
        take_in(tmp_path / "x", target, description=Description(architecture="dcgan"))
    assert not (tmp_path / "written").exists()
    assert list(target.iterdir()) == []


def torch_saved(what: Any) -> bytes:
    stream = io.BytesIO()
    torch.save(what, stream)
    return stream.getvalue()


@pytest.mark.parametrize(
    ("content", "told", "complaint"),
    [
        (torch_saved({"a": torch.ones(1)}), {"architecture": "dcgan"}, "missing are"),
        (torch_saved([1, 2]), {"architecture": "dcgan"}, "no state dict, but a list"),
        (torch_saved({"epoch": 3, "loss": 0.5}), {"architecture": "dcgan"}, "no state dict, but epoch, loss"),
        (torch_saved({})[:100], {"architecture": "dcgan"}, "not complete"),
        (torch_saved({"a": torch.ones(1)}), {"architecture": "biggan"}, "there is no architecture 'biggan'"),
        (
            torch_saved({"a": torch.ones(1)}),
            {"architecture": "dcgan", "hyperparameters": {"depth": 9}},
            "no hyper-parameters of DCGAN: depth",
        ),
        (torch_saved({"a": torch.ones(1)}), None, "send either the version's manifest or a description"),
        (b"\x89PNG\r\n\x1a\n....", {"architecture": "dcgan"}, "this is neither"),
        (b"", {"architecture": "dcgan"}, "this is neither"),
    ],
    ids=["keys", "list", "no tensors", "half", "architecture", "hyper-parameter", "nothing told", "picture", "empty"],
)
def test_what_is_wrong_with_weights_is_said(tmp_path: Path, target: Path, content: bytes, told: Any, complaint: str) -> None:
    (tmp_path / "x").write_bytes(content)
    with pytest.raises(ValueError, match=complaint):
        take_in(tmp_path / "x", target, description=told and Description.model_validate(told))


def test_content_decides_and_not_the_name(tmp_path: Path, version: dict[str, bytes]) -> None:
    save_file({"a": torch.ones(1)}, tmp_path / "weights.pth")
    torch.save({"a": torch.ones(1)}, tmp_path / "version.zip")
    zipped(tmp_path / "x.safetensors", version)
    assert [kind_of(tmp_path / name) for name in ("weights.pth", "version.zip", "x.safetensors")] == ["safetensors", "torch", "bundle"]
