"""Projections over HTTP: asked for, seen, and their latents fetched."""

import io
import json
import os
from collections.abc import Callable
from typing import Any

import httpx
import psutil
import pytest
import torch
from PIL import Image
from safetensors.torch import load
from tests.conftest import encoded, photograph

from atelier.registry.database import Database
from atelier.registry.store import Store
from atelier.registry.tables import Job
from atelier.serving.images import encode, keep
from atelier.steering import latents
from atelier.steering.latents import Latents

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("models")]


@pytest.fixture(scope="module")
def models(publish: Callable[..., str]) -> None:
    publish("drawn")
    publish("pets", "cgan", names={"class_names": ["cat", "dog"]})


@pytest.fixture
async def picture(client: httpx.AsyncClient) -> str:
    sent = await client.post("/api/v1/pictures", files={"file": ("some.jpg", encoded(photograph(1), "JPEG"))})
    return str(sent.json()["id"])


async def post(client: httpx.AsyncClient, **body: Any) -> httpx.Response:
    return await client.post("/api/v1/projections", json=body, headers={"Idempotency-Key": json.dumps(body)})


async def test_a_projection_is_a_job_like_others(client: httpx.AsyncClient, picture: str) -> None:
    body = {"model": "pets", "picture": picture, "class_index": 1, "steps": 50}
    response = await post(client, **body)
    job = response.json()
    assert (response.status_code, response.headers["location"]) == (202, f"/api/v1/projections/{job['id']}")
    assert (job["kind"], job["status"], job["model"], job["architecture"], job["total_steps"]) == ("project", "queued", "pets", "cgan", 50)
    assert job["projection"] == {
        "picture": picture,
        "version": 1,
        "prompt": None,
        "class_index": 1,
        "class_weights": None,
        "attributes": None,
        "network": None,
        "distance": None,
        "psnr": None,
        "latent": None,
        "image": None,
    }
    assert (await post(client, **body)).json()["id"] == job["id"], "the same key starts nothing new"
    url = response.headers["location"]
    assert (await client.get(url)).json() == job
    assert [item["id"] for item in (await client.get("/api/v1/projections")).json()["items"]] == [job["id"]]
    for missing in ("image", "latent", "previews/3.png"):
        response = await client.get(f"{url}/{missing}")
        assert (response.status_code, response.headers["content-type"]) == (404, "application/problem+json")
    assert (await client.get(f"{url}/previews")).json()["items"] == []
    assert (await client.post(f"{url}/pause")).json()["status"] == "paused"
    assert (await client.post(f"{url}/resume")).json()["status"] == "queued"
    assert (await client.post(f"{url}/cancel")).json()["status"] == "cancelled"
    assert (await client.post(f"{url}/retry")).json()["retry_of"] == job["id"]


@pytest.mark.parametrize(
    ("body", "status", "pointers", "says"),
    [
        ({"model": "nobody"}, 404, None, "There is no version nobody@latest"),
        ({"version": 9}, 404, None, "There is no version drawn@9"),
        ({"picture": "0" * 32, "class_index": 1}, 422, ["/picture", "/class_index"], "send it first"),
        ({"model": "pets", "class_weights": {"cow": 1}}, 422, ["/class_weights/cow"], "there are cat, dog"),
        ({"model": "pets", "class_weights": {"cat": 9}}, 422, ["/class_weights/cat"], "less than or equal to 3"),
        ({"prompt": "a cat"}, 422, ["/prompt"], "drawn@1 draws from seeds alone"),
        ({"steps": -1}, 422, ["/steps"], "greater than or equal to 0"),
        ({"stpes": 1}, 422, ["/stpes"], ""),
    ],
)
async def test_what_cannot_be_projected(
    client: httpx.AsyncClient, picture: str, body: dict[str, Any], status: int, pointers: list[str] | None, says: str
) -> None:
    response = await client.post("/api/v1/projections", json={"model": "drawn", "picture": picture, **body})
    assert (response.status_code, response.headers["content-type"]) == (status, "application/problem+json")
    assert says in response.json()["detail"]
    if pointers:
        assert [error["pointer"] for error in response.json()["errors"]] == pointers


async def test_when_it_is_done_its_picture_and_its_latent_are_there(
    client: httpx.AsyncClient, picture: str, database: Database, store: Store
) -> None:
    url = (await post(client, model="drawn", picture=picture, seed=3)).headers["location"]
    number = int(url.rpartition("/")[2])
    with database.write() as session:
        job = session.get_one(Job, number)
        job.claim("log.txt", os.getpid(), psutil.Process().create_time())  # ours
        job.start()
        keep(store.preview(number, 7), encode(Image.new("RGB", (20, 20), "red"), {}))
        job.preview_step = 7
    shown = await client.get(f"{url}/image")
    assert (shown.headers["cache-control"], Image.open(io.BytesIO(shown.content)).getpixel((0, 0))) == ("no-cache", (255, 0, 0))
    assert (await client.get(f"{url}/previews/7.png")).status_code == 200
    z = torch.randn(1, 100)
    keep(store.result(number), encode(Image.new("RGB", (20, 20), "blue"), {}))
    latents.keep(store.projection(number), Latents((z,)), digest="v")
    with database.write() as session:
        job = session.get_one(Job, number)
        job.spec = job.spec | {"network": "lite0", "distance": 0.25, "psnr": 21.5}
        job.succeed()
    told = (await client.get(url)).json()["projection"]
    assert (told["network"], told["distance"], told["psnr"]) == ("lite0", 0.25, 21.5)
    assert Image.open(io.BytesIO((await client.get(told["image"])).content)).getpixel((0, 0)) == (0, 0, 255)
    latent = await client.get(told["latent"])
    assert f"latent-{number}.safetensors" in latent.headers["content-disposition"]
    assert torch.equal(load(latent.content)["input0"], z)
