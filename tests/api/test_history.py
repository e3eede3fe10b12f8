"""Every image that was drawn is found again with its recipe, and its recipe draws it again."""

import asyncio
import os
import shutil
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
from PIL import Image
from sqlalchemy import delete
from tests.api.conftest import connect

from atelier.registry.database import Database, migrate
from atelier.registry.store import Store
from atelier.registry.tables import DrawnImage, Version
from atelier.serving.history import Kept, record
from atelier.serving.images import encode, keep, path_of
from atelier.settings import Settings

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("published")]

URL = "/api/v1/images"


async def draw(client: httpx.AsyncClient, model: str = "tiny", version: int = 2, **body: Any) -> list[dict[str, Any]]:
    response = await client.post(f"/api/v1/models/{model}/versions/{version}/images", json=body)
    assert response.status_code == 200, response.text
    items: list[dict[str, Any]] = response.json()["items"]
    return items


async def listed(client: httpx.AsyncClient, **query: Any) -> list[dict[str, Any]]:
    response = await client.get(URL, params=query)
    assert response.status_code == 200, response.text
    items: list[dict[str, Any]] = response.json()["items"]
    return items


async def again(client: httpx.AsyncClient, request: dict[str, Any]) -> bytes:
    response = await client.request(request["method"], request["url"], json=request["body"], headers={"Accept": "image/png"})
    assert response.status_code == 200, response.text
    return response.content


async def test_what_was_drawn_is_in_the_history_at_once_and_its_recipe_draws_it_again(client: httpx.AsyncClient, store: Store) -> None:
    drawn = await draw(client, count=3, seed=50)
    kept = (await listed(client))[:3]
    assert [item["id"] for item in kept] == [item["id"] for item in reversed(drawn)]
    [first] = (item for item in kept if item["seed"] == 50)
    png = (await client.get(first["url"])).content
    assert (first["model"], first["version"], first["width"], first["height"], first["bytes"]) == ("tiny", 2, 16, 16, len(png))
    assert first["parameters"] == drawn[0]["parameters"]
    assert (first["favourite"], first["note"], first["unavailable"]) == (False, None, None)
    assert (await client.get(f"{first['url']}/recipe")).json() == first
    for path in store.images.rglob("*.png"):  # so that it has to be drawn
        path.unlink()
    assert await again(client, first["request"]) == png


@pytest.fixture(scope="module")
def versions(publish: Callable[..., str]) -> None:
    publish("pets", "cgan", names={"class_names": ["cat", "dog"]})
    publish("faces", "cgan", names={"attribute_names": ["big", "red"]}, conditions="attributes")
    publish("worded", "text_dcgan")
    publish("styled", "stylegan")


@pytest.mark.usefixtures("versions")
@pytest.mark.parametrize(
    ("model", "wishes", "word"),
    [
        ("pets", {"class_index": 1}, "dog"),
        ("pets", {"class_weights": {"cat": 0.25, "dog": 0.75}}, "cat"),
        ("faces", {"attributes": {"big": 1.5}}, "big"),
        ("worded", {"prompt": "a red star", "negative_prompt": "a square"}, "red square"),
        ("worded", {"prompt_weights": {"a star": 0.5, "a circle": 0.5}}, "circle"),
        ("styled", {"truncation_psi": 0.5, "truncation_cutoff": 2, "noise_mode": "random"}, "styled"),
    ],
)
async def test_every_kind_of_wish_is_part_of_the_recipe(
    client: httpx.AsyncClient, store: Store, model: str, wishes: dict[str, Any], word: str
) -> None:
    [drawn] = await draw(client, model, 1, seed=9, **wishes)
    png = (await client.get(drawn["url"])).content
    kept = (await client.get(f"{drawn['url']}/recipe")).json()
    assert kept["unavailable"] is None
    for path in store.images.rglob("*.png"):
        path.unlink()
    assert await again(client, kept["request"]) == png
    assert [item["id"] for item in await listed(client, model=model, q=word.upper())][:1] == [drawn["id"]]
    assert await listed(client, model=model, q=f"{word} elephants") == []


async def test_the_history_is_read_in_pages_and_what_is_drawn_again_stands_at_the_top(client: httpx.AsyncClient) -> None:
    await draw(client, version=1, count=7, seed=100)
    ids, cursor = [], None
    while True:
        query: dict[str, Any] = {"model": "tiny", "version": 1, "limit": 3} | ({"cursor": cursor} if cursor else {})
        page = (await client.get(URL, params=query)).json()
        ids += [item["seed"] for item in page["items"]]
        if (cursor := page["next_cursor"]) is None:
            break
    assert ids == [106, 105, 104, 103, 102, 101, 100]
    await draw(client, version=1, seed=102)
    assert [item["seed"] for item in await listed(client, limit=2)] == [102, 106]
    assert (await client.get(URL, params={"cursor": "xyz"})).status_code == 400


async def test_favourites_and_notes(client: httpx.AsyncClient) -> None:
    first, second = await draw(client, seeds=[200, 201])
    kept = (await client.patch(first["url"], json={"favourite": True, "note": "  for the Cover "})).json()
    assert (kept["favourite"], kept["note"], kept["id"]) == (True, "for the Cover", first["id"])
    assert [item["id"] for item in await listed(client, favourite=True)] == [first["id"]]
    assert second["id"] in [item["id"] for item in await listed(client, favourite=False)]
    assert [item["id"] for item in await listed(client, q="cover tiny@2")] == [first["id"]]
    kept = (await client.patch(first["url"], json={"note": None})).json()
    assert (kept["favourite"], kept["note"]) == (True, None)
    assert await listed(client, q="cover") == []
    await draw(client, seed=200)
    assert (await client.get(f"{first['url']}/recipe")).json()["favourite"] is True
    assert (await client.patch(first["url"], json={"name": "x"})).status_code == 422
    assert (await client.patch(f"{URL}/{'0' * 32}", json={"favourite": True})).status_code == 404


async def test_deleting_takes_the_file_as_well_and_twice_is_harmless(client: httpx.AsyncClient, store: Store) -> None:
    [drawn] = await draw(client, seed=300)
    for _ in range(2):
        assert (await client.delete(drawn["url"])).status_code == 204
    assert (await client.get(drawn["url"])).status_code == 404
    assert (await client.get(f"{drawn['url']}/recipe")).status_code == 404
    assert drawn["id"] not in [item["id"] for item in await listed(client)]
    assert list(store.images.rglob(f"{drawn['id']}*")) == []
    [anew] = await draw(client, seed=300)
    assert anew == drawn
    assert (await client.get(drawn["url"])).status_code == 200


async def test_images_outlive_their_version_and_say_that_nothing_draws_them_any_more(
    client: httpx.AsyncClient, publish: Callable[..., str], database: Database, store: Store
) -> None:
    [drawn] = await draw(client, publish("passing", seed=1), 1, seed=1)
    await client.patch(drawn["url"], json={"favourite": True})
    with database.write() as session:
        session.execute(delete(Version).where(Version.model.has(name="passing")))
    shutil.rmtree(store.version("passing", 1))
    kept = (await client.get(f"{drawn['url']}/recipe")).json()
    assert (kept["favourite"], kept["request"], kept["unavailable"]) == (True, None, "passing@1 is not here")
    assert (await client.get(drawn["url"])).status_code == 200

    publish("passing", seed=2)  # which takes its number
    kept = (await client.get(f"{drawn['url']}/recipe")).json()
    assert kept["request"] is None
    assert "another one" in kept["unavailable"]
    [other] = await draw(client, "passing", 1, seed=1)
    assert other["id"] != drawn["id"]


async def test_the_sweeper_finds_what_a_crash_has_left_and_prunes_to_what_the_operator_has_set(tmp_path: Path) -> None:
    store = Store(tmp_path / "store")
    few = Settings(store_dir=tmp_path / "store", device="cpu", history_images=2)
    migrate(few.resolved_database_url)
    images = []
    for seed in range(4):
        parameters = {"model": "tiny", "version": 1, "seed": seed}
        images.append(Kept(f"{seed:032}", "d" * 64, parameters, datetime(2026, 1, 1, tzinfo=UTC)))
        path = path_of(store.images, images[-1].id)
        keep(path, encode(Image.new("RGB", (16, 16)), parameters))
        os.utime(path, (time.time() - 3600 + seed,) * 2)
    database = Database(few.resolved_database_url)
    record(database, store, images[:3])
    with database.write() as session:
        session.get_one(DrawnImage, images[0].id).favourite = True
    database.dispose()
    async with connect(few) as client:
        for _ in range(200):
            if not path_of(store.images, images[1].id).exists():
                break
            await asyncio.sleep(0.05)
        assert [item["seed"] for item in await listed(client)] == [3, 2, 0]
    assert {path.stem for path in store.images.rglob("*.png")} == {images[seed].id for seed in (0, 2, 3)}
