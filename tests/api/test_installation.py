"""First steps, the operator's settings, optional parts, and what takes room on the disk."""

from collections.abc import Callable
from pathlib import Path

import httpx
import pytest
from tests.api.conftest import connect

from atelier.api import installation
from atelier.registry.database import Database
from atelier.registry.store import Store
from atelier.registry.tables import Job
from atelier.settings import Settings

pytestmark = pytest.mark.anyio


async def steps(client: httpx.AsyncClient) -> list[str]:
    return [item["step"] for item in (await client.get("/api/v1/first-steps")).json()["items"] if item["done"]]


async def test_first_steps_are_ticked_off_by_what_was_done(
    client: httpx.AsyncClient, database: Database, publish: Callable[..., str]
) -> None:
    items = (await client.get("/api/v1/first-steps")).json()["items"]
    assert [item["step"] for item in items] == ["train", "draw", "steer", "stylize", "score"]
    assert await steps(client) == []
    publish("asked", "cgan", names={"class_names": ["a", "b", "c"]})
    assert await steps(client) == ["train"]
    draw = "/api/v1/models/asked/versions/1/images"
    (await client.post(draw, json={"seed": 1})).raise_for_status()
    (await client.post(draw, json={"seed": 2, "directions": {}, "class_weights": {}})).raise_for_status()  # asks for nothing
    assert await steps(client) == ["train", "draw"]
    for kind in ("discover", "project"):
        with database.write() as session:
            session.add(job := Job(kind=kind, status="succeeded", spec={}))
        assert "steer" in await steps(client)
        with database.write() as session:
            session.delete(session.get_one(Job, job.id))
    assert "steer" not in await steps(client)
    (await client.post(draw, json={"seed": 1, "class_index": 2})).raise_for_status()
    assert await steps(client) == ["train", "draw", "steer"]
    with database.write() as session:
        session.add(Job(kind="stylize", status="failed", spec={}))
    assert "stylize" not in await steps(client)
    with database.write() as session:
        session.add(Job(kind="stylize", status="succeeded", spec={}))
    assert "stylize" in await steps(client)
    with database.write() as session:
        session.add(Job(kind="evaluate", status="succeeded", spec={}))  # its scores may be gone, with the version that it measured
    assert await steps(client) == [item["step"] for item in items]


async def test_every_setting_is_told_and_no_password(tmp_path: Path) -> None:
    path = f"sqlite+aiosqlite:///{tmp_path / 'other.db'}"
    async with connect(Settings(store_dir=tmp_path, device="cpu", max_jobs=2, database_url=path)) as client:
        items = {item["name"]: item for item in (await client.get("/api/v1/settings")).json()["items"]}
    assert items.keys() == Settings.model_fields.keys()
    assert all(item["description"] for item in items.values())
    assert (items["max_jobs"]["variable"], items["max_jobs"]["value"], items["max_jobs"]["default"]) == ("ATELIER_MAX_JOBS", "2", "1")
    assert (items["max_jobs"]["changed"], items["port"]["changed"]) == (True, False)
    assert (items["allowed_hosts"]["value"], items["database_url"]["default"]) == (None, None)
    assert items["database_url"]["value"] == path


def test_a_password_is_never_told() -> None:
    told = installation._told("postgresql+psycopg://painter:s3cret@db:5432/atelier?password=s3cret&sslmode=require")
    assert told == "postgresql+psycopg://painter:***@db:5432/atelier"


async def test_parts_say_whether_they_are_here_and_how_they_come(client: httpx.AsyncClient) -> None:
    parts = {part["name"]: part for part in (await client.get("/api/v1/parts")).json()["items"]}
    assert (parts["lite0"]["here"], parts["lite0"]["command"]) == (True, None)
    assert (parts["inception"]["here"], parts["inception"]["command"]) == (False, "atelier features fetch inception")
    assert parts["inception"]["download_bytes"] > 90_000_000
    assert parts["onnx"]["command"] == 'pip install "atelier[onnx]"'


async def test_the_disk_is_counted_by_area(
    client: httpx.AsyncClient, store: Store, publish: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    async def areas() -> dict[str, dict[str, int]]:
        installation._usage.cache_clear()
        return {area["area"]: area for area in (await client.get("/api/v1/storage")).json()["areas"]}

    publish("heavy")
    before = await areas()
    (store.logs / "more.bin").write_bytes(bytes(12_345))
    after = await areas()
    assert after["logs"]["bytes"] - before["logs"]["bytes"] == 12_345
    assert after["logs"]["files"] - before["logs"]["files"] == 1
    size = sum(file.stat().st_size for file in store.version("heavy", 1).iterdir())
    assert before["versions"]["bytes"] >= size
    (await client.delete("/api/v1/models/heavy/versions/1")).raise_for_status()
    binned = await areas()
    assert binned["bin"]["bytes"] - after["bin"]["bytes"] == size
    assert after["versions"]["bytes"] - binned["versions"]["bytes"] == size
    assert binned["database"]["bytes"] > 0


async def test_the_history_is_emptied_but_for_favourites_and_what_is_new(client: httpx.AsyncClient, published: str) -> None:
    drawn = (await client.post(f"/api/v1/models/{published}/versions/1/images", json={"seed": 5})).json()["items"]
    assert (await client.delete("/api/v1/images")).json() == {"images": 0}  # it was drawn a moment ago
    assert (await client.get(drawn[0]["url"])).status_code == 200


async def test_the_machine_is_told_of_while_somebody_listens(client: httpx.AsyncClient) -> None:
    refused = await client.get("/api/v1/events", params={"topics": "weather"})
    assert (refused.status_code, "`system`" in refused.json()["detail"]) == (422, True)
