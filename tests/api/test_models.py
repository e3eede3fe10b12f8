"""Models and versions: found, noted, named by aliases; deleted, and back again."""

import asyncio
from collections.abc import AsyncIterator, Callable
from datetime import datetime, timedelta
from typing import Any

import httpx
import pytest
from safetensors.torch import load_file
from tests.api.conftest import connect

from atelier.registry import queries
from atelier.registry.bin import discard
from atelier.registry.database import Database
from atelier.registry.store import Store
from atelier.registry.tables import Job, Score
from atelier.settings import Settings

pytestmark = pytest.mark.anyio
MODELS = "/api/v1/models"
CATS = f"{MODELS}/cats"


@pytest.fixture(scope="module")
def cats(publish: Callable[..., str], database: Database) -> str:
    """Three versions of cats and one of dogs; FIDs of cats@1 (9, then 5) and cats@3 (2), and none of the others."""
    for seed in (1, 2, 3):
        publish("cats", seed=seed)
    publish("dogs", "cgan", names={"class_names": ["big", "small"]})
    words = dict.fromkeys(("subject", "network_digest", "resize", "comparable"), "")
    objects: dict[str, Any] = {name: {} for name in ("conventions", "details", "code")}
    with database.write() as session:
        for version_id, value, network in ((1, 9.0, "lite0"), (1, 5.0, "lite0"), (3, 2.0, "lite0"), (2, 1.0, "inception")):
            score = Score(version_id=version_id, model="cats", metric="fid", title="FID", better="lower", value=value, network=network)
            score.num_generated, score.seed = 10, 0
            for name, column in (words | objects).items():
                setattr(score, name, column)
            session.add(score)
    return "cats"


@pytest.fixture
async def fresh(settings: Settings, cats: str) -> AsyncIterator[httpx.AsyncClient]:
    """An application of its own, whose bin is emptied at once."""
    async with connect(settings.model_copy(update={"trash_days": 0})) as client:
        yield client


async def names(client: httpx.AsyncClient, **query: Any) -> list[str]:
    answer = await client.get("/api/v1/versions", params=query)
    assert answer.status_code == 200, answer.text
    return [f"{item['model']}@{item['version']}" for item in answer.json()["items"]]


async def loaded(client: httpx.AsyncClient) -> list[str]:
    return [version["name"] for version in (await client.get("/api/v1/system")).json()["inference"]["loaded"]]


async def test_a_version_tells_what_there_is_to_know(client: httpx.AsyncClient, cats: str, store: Store) -> None:
    version = (await client.get(f"{CATS}/versions/1")).json()
    assert version["bytes"] == sum(file.stat().st_size for file in store.version("cats", 1).iterdir())
    weights = load_file(store.version("cats", 1) / "generator.safetensors").values()
    assert version["parameters"] == sum(tensor.numel() for tensor in weights)
    assert [(score["metric"], score["value"]) for score in version["scores"]] == [("fid", 5.0)]  # the last
    assert (version["aliases"], version["note"], version["start_from"]) == ([], None, None)
    assert len(version["digest"]) == 64
    assert (await client.get(f"{CATS}/versions")).json()["items"][2] == version


async def test_versions_of_all_models_are_filtered_and_sorted(client: httpx.AsyncClient, cats: str) -> None:
    assert await names(client) == ["dogs@1", "cats@3", "cats@2", "cats@1"]
    assert await names(client, architecture="cgan") == ["dogs@1"]
    assert await names(client, dataset="emoji") == []
    assert await names(client, q="CAT dcgan") == ["cats@3", "cats@2", "cats@1"]
    assert await names(client, sort="fid") == ["cats@3", "cats@1", "dogs@1", "cats@2"]
    assert await names(client, sort="fid", network="inception") == ["cats@2", "dogs@1", "cats@3", "cats@1"]
    wrong = await client.get("/api/v1/versions", params={"sort": "beauty"})
    assert (wrong.status_code, [error["pointer"] for error in wrong.json()["errors"]]) == (422, ["/sort"])


@pytest.mark.parametrize("sort", ["newest", "fid"])
async def test_pages_join_without_a_gap(client: httpx.AsyncClient, cats: str, sort: str) -> None:
    read: list[str] = []
    cursor = None
    for _ in range(4):
        page = (await client.get("/api/v1/versions", params={"sort": sort, "limit": 1} | ({"cursor": cursor} if cursor else {}))).json()
        read += [f"{item['model']}@{item['version']}" for item in page["items"]]
        cursor = page["next_cursor"]
        if cursor is not None:
            other = await client.get("/api/v1/versions", params={"sort": "kid", "cursor": cursor})
            assert other.status_code == 400
    assert (read, cursor) == (await names(client, sort=sort), None)


async def test_a_note_is_kept_and_found(client: httpx.AsyncClient, cats: str) -> None:
    noted = await client.patch(f"{CATS}/versions/2", json={"note": "  Sharper Eyes "})
    assert noted.json()["note"] == "Sharper Eyes"
    assert await names(client, q="sharper") == ["cats@2"]
    assert (await client.patch(CATS, json={"note": "Felines"})).json()["note"] == "Felines"
    assert await names(client, q="felines eyes") == ["cats@2"]
    assert (await client.get(CATS)).json()["note"] == "Felines"
    assert (await client.patch(f"{CATS}/versions/2", json={"note": ""})).json()["note"] is None
    assert (await client.patch(CATS, json={"note": ""})).json()["note"] is None
    assert (await client.patch(CATS, json={"note": "x" * 4001})).status_code == 422
    assert (await client.patch(f"{CATS}/versions/9", json={"note": "x"})).status_code == 404


async def test_an_alias_stands_wherever_a_number_does(client: httpx.AsyncClient, cats: str) -> None:
    for version in (1, "latest", 2):
        given = await client.put(f"{CATS}/aliases/production", json={"version": version})
        assert given.status_code == 200, given.text
    assert (await client.get(f"{CATS}/versions/production")).json()["version"] == 2
    assert await names(client, alias="production") == ["cats@2"]
    await client.put(f"{CATS}/aliases/old", json={"version": 1})
    now = (await client.get(CATS)).json()["aliases"]
    assert [(alias["alias"], alias["version"]) for alias in now] == [("old", 1), ("production", 2)]
    assert (await client.delete(f"{CATS}/aliases/old")).status_code == 204
    terms = (await client.get(f"{CATS}/aliases")).json()["items"]
    assert [(term["version"], term["until"] is None) for term in terms[1:]] == [(2, True), (3, False), (1, False)]
    samples = [await client.get(f"{CATS}/versions/{name}/samples.png") for name in ("production", 2)]
    assert samples[0].content == samples[1].content
    assert [answer.headers["cache-control"] == "no-cache" for answer in samples] == [True, False]  # an alias may move
    wish = {"seed": 5, "count": 1}
    drawn = [(await client.post(f"{CATS}/versions/{name}/images", json=wish)).json()["items"] for name in ("production", 2)]
    assert drawn[0] == drawn[1]
    compared = await client.post("/api/v1/comparisons", json={"versions": ["cats@production", "cats@1"], "seed": 5})
    assert [item["version"] for item in compared.json()["items"]] == ["cats@2", "cats@1"]
    discovery = await client.post("/api/v1/discoveries", json={"model": "cats", "version": "production", "methods": ["sefa"]})
    assert discovery.status_code == 202, discovery.text
    await client.post(f"/api/v1/discoveries/{discovery.json()['id']}/cancel")

    for _ in range(2):
        assert (await client.delete(f"{CATS}/aliases/production")).status_code == 204
    assert (await client.delete(f"{MODELS}/nobody/aliases/production")).status_code == 404
    missing = await client.get(f"{CATS}/versions/production")
    assert (missing.status_code, missing.json()["detail"]) == (404, "cats has no version production; it has 1, 2, 3.")


@pytest.mark.parametrize(
    ("alias", "version", "status"), [("latest", 1, 422), ("v2", 1, 422), ("7", 1, 422), ("good", 9, 404), ("good", "x y", 422)]
)
async def test_what_is_no_alias_is_refused(client: httpx.AsyncClient, cats: str, alias: str, version: Any, status: int) -> None:
    refused = await client.put(f"{CATS}/aliases/{alias}", json={"version": version})
    assert refused.status_code == status, refused.text
    assert alias not in [term["alias"] for term in (await client.get(f"{CATS}/aliases")).json()["items"]]


async def test_a_deleted_version_is_gone_until_it_is_restored(client: httpx.AsyncClient, cats: str, store: Store) -> None:
    wish = {"seed": 1, "count": 1}
    before = (await client.get(f"{CATS}/versions/3")).json()
    assert (await client.post(f"{CATS}/versions/3/images", json=wish)).status_code == 200
    assert "cats@3" in await loaded(client)

    assert (await client.delete(f"{CATS}/versions/3")).status_code == 204
    assert "cats@3" not in await loaded(client)
    refused = await client.post(f"{CATS}/versions/3/images", json=wish | {"seed": 2})
    assert (refused.status_code, "it lies in the bin" in refused.json()["detail"]) == (404, True)
    assert (await client.get(f"{CATS}/versions/latest")).json()["version"] == 2
    assert await names(client, q="cats") == ["cats@2", "cats@1"]
    assert (await client.post("/api/v1/evaluations", json={"model": "cats", "version": 3})).status_code == 404
    scores = (await client.get("/api/v1/scores", params={"model": "cats"})).json()["items"]
    assert "cats@3" not in [score["version"] for score in scores]
    recipes = (await client.get("/api/v1/images", params={"model": "cats", "version": 3})).json()["items"]
    assert [recipe["request"] for recipe in recipes] == [None]
    [binned] = (await client.get("/api/v1/bin")).json()["items"]
    assert (binned["model"], binned["version"], binned["bytes"]) == ("cats", 3, before["bytes"])
    assert (await client.get(binned["samples_url"])).content.startswith(b"\x89PNG")
    assert (await client.get("/api/v1/bin/cats/1/samples.png")).status_code == 404
    assert (await client.delete(f"{CATS}/versions/3")).status_code == 404

    for _ in range(2):
        restored = await client.post(f"{CATS}/versions/3/restore")
        assert restored.json() == before
    assert (await client.get("/api/v1/bin")).json()["items"] == []
    assert (await client.post(f"{CATS}/versions/3/images", json=wish | {"seed": 3})).status_code == 200


async def test_a_deletion_by_another_process_is_seen(client: httpx.AsyncClient, cats: str, settings: Settings) -> None:
    """The server remembers versions that it draws with: what others delete must not be drawn with any more."""
    wish = {"seed": 1, "count": 1}
    assert (await client.post(f"{CATS}/versions/1/images", json=wish)).status_code == 200
    async with connect(settings.model_copy(update={"trash_days": 7})) as other:
        assert (await other.delete(f"{CATS}/versions/1")).status_code == 204
        [binned] = (await other.get("/api/v1/bin")).json()["items"]
    deleted, gone = (datetime.fromisoformat(binned[moment]) for moment in ("deleted_at", "purge_at"))
    assert gone - deleted == timedelta(days=7)
    assert (await client.post(f"{CATS}/versions/1/images", json=wish | {"seed": 8})).status_code == 404
    assert (await client.post(f"{CATS}/versions/1/restore")).status_code == 200


async def test_a_version_in_use_is_not_deleted(client: httpx.AsyncClient, cats: str, database: Database) -> None:
    with database.write() as session:
        job = Job(kind="train", status="paused", spec={"start_from": "cats@1"}, model="others")
        session.add(job)
    for path in (f"{CATS}/versions/1", CATS):
        refused = await client.delete(path)
        assert refused.status_code == 409
        assert f"job {job.id} (paused) starts from it" in refused.json()["detail"]
    assert (await client.get("/api/v1/bin")).json()["items"] == []
    with database.write() as session:
        session.delete(session.get_one(Job, job.id))


async def test_a_model_is_deleted_and_restored_as_a_whole(client: httpx.AsyncClient, cats: str) -> None:
    before = (await client.get(f"{MODELS}/dogs")).json()
    assert (await client.delete(f"{MODELS}/dogs")).status_code == 204
    assert "dogs" not in [model["name"] for model in (await client.get(MODELS)).json()["items"]]
    gone = await client.get(f"{MODELS}/dogs")
    assert gone.status_code == 404
    assert (await client.post(f"{MODELS}/dogs/restore")).json() == before
    assert (await client.post(f"{MODELS}/unheard-of/restore")).status_code == 404


async def test_an_emptied_bin_gives_nothing_back(client: httpx.AsyncClient, publish: Callable[..., str], store: Store) -> None:
    publish("doomed")
    await client.delete(f"{MODELS}/doomed/versions/1")
    assert (await client.delete("/api/v1/bin")).json() == {"versions": ["doomed@1"]}
    assert not store.version("doomed", 1).exists()
    assert (await client.post(f"{MODELS}/doomed/versions/1/restore")).status_code == 404
    assert (await client.delete("/api/v1/bin")).json() == {"versions": []}


async def test_without_days_in_the_bin_a_deletion_is_for_good(fresh: httpx.AsyncClient, publish: Callable[..., str], store: Store) -> None:
    publish("brief")
    assert (await fresh.delete(f"{MODELS}/brief/versions/1")).status_code == 204
    assert (await fresh.get("/api/v1/bin")).json()["items"] == []
    assert not store.version("brief", 1).exists()


async def test_what_another_process_puts_into_the_bin_is_unloaded(
    settings: Settings, publish: Callable[..., str], database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish("left")
    monkeypatch.setattr("atelier.app.SWEEP_SECONDS", 0.1)
    async with connect(settings) as client:
        await client.post(f"{MODELS}/left/versions/1/load")
        assert await loaded(client) == ["left@1"]
        with database.write() as session:
            discard(session, list(session.scalars(queries.versions("left"))))
        for _ in range(300):
            if not (left := await loaded(client)):
                break
            await asyncio.sleep(0.1)
        assert left == []
