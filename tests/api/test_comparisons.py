"""The same seeds through several versions, side by side."""

import io
import json
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from PIL import Image

from atelier.serving.images import GAP

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("versions")]

URL = "/api/v1/comparisons"


@pytest.fixture(scope="module")
def versions(published: str, publish: Callable[..., str]) -> None:
    publish("pets", "cgan", names={"class_names": ["cat", "dog"]})
    publish("zoo", "cgan", names={"class_names": ["dog", "emu"]}, resolution=32)


def picture(content: bytes) -> Any:
    return Image.open(io.BytesIO(content))


async def test_each_row_is_what_its_version_draws_alone(client: httpx.AsyncClient) -> None:
    answer = await client.post(URL, json={"versions": ["tiny@1", "tiny@latest", "tiny"], "seed": 3, "count": 2})
    assert answer.status_code == 200, answer.text
    told = answer.json()
    assert told["seeds"] == [3, 4]
    assert [item["version"] for item in told["items"]] == ["tiny@1", "tiny@2", "tiny@2"]
    for item, number in zip(told["items"], (1, 2, 2), strict=True):
        alone = await client.post(f"/api/v1/models/tiny/versions/{number}/images", json={"seed": 3, "count": 2})
        assert item["images"] == alone.json()["items"]
    first, second = (item["images"][0] for item in told["items"][:2])
    assert (await client.get(first["url"])).content != (await client.get(second["url"])).content
    kept = (await client.get("/api/v1/images", params={"model": "tiny"})).json()["items"]
    assert {image["id"] for item in told["items"] for image in item["images"]} == {item["id"] for item in kept}


async def test_seeds_that_are_not_given_are_the_same_for_all(client: httpx.AsyncClient) -> None:
    told = (await client.post(URL, json={"versions": ["tiny@1", "tiny@2"]})).json()
    assert [[image["seed"] for image in item["images"]] for item in told["items"]] == [told["seeds"]] * 2


async def test_the_picture_has_a_row_for_each_version_and_a_column_for_each_seed(client: httpx.AsyncClient) -> None:
    body = {"versions": ["pets", "zoo"], "seeds": [7, 8, 9], "class_weights": {"dog": 1}}
    sheet = picture((await client.post(URL, json=body, headers={"Accept": "image/png"})).content)
    assert sheet.size == (3 * 32 + 2 * GAP, 2 * 32 + GAP)
    assert json.loads(sheet.text["parameters"]) == {**body, "versions": ["pets@1", "zoo@1"]}
    items = (await client.post(URL, json=body)).json()["items"]
    for y, item in enumerate(items):
        for x, image in enumerate(item["images"]):
            alone = picture((await client.get(image["url"])).content).resize((32, 32), Image.Resampling.NEAREST)
            left, top = x * (32 + GAP), y * (32 + GAP)
            assert sheet.crop((left, top, left + 32, top + 32)).tobytes() == alone.tobytes()


@pytest.mark.parametrize(("accept", "format", "kind"), [("image/webp", None, "WEBP"), ("image/png", "jpeg", "JPEG")])
async def test_other_formats(client: httpx.AsyncClient, accept: str, format: str | None, kind: str) -> None:
    body = {"versions": ["tiny@1", "tiny@2"], "seed": 1, **({"format": format} if format else {})}
    assert picture((await client.post(URL, json=body, headers={"Accept": accept})).content).format == kind


async def test_files_come_in_a_zip(client: httpx.AsyncClient) -> None:
    answer = await client.post(URL, json={"versions": ["tiny@1", "tiny@2"], "seeds": [1, 2]}, headers={"Accept": "application/zip"})
    assert answer.headers["content-type"] == "application/zip"
    assert answer.content.startswith(b"PK")


@pytest.mark.parametrize(
    ("body", "pointers", "says"),
    [
        ({"versions": ["tiny@1"]}, ["/versions"], "at least 2"),
        ({"versions": ["tiny@1"] * 9}, ["/versions"], "at most 8"),
        ({"versions": ["tiny@1", "tiny@9"]}, ["/versions/1"], "it has 1, 2"),
        ({"versions": ["nothing", "tiny"]}, ["/versions/0"], "there are"),
        ({"versions": ["tiny@1", "tiny@new"]}, ["/versions/1"], "no version new"),
        ({"versions": ["tiny@1", "tiny@2"], "count": 17}, ["/count"], "16"),
        ({"versions": ["tiny@1", "tiny@2"], "seeds": [1], "seed": 1}, ["/seeds"], "either"),
        ({"versions": ["pets", "tiny"], "class_index": 1}, ["/class_index"], "tiny@2: takes latent"),
        ({"versions": ["pets", "zoo"], "class_weights": {"cat": 1}}, ["/class_weights/cat"], "zoo@1: there is no class 'cat'"),
        ({"versions": ["pets", "zoo", "tiny"], "prompt": "a cat"}, ["/prompt"] * 3, "zoo@1: takes class_index"),
    ],
)
async def test_what_one_version_cannot_do_is_a_422_that_names_it(
    client: httpx.AsyncClient, body: dict[str, Any], pointers: list[str], says: str
) -> None:
    answer = await client.post(URL, json=body)
    assert answer.status_code == 422, answer.text
    assert [error["pointer"] for error in answer.json()["errors"]] == pointers
    assert any(says in error["detail"] for error in answer.json()["errors"])
