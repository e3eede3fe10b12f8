"""Grids of mixed styles over HTTP."""

import io
import json
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from PIL import Image

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("versions")]

URL = "/api/v1/models/{}/versions/1/style-mixing"
SEEDS = {"rows": [1, 2], "columns": [11, 12, 13]}


@pytest.fixture(scope="module")
def versions(publish: Callable[..., str]) -> None:
    publish("tiny")
    publish("plain", "stylegan")
    publish("pets", "stylegan", names={"class_names": ["cat", "dog"]}, conditions="class")


async def mix(client: httpx.AsyncClient, model: str = "plain", **body: Any) -> dict[str, Any]:
    response = await client.post(URL.format(model), json={**SEEDS, **body})
    assert response.status_code == 200, response.text
    told: dict[str, Any] = response.json()
    return told


def pixels(content: bytes) -> list[tuple[int, ...]]:
    return list(Image.open(io.BytesIO(content)).convert("RGB").get_flattened_data())  # type: ignore[attr-defined]


async def test_each_image_has_its_rows_coarse_styles_and_its_columns_fine_ones(client: httpx.AsyncClient) -> None:
    grid = await mix(client, layers=["fine"], noise_mode="none", truncation_psi=0.8)
    assert grid["layers"] == [4, 5]  # of six, at 16 pixels
    assert [[len(line) for line in grid["items"]], len(grid["rows"]), len(grid["columns"])] == [[3, 3], 2, 3]
    ids = [image["id"] for line in grid["items"] for image in line]
    assert len({*ids, *(source["id"] for source in grid["rows"] + grid["columns"])}) == 6 + 5
    assert grid["items"][1][2]["parameters"] == {
        "model": "plain",
        "version": 1,
        "mixed": [{"seed": 2}, {"seed": 13}],
        "layers": [4, 5],
        "noise_mode": "none",
        "truncation_psi": 0.8,
    }
    other = await mix(client, rows=[11, 12, 13], columns=[1, 2], layers=["coarse", "middle"], noise_mode="none", truncation_psi=0.8)
    here, there = [(await client.get(one["items"][y][x]["url"])).content for one, y, x in ((grid, 1, 2), (other, 2, 1))]
    assert pixels(here) == pixels(there)  # the same styles, taken from the other side
    drawn = await client.post("/api/v1/models/plain/versions/1/images", json={"seed": 12, "noise_mode": "none", "truncation_psi": 0.8})
    assert grid["columns"][1]["id"] == drawn.json()["items"][0]["id"]


async def test_of_all_layers_it_is_the_columns_image(client: httpx.AsyncClient) -> None:
    grid = await mix(client, layers=["coarse", "middle", 4, 5])
    assert [[image["id"] for image in line] for line in grid["items"]] == [[image["id"] for image in grid["columns"]]] * 2


async def test_sources_are_asked_for_as_images_are(client: httpx.AsyncClient) -> None:
    rows = [{"seed": 1, "class_index": 0}, {"latent": [0.1] * 32, "class_weights": {"dog": 1}}]
    grid = await mix(client, "pets", rows=rows)
    assert [row["parameters"]["class_weights"] for row in grid["rows"]] == [{"cat": 1.0}, {"dog": 1.0}]
    assert grid["rows"][1]["parameters"]["seed"] == 0


async def test_the_picture_has_its_sources_along_the_border(client: httpx.AsyncClient) -> None:
    grid = await mix(client)
    response = await client.post(URL.format("plain"), json=SEEDS, headers={"Accept": "image/png"})
    picture = Image.open(io.BytesIO(response.content))
    assert picture.size == (4 * 18 - 2 + 2, 3 * 18 - 2 + 2)
    told = json.loads(picture.text["parameters"])  # type: ignore[attr-defined]
    assert told == {"model": "plain", "version": 1, "rows": [{"seed": 1}, {"seed": 2}], "columns": [{"seed": s} for s in (11, 12, 13)]} | {
        "layers": grid["layers"]
    }
    for (x, y), one in {(1, 0): grid["columns"][0], (0, 2): grid["rows"][1], (3, 1): grid["items"][0][2]}.items():
        left, top = x * 18 + (2 if x else 0), y * 18 + (2 if y else 0)
        cut = picture.crop((left, top, left + 16, top + 16))
        assert list(cut.convert("RGB").get_flattened_data()) == pixels((await client.get(one["url"])).content)  # type: ignore[attr-defined]
    told = (await client.post("/api/v1/images/inspect", content=response.content, headers={"content-type": "image/png"})).json()
    assert (await client.post(told["request"]["url"], json=told["request"]["body"])).json() == grid
    corner = picture.crop((0, 0, 16, 16)).convert("RGB")
    assert corner.getcolors() == [(256, (255, 255, 255))]


@pytest.mark.parametrize(
    ("model", "body", "says"),
    [
        ("tiny", {}, "has no styles of its layers that could be mixed; versions of StyleGAN have"),
        ("plain", {"layers": [6]}, "has the layers 0 to 5"),
        ("plain", {"layers": []}, "at least 1 item"),
        ("plain", {"rows": list(range(13))}, "at most 12 items"),
        ("plain", {"rows": [{"seed": 1, "class_index": 0}]}, "plain@1 takes truncation_psi"),
    ],
)
async def test_what_cannot_be_is_a_422_that_says_what_can(client: httpx.AsyncClient, model: str, body: dict[str, Any], says: str) -> None:
    response = await client.post(URL.format(model), json={**SEEDS, **body})
    assert (response.status_code, says in response.json()["detail"]) == (422, True), response.text
