"""Directions of a version over HTTP: listed, shown, named, put aside and removed."""

import io
from collections.abc import Callable

import httpx
import pytest
import torch
from PIL import Image
from sqlalchemy import select

from atelier.registry.database import Database
from atelier.registry.store import Store
from atelier.registry.tables import Version
from atelier.serving.images import encode
from atelier.steering.directions import Direction, Facts, publish

pytestmark = pytest.mark.anyio

URL = "/api/v1/models/{}/versions/1/directions"


@pytest.fixture(scope="module")
def model(publish: Callable[..., str]) -> str:
    return publish("slid")


@pytest.fixture
def directions(model: str, database: Database, store: Store) -> str:
    """The URL of three directions of `slid`, found by two methods; the last one without a strip."""
    with database.read() as session:
        version = next(row for row in session.scalars(select(Version)) if row.model.name == model)
    facts = [
        Facts(id="sefa-1", name="SeFa 1", method="sefa", space="z", scale=1, share=0.25, change=0.1),
        Facts(id="sefa-2", name="SeFa 2", method="sefa", space="z", scale=1, share=0.125, change=0.05),
        Facts(id="interfacegan-1", name="red", method="interfacegan", space="z", scale=1, dial="red", accuracy=0.9, change=0.2),
    ]
    strips = {one.id: encode(Image.new("RGB", (20, 10), colour), {}) for one, colour in zip(facts, ("red", "blue"), strict=False)}
    found = [Direction(one, torch.nn.functional.normalize(torch.randn(100), dim=0)) for one in facts]
    publish(store.directions(version.digest), found, strips, version=version.digest, methods=["sefa", "interfacegan"], classifier="c")
    return URL.format(model)


async def test_a_version_lists_what_was_found(client: httpx.AsyncClient, directions: str) -> None:
    page = (await client.get(directions)).json()
    assert page["next_cursor"] is None
    assert [item["id"] for item in page["items"]] == ["sefa-1", "sefa-2", "interfacegan-1"]
    first, _, last = page["items"]
    assert first["strip_url"].startswith(f"{directions}/sefa-1/strip.png?")
    del first["strip_url"], first["strip"]
    assert first == {
        "id": "sefa-1",
        "name": "SeFa 1",
        "method": "sefa",
        "space": "z",
        "layers": None,
        "scale": 1,
        "share": 0.25,
        "dial": None,
        "accuracy": None,
        "change": 0.1,
        "hidden": False,
    }
    assert (last["dial"], last["accuracy"], last["strip_url"]) == ("red", 0.9, None)


async def test_its_strip_is_a_picture(client: httpx.AsyncClient, directions: str) -> None:
    for index, colour in enumerate([(255, 0, 0), (0, 0, 255)]):
        url = (await client.get(directions)).json()["items"][index]["strip_url"]
        response = await client.get(url)
        assert response.headers["content-type"] == "image/png"
        assert Image.open(io.BytesIO(response.content)).getpixel((3, 3)) == colour
    assert (await client.get(f"{directions}/interfacegan-1/strip.png")).status_code == 404


async def test_it_is_named_put_aside_and_removed(client: httpx.AsyncClient, directions: str) -> None:
    response = await client.patch(f"{directions}/sefa-2", json={"name": "  thickness "})
    assert (response.status_code, response.json()["name"], response.json()["hidden"]) == (200, "thickness", False)
    assert (await client.patch(f"{directions}/sefa-2", json={"hidden": True})).json()["name"] == "thickness"
    listed = (await client.get(directions)).json()["items"]
    assert (listed[1]["name"], listed[1]["hidden"], listed[0]["name"]) == ("thickness", True, "SeFa 1")
    assert (await client.delete(f"{directions}/sefa-2")).status_code == 204
    assert [item["id"] for item in (await client.get(directions)).json()["items"]] == ["sefa-1", "interfacegan-1"]
    again = await client.delete(f"{directions}/sefa-2")
    assert again.status_code == 404
    assert again.json()["detail"] == "slid@1 has no direction 'sefa-2'; there are sefa-1, interfacegan-1."


@pytest.mark.parametrize("body", [{"name": ""}, {"name": "  "}, {"name": "x" * 101}, {"nmae": "thickness"}, {"hidden": "perhaps"}])
async def test_what_cannot_be_changed(client: httpx.AsyncClient, directions: str, body: dict[str, object]) -> None:
    response = await client.patch(f"{directions}/sefa-1", json=body)
    assert (response.status_code, response.headers["content-type"]) == (422, "application/problem+json")


async def test_before_a_discovery_there_are_none(client: httpx.AsyncClient, publish: Callable[..., str]) -> None:
    url = URL.format(publish("unslid"))
    assert (await client.get(url)).json() == {"items": [], "next_cursor": None}
    response = await client.patch(f"{url}/sefa-1", json={"name": "thickness"})
    assert response.status_code == 404
    assert response.json()["detail"] == "Directions of unslid@1 have not been looked for yet: run a discovery first."
    assert (await client.get(URL.format("nobody"))).status_code == 404
    assert (await client.get(f"{url}/..%2F..%2Fatelier.db/strip.png")).status_code in (404, 422)
