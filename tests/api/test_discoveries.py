"""Discoveries over HTTP, and images turned by what they have found."""

import io
import json
from collections.abc import Callable
from typing import Any

import httpx
import pytest
import torch
from PIL import Image

from atelier.registry.store import Store
from atelier.steering.classifier import Classifier, Description, Dial, load, publish

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("models")]

DIALS = ["red", "a/b~c", "star", "circle (class)", "square (class)"]


@pytest.fixture(scope="module")
def classifier(store: Store) -> Description:
    """Of the data set whose fingerprint all versions here have; not that it had learned anything."""
    torch.manual_seed(3)
    net = Classifier(3, 16, 3, 2, width=8)
    net.head.weight.data.mul_(20)
    net.tied[3, 4] = net.tied[4, 3] = 1
    dials = [Dial(name=name, kind="class" if "class" in name else "attribute", measured=False, accuracy=0.9) for name in DIALS]
    description = Description(
        fingerprint="0" * 64, channels=3, resolution=16, width=8, dials=dials, seed=3, steps=0, seconds=0, weights="", digest=""
    )
    return publish(store.classifier("0" * 64), net, description)


@pytest.fixture(scope="module")
def models(publish: Callable[..., str]) -> None:
    publish("cats")
    publish("pets", "cgan", names={"class_names": ["cat", "dog"]})
    publish("styled", "stylegan")


async def post(client: httpx.AsyncClient, **body: Any) -> httpx.Response:
    return await client.post("/api/v1/discoveries", json=body, headers={"Idempotency-Key": json.dumps(body)})


async def draw(client: httpx.AsyncClient, model: str, **body: Any) -> httpx.Response:
    return await client.post(f"/api/v1/models/{model}/versions/1/images", json=body)


async def test_without_a_discovery_a_dial_is_refused_and_told_what_to_do(client: httpx.AsyncClient) -> None:
    assert (await client.get("/api/v1/models/cats/versions/1")).json()["dials"] is None
    response = await draw(client, "cats", dial={"red": 0.9})
    assert response.status_code == 422
    assert [error["pointer"] for error in response.json()["errors"]] == ["/dial"]
    assert 'run a discovery first (POST /api/v1/discoveries {"model": "cats", "version": 1}' in response.json()["detail"]


async def test_a_discovery_is_a_job_like_others(client: httpx.AsyncClient) -> None:
    response = await post(client, model="cats")
    job = response.json()
    assert (response.status_code, response.headers["location"]) == (202, f"/api/v1/discoveries/{job['id']}")
    assert (job["kind"], job["status"], job["model"], job["dataset"]) == ("discover", "queued", "cats", "shapes")
    assert (await post(client, model="cats")).json()["id"] == job["id"], "the same key starts nothing new"
    url = response.headers["location"]
    assert (await client.get(url)).json() == job
    assert [item["id"] for item in (await client.get("/api/v1/discoveries")).json()["items"]] == [job["id"]]
    assert (await client.get(f"{url}/log")).text == ""
    assert (await client.post(f"{url}/pause")).status_code in (404, 405), "it can't go on in the middle"
    assert (await client.post(f"{url}/cancel")).json()["status"] == "cancelled"
    assert (await client.post(f"{url}/retry")).json()["retry_of"] == job["id"]
    assert (await client.get(f"/api/v1/training-runs/{job['id']}")).status_code == 404


@pytest.mark.parametrize(
    ("body", "status", "says"),
    [
        ({"model": "nobody"}, 404, "There is no version nobody@latest"),
        ({"model": "cats", "version": 9}, 404, "There is no version cats@9"),
        ({"model": "cats", "version": 0}, 422, ""),
        ({"model": "cats", "version": "newest"}, 404, "There is no version cats@newest"),
        ({"model": "../cats"}, 422, "use up to 64 lower-case letters"),
        ({"model": "cats", "agian": True}, 422, "agian"),
        ({"model": "cats", "methods": ["magic"]}, 422, "'classifier', 'sefa', 'pca' or 'interfacegan'"),
        ({"model": "cats", "methods": []}, 422, "at least 1 item"),
        ({}, 422, "model"),
    ],
)
async def test_what_cannot_be_discovered(client: httpx.AsyncClient, body: dict[str, Any], status: int, says: str) -> None:
    response = await client.post("/api/v1/discoveries", json=body)
    assert (response.status_code, response.headers["content-type"]) == (status, "application/problem+json")
    assert says in response.json()["detail"]


async def test_a_data_set_with_nothing_to_see_is_refused(
    client: httpx.AsyncClient, publish: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from atelier.datasets.shapes import Shapes

    monkeypatch.setattr(Shapes, "class_names", ())
    monkeypatch.setattr(Shapes, "attribute_names", ())
    response = await client.post("/api/v1/discoveries", json={"model": "cats", "methods": ["classifier"]})
    assert response.status_code == 422
    assert "The data set shapes has neither classes nor attributes, so there is nothing to find." in response.json()["detail"]


async def test_a_version_lists_what_can_be_turned(client: httpx.AsyncClient, classifier: Description) -> None:
    for model in ("cats", "pets", "styled"):
        dials = (await client.get(f"/api/v1/models/{model}")).json()["latest"]["dials"]
        assert [dial["name"] for dial in dials] == DIALS
        assert dials[0] == {"name": "red", "kind": "attribute", "measured": False, "accuracy": 0.9}
    known = (await client.post("/api/v1/discoveries", json={"model": "pets", "methods": ["classifier"]})).json()
    assert (known["status"], known["progress"]) == ("succeeded", 1.0)
    assert (await client.post("/api/v1/discoveries", json={"model": "pets", "methods": ["classifier"], "again": True})).json()[
        "status"
    ] == "queued"


@pytest.mark.parametrize(
    ("dial", "pointers", "says"),
    [
        ({"rad": 0.9}, ["/dial/rad"], "there is no dial 'rad'; there are red, a/b~c, star"),
        ({"a/b": 0.9, "red": 0.5}, ["/dial/a~1b"], "there is no dial"),
        ({"red": 1.1}, ["/dial/red"], "less than or equal to 1"),
        ({"red": -0.1}, ["/dial/red"], "greater than or equal to 0"),
        ({"red": "much"}, ["/dial/red"], "valid number"),
    ],
)
async def test_what_cannot_be_dialled(
    client: httpx.AsyncClient, classifier: Description, dial: dict[str, Any], pointers: list[str], says: str
) -> None:
    response = await draw(client, "cats", dial=dial)
    assert response.status_code == 422
    assert [error["pointer"] for error in response.json()["errors"]] == pointers
    assert says in response.json()["detail"]


@pytest.mark.parametrize(
    ("model", "beside"),
    [("cats", {}), ("pets", {"class_index": 1}), ("styled", {"truncation_psi": 0.8, "noise_mode": "random"})],
)
async def test_turned_images_show_what_was_asked_for_each_by_itself(
    client: httpx.AsyncClient, store: Store, classifier: Description, model: str, beside: dict[str, Any]
) -> None:
    seeds = [5, 6, 7, 8, 9]
    items = (await draw(client, model, seeds=seeds, dial={"red": 0.9}, **beside)).json()["items"]
    plain = (await draw(client, model, seeds=seeds, **beside)).json()["items"]
    net, _ = load(store.classifier("0" * 64), torch.device("cpu"))

    async def seen(items: list[dict[str, Any]]) -> list[float]:
        pixels = [torch.frombuffer(bytearray((await picture(client, item)).tobytes()), dtype=torch.uint8) for item in items]
        images = torch.stack(pixels).view(-1, 16, 16, 3).permute(0, 3, 1, 2) / 127.5 - 1
        return list(net(images).sigmoid()[:, 0].tolist())

    before, after = await seen(plain), await seen(items)
    assert sum(after) > sum(before) + 0.1
    assert items[0]["parameters"]["dial"] == {"red": 0.9}
    assert items[0]["parameters"]["classifier"] == classifier.digest[:16]
    assert json.loads((await picture(client, items[0])).text["parameters"]) == items[0]["parameters"]
    assert {item["id"] for item in items}.isdisjoint(item["id"] for item in plain)

    drawn = [(await picture(client, item)).tobytes() for item in items]
    for file in store.images.rglob("*.png"):  # so that they have to be drawn again
        file.unlink()
    for item, pixels in zip(items[::-1], drawn[::-1], strict=True):
        [alone] = (await draw(client, model, seed=item["seed"], dial={"red": 0.9}, **beside)).json()["items"]
        assert alone == item
        assert (await picture(client, alone)).tobytes() == pixels


async def picture(client: httpx.AsyncClient, item: dict[str, Any]) -> Any:
    return Image.open(io.BytesIO((await client.get(item["url"])).content))


async def test_rows_turned_to_different_things_share_a_pass(client: httpx.AsyncClient, classifier: Description) -> None:
    import asyncio

    asked = [{"red": 0.9}, {"star": 0.1}, None, {"red": 0.2, "star": 0.9}, {}]
    answers = await asyncio.gather(*(draw(client, "cats", seed=77, dial=dial) for dial in asked))
    assert [answer.status_code for answer in answers] == [200] * 5
    pictures = [(await picture(client, answer.json()["items"][0])).tobytes() for answer in answers]
    assert pictures[2] == pictures[4]
    assert len(set(pictures)) == 4
