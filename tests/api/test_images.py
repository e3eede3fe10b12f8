"""Versions, and images drawn with them: each a function of its seed, found again under its URL."""

import io
import json
from typing import Any

import httpx
import pytest
from PIL import Image

from atelier.api.quick import PATH
from atelier.app import MAX_BODY
from atelier.registry.store import Store

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("published")]

URL = "/api/v1/models/tiny/versions/2/images"


def picture(content: bytes) -> Any:
    return Image.open(io.BytesIO(content))


async def test_models_and_versions_are_listed_newest_first(client: httpx.AsyncClient) -> None:
    [model] = (await client.get("/api/v1/models")).json()["items"]
    assert (model["name"], model["versions"], model["latest"]["version"]) == ("tiny", 2, 2)
    assert (await client.get("/api/v1/models/tiny")).json() == model
    versions = (await client.get("/api/v1/models/tiny/versions")).json()["items"]
    assert [version["version"] for version in versions] == [2, 1]
    assert versions[0] == model["latest"] == (await client.get("/api/v1/models/tiny/versions/latest")).json()
    assert versions[1] == (await client.get("/api/v1/models/tiny/versions/1")).json()
    assert versions[1]["image"]["resolution"] == 16
    assert versions[1]["training"]["seed"] == 1
    assert versions[1]["conditioning"] == "none"
    samples = await client.get(versions[1]["samples_url"])
    assert (samples.content, samples.headers["content-type"]) == (b"\x89PNG of samples", "image/png")


@pytest.mark.parametrize(
    ("path", "says"),
    [
        ("tiny/versions/3", "it has 1, 2"),
        (f"tiny/versions/{10**30}", "it has 1, 2"),
        ("nothing/versions/1", "there are tiny"),
        ("nothing", "there are tiny"),
    ],
)
async def test_what_does_not_exist_is_a_404_that_lists_what_does(client: httpx.AsyncClient, path: str, says: str) -> None:
    response = await client.get(f"/api/v1/models/{path}")
    assert (response.status_code, response.headers["content-type"]) == (404, "application/problem+json")
    assert says in response.json()["detail"]
    if "versions" in path:
        assert (await client.post(f"/api/v1/models/{path}/images", json={})).status_code == 404


async def test_every_image_of_a_request_can_be_drawn_again_alone(client: httpx.AsyncClient, store: Store) -> None:
    items = (await client.post(URL, json={"count": 5, "seed": 40})).json()["items"]
    assert [item["seed"] for item in items] == [40, 41, 42, 43, 44]
    pngs = [(await client.get(item["url"])).content for item in items]
    assert len({picture(png).tobytes() for png in pngs}) == 5
    for file in store.images.rglob("*.png"):  # so that they have to be drawn again
        file.unlink()
    for item, png in zip(items, pngs, strict=True):
        assert (await client.get(item["url"])).status_code == 404
        alone = await client.post(URL, json={"seed": item["seed"]}, headers={"Accept": "image/png"})
        assert alone.headers["content-type"] == "image/png"
        assert alone.content == png == (await client.get(item["url"])).content
    assert list(store.images.rglob("*.part")) == []


ASKED: dict[str, tuple[int, bytes]] = {
    "well": (200, b'{"seed": 3, "count": 2}'),
    "a version without classes for one": (422, b'{"seed": 3, "class_index": 1}'),
    "twice": (422, b'{"seed": 3, "seeds": [1]}'),
    "for too many": (422, b'{"seed": 3, "count": 65}'),
    "in a list": (422, b"[]"),
    "not in JSON": (422, b"seed 3"),
    "with nothing": (422, b""),
    "at too great a length": (413, b'{"seed": 3, "prompt": "%s"}' % (b"x" * MAX_BODY)),
}


@pytest.mark.parametrize("accept", ["application/json", "image/png"])
@pytest.mark.parametrize("asked", ASKED)
async def test_a_version_answers_the_same_by_its_number_and_by_its_alias(client: httpx.AsyncClient, asked: str, accept: str) -> None:
    assert PATH.fullmatch(URL), "else both go the framework's way"
    status, content = ASKED[asked]
    headers = {"Accept": accept, "Content-Type": "application/json"}
    by_number = await client.post(URL, content=content, headers=headers)
    by_alias = await client.post(URL.replace("/2/", "/latest/"), content=content, headers=headers)
    assert (by_number.status_code, by_number.content, by_number.headers) == (status, by_alias.content, by_alias.headers)


async def test_a_picture_of_several_is_their_grid(client: httpx.AsyncClient) -> None:
    response = await client.post(URL, json={"seeds": [7, 9, 8]}, headers={"Accept": "image/png"})
    sheet = picture(response.content)
    assert sheet.size == (34, 34)
    assert json.loads(sheet.text["parameters"]) == {"model": "tiny", "version": 2, "seeds": [7, 9, 8]}
    items = (await client.post(URL, json={"seeds": [7, 9, 8]})).json()["items"]
    corners = [(0, 0), (18, 0), (0, 18)]
    for item, (x, y) in zip(items, corners, strict=True):
        assert sheet.crop((x, y, x + 16, y + 16)).tobytes() == picture((await client.get(item["url"])).content).tobytes()


async def test_an_image_never_changes_and_says_how_it_was_made(client: httpx.AsyncClient) -> None:
    [item] = (await client.post("/api/v1/models/tiny/versions/latest/images", json={"seed": 3})).json()["items"]
    assert item["parameters"] == {"model": "tiny", "version": 2, "seed": 3}
    image = await client.get(item["url"])
    assert json.loads(picture(image.content).text["parameters"]) == item["parameters"]
    assert "immutable" in image.headers["cache-control"]
    again = await client.get(item["url"], headers={"If-None-Match": image.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    [other] = (await client.post("/api/v1/models/tiny/versions/1/images", json={"seed": 3})).json()["items"]
    assert other["id"] != item["id"]


async def test_a_seed_that_is_not_given_is_told(client: httpx.AsyncClient) -> None:
    [first] = (await client.post(URL, json={})).json()["items"]
    [second] = (await client.post(URL, json={})).json()["items"]
    assert first["seed"] != second["seed"]
    assert (await client.post(URL, json={"seed": first["seed"]})).json()["items"] == [first]


@pytest.mark.parametrize(
    ("body", "pointers"),
    [
        ({"count": 0}, ["/count"]),
        ({"count": 65}, ["/count"]),
        ({"seed": 2**53}, ["/seed"]),
        ({"seed": -1}, ["/seed"]),
        ({"seeds": []}, ["/seeds"]),
        ({"seeds": [1, "x"]}, ["/seeds/1"]),
        ({"seeds": [1], "seed": 2}, ["/seeds"]),
        ({"format": "gif"}, ["/format"]),
        ({"class_index": 1, "prompt": "a cat"}, ["/class_index", "/prompt"]),
        ({"truncation_psi": 0.5}, ["/truncation_psi"]),
        ({"sed": 1}, ["/sed"]),
    ],
)
async def test_what_cannot_be_drawn_is_a_422(client: httpx.AsyncClient, body: dict[str, Any], pointers: list[str]) -> None:
    response = await client.post(URL, json=body)
    assert response.status_code == 422
    assert sorted(error["pointer"] for error in response.json()["errors"]) == pointers


@pytest.mark.parametrize("name", ["0" * 32, "..%2f..%2fatelier.db", "../../atelier.db", "x"])
async def test_an_image_is_named_by_its_id_alone(client: httpx.AsyncClient, name: str) -> None:
    assert (await client.get(f"/api/v1/images/{name}")).status_code in (404, 422)


async def test_the_server_is_ready_when_it_can_draw(client: httpx.AsyncClient) -> None:
    assert (await client.get("/readyz")).json() == {"status": "ok"}
