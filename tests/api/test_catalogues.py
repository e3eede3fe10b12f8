"""Architectures and data sets: what a form, or a person with curl, needs to know to start."""

import io
import json

import httpx
import pytest
from PIL import Image

from atelier.datasets.catalog import datasets
from atelier.models import architectures

pytestmark = pytest.mark.anyio


async def test_every_hyperparameter_has_a_sentence_a_default_and_bounds(client: httpx.AsyncClient) -> None:
    items = (await client.get("/api/v1/architectures")).json()["items"]
    assert [item["name"] for item in items] == list(architectures)
    for item in items:
        for name, field in item["hyperparameters"]["properties"].items():
            assert field["description"], name
            assert "default" in field, name
            kinds = field.get("anyOf", [field])  # a number, or null
            bounds = {"minimum", "exclusiveMinimum", "enum", "maxLength"}
            assert any(bounds & kind.keys() or kind["type"] == "boolean" for kind in kinds), name
        assert {"debug", "quick", "paper"} <= item["presets"].keys()
        assert item["title"]
        assert item["summary"]
        assert item["paper"].startswith("https://")
        assert (await client.get(f"/api/v1/architectures/{item['name']}")).json() == item
    unknown = await client.get("/api/v1/architectures/unheard-of")
    assert (unknown.status_code, "dcgan" in unknown.json()["detail"]) == (404, True)


async def test_every_data_set_tells_its_size_classes_and_options(client: httpx.AsyncClient) -> None:
    items = (await client.get("/api/v1/datasets")).json()["items"]
    assert [item["name"] for item in items] == list(datasets)
    for item in items:
        assert item["num_images"] > 0
        assert item["channels"] in (1, 3)
        assert item["options"]["type"] == "object"
        assert item["licence"]
        assert (await client.get(f"/api/v1/datasets/{item['name']}")).json() == item
    unknown = await client.get("/api/v1/datasets/unheard-of/samples")
    assert (unknown.status_code, "shapes" in unknown.json()["detail"]) == (404, True)


@pytest.mark.parametrize("name", datasets)
async def test_samples_are_a_grid_or_a_list_of_the_same_pictures(client: httpx.AsyncClient, name: str) -> None:
    url = f"/api/v1/datasets/{name}/samples"
    query = {"count": 5, "resolution": 16, "seed": 3}
    items = (await client.get(url, params=query)).json()["items"]
    assert len(items) == 5
    assert items == (await client.get(url, params=query, headers={"Accept": "*/*"})).json()["items"]
    assert items != (await client.get(url, params=query | {"seed": 4})).json()["items"]

    grid = await client.get(url, params=query, headers={"Accept": "image/png"})
    sheet = Image.open(io.BytesIO(grid.content))
    assert sheet.size == (3 * 18 - 2, 2 * 18 - 2)
    assert json.loads(sheet.text["parameters"])["indices"] == [item["index"] for item in items]  # type: ignore[attr-defined]

    picture = await client.get(items[0]["url"])
    assert sheet.crop((0, 0, 16, 16)).tobytes() == Image.open(io.BytesIO(picture.content)).tobytes()
    again = await client.get(items[0]["url"], headers={"If-None-Match": picture.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert (await client.get(f"/api/v1/datasets/{name}/images/99999999")).status_code == 404
    wrong = await client.get(url, params={"resolution": 100_000})
    assert [error["pointer"] for error in wrong.json()["errors"]] == ["/resolution"]
