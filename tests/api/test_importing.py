"""Versions are brought whole or not at all, and the server reads none of them itself."""

import io
import json
import zipfile
from collections.abc import Callable
from typing import Any

import httpx
import pytest
import torch
from PIL import Image

from atelier.models import architectures
from atelier.models.base import ImageSpec
from atelier.registry.store import Store
from atelier.serving import intake

pytestmark = pytest.mark.anyio
URL = "/api/v1/models/import"
TINY = "/api/v1/models/tiny/versions"


async def bring(client: httpx.AsyncClient, content: bytes, name: str = "upload.zip", **fields: str) -> httpx.Response:
    form = {key: (None, value) for key, value in fields.items()}
    return await client.post(URL, files={**form, "file": (name, content)})


def left(store: Store) -> list[str]:
    return [path.name for path in store.uploads.iterdir()]


def resampled(content: bytes) -> bytes:
    """The zip of another version, whose samples are a picture."""
    picture = io.BytesIO()
    Image.new("RGB", (16, 16)).save(picture, "PNG")
    return rezipped(content, samples=picture.getvalue())


def rezipped(content: bytes, samples: bytes | None = None, **told: Any) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as old, zipfile.ZipFile(stream, "w") as new:
        for name in old.namelist():
            kept: bytes | None = old.read(name)
            if name.endswith("samples.png"):
                kept = samples
            if told and name.endswith("manifest.json"):
                kept = json.dumps(json.loads(old.read(name)) | told).encode()
            if kept is not None:
                new.writestr(name, kept)
    return stream.getvalue()


async def test_what_was_downloaded_comes_back_and_draws_the_same(client: httpx.AsyncClient, published: str, store: Store) -> None:
    content = (await client.get(f"{TINY}/2/download")).content
    content = resampled(content)
    there = await bring(client, content, model="back")
    assert there.status_code == 200, there.text  # it is here already, to the byte
    assert (there.json()["model"], there.json()["version"]) == ("tiny", 2)

    assert (await client.delete(f"{TINY}/2")).status_code == 204
    binned = await bring(client, content, model="back")
    assert (binned.status_code, "tiny@2, which was deleted; restore it" in binned.json()["detail"]) == (409, True)
    await client.delete("/api/v1/bin")

    brought = await bring(client, content, "a name.safetensors", model="back")
    assert brought.status_code == 201, brought.text
    version = brought.json()
    assert (version["model"], version["version"], version["job"]) == ("back", 1, None)
    assert brought.headers["location"] == "/api/v1/models/back/versions/1"
    assert (await client.get(version["samples_url"])).content.startswith(b"\x89PNG")
    drawn = await client.post("/api/v1/models/back/versions/1/images", json={"seed": 3}, headers={"accept": "image/png"})
    assert drawn.status_code == 200
    assert left(store) == []


async def test_without_samples_some_are_drawn(client: httpx.AsyncClient, publish: Callable[..., str], store: Store) -> None:
    publish("pets", "cgan", names={"class_names": ["cat", "dog"]})
    content = (await client.get("/api/v1/models/pets/versions/1/download")).content
    brought = await bring(client, rezipped(content, created_at="2026-01-01T00:00:00Z"), model="pets")
    assert brought.status_code == 201, brought.text
    assert (brought.json()["version"], brought.json()["class_names"]) == (2, ["cat", "dog"])
    with Image.open(io.BytesIO((await client.get(brought.json()["samples_url"])).content)) as sheet:
        side = brought.json()["image"]["resolution"]
        assert sheet.width == 8 * (side + 2) - 2


async def test_weights_with_their_manifest(client: httpx.AsyncClient, publish: Callable[..., str], store: Store) -> None:
    publish("loose", seed=9)
    weights = (await client.get("/api/v1/models/loose/versions/1/download", params={"format": "safetensors"})).content
    manifest = (store.version("loose", 1) / "manifest.json").read_text()
    assert (await bring(client, weights, model="loose")).status_code == 422
    other = json.dumps(json.loads(manifest) | {"created_at": "2026-01-01T00:00:00Z"})
    brought = await bring(client, weights, model="loose", manifest=other)
    assert brought.status_code == 201, brought.text
    assert brought.json()["version"] == 2


async def test_a_state_dict_with_a_description(client: httpx.AsyncClient, store: Store) -> None:
    hp = architectures["dcgan"].hyperparameters("debug")
    stream = io.BytesIO()
    torch.save(architectures["dcgan"](hp, ImageSpec(1, hp.resolution)).generator.state_dict(), stream)
    told = {"architecture": "dcgan", "hyperparameters": hp.model_dump(mode="json"), "channels": 1, "dataset": "letters"}
    brought = await bring(client, stream.getvalue(), "generator.pth", model="letters", description=json.dumps(told))
    assert brought.status_code == 201, brought.text
    assert (brought.json()["dataset"], brought.json()["image"]["channels"]) == ("letters", 1)
    drawn = await client.post("/api/v1/models/letters/versions/latest/images", json={"seed": 3}, headers={"accept": "image/png"})
    assert drawn.status_code == 200
    other = await bring(client, stream.getvalue(), model="letters", description=json.dumps(told | {"channels": 3}))
    assert other.status_code == 422
    assert "of another shape are" in other.json()["detail"]


@pytest.mark.parametrize(
    ("fields", "content", "pointer", "words"),
    [
        ({"model": "m"}, b"nothing that is read", "/file", "this is neither a zip"),
        ({}, b"x", "/model", "say which model"),
        ({"model": "Not A Name"}, b"x", "/model", "lower-case letters"),
        ({"model": "m", "description": "{"}, b"x", "/description", "no JSON"),
        ({"model": "m", "description": "{}"}, b"x", "/description/architecture", "required"),
        ({"model": "m", "other": "1"}, b"x", "/other", "no field of this name"),
    ],
    ids=["no version", "no model", "bad name", "no JSON", "no architecture", "unknown field"],
)
async def test_what_is_wrong_is_said_and_leaves_nothing(
    client: httpx.AsyncClient, store: Store, fields: dict[str, str], content: bytes, pointer: str, words: str
) -> None:
    refused = await bring(client, content, **fields)
    assert refused.status_code == 422
    assert refused.headers["content-type"] == "application/problem+json"
    [error] = refused.json()["errors"]
    assert (error["pointer"], words in error["detail"]) == (pointer, True), error
    assert left(store) == []
    assert (await client.get("/api/v1/models/m")).status_code == 404


async def test_what_breaks_its_reader_breaks_nothing_else(client: httpx.AsyncClient, store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """The process that reads a file ends where that takes more memory than a version may; the server goes on."""
    monkeypatch.setattr(intake, "MEMORY", 20 << 20)
    refused = await bring(client, b"PK\x03\x04", model="m")
    assert (refused.status_code, "needs more memory" in refused.json()["detail"]) == (422, True)
    assert (await client.get("/healthz")).status_code == 200
    assert left(store) == []
