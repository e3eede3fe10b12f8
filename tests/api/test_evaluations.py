"""Evaluations, scores and metrics over HTTP."""

import json
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from sqlalchemy import select

from atelier.metrics import metrics
from atelier.registry.database import Database
from atelier.registry.tables import Score, Version

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("models")]


@pytest.fixture(scope="module")
def models(publish: Callable[..., str]) -> None:
    publish("cats")
    publish("cats", seed=2)
    publish("styled", "stylegan")


@pytest.fixture(scope="module")
def scored(database: Database, models: None) -> list[int]:
    """Scores of cats@1 and of a run on its way; their numbers, oldest first."""
    shared: dict[str, Any] = {
        "title": "Fréchet distance (lite0)", "better": "lower", "num_real": 50, "num_generated": 100, "network": "lite0",
        "network_digest": "d" * 64, "resize": "bicubic", "seed": 0, "real": "shapes", "fingerprint": "f" * 64, "split": "train",
        "conventions": {"pixels": "uint8, rounded"}, "details": {}, "code": {"atelier": "1"}, "model": "cats",
    }  # fmt: skip
    with database.write() as session:
        version = session.scalars(select(Version).order_by(Version.id)).first()
        rows = [
            Score(subject="cats@1", metric="fid", value=2.0, error=0.5, version=version, comparable="a" * 64, averaged=True, **shared),
            Score(subject="cats@1", metric="kid", value=0.1, error=None, version=version, comparable="b" * 64, averaged=True, **shared),
            Score(subject="cats, run 1, step 5", metric="fid", value=9.0, error=None, step=5, comparable="a" * 64, averaged=True, **shared),
        ]
        session.add_all(rows)
        session.flush()
        return [row.id for row in rows]


async def post(client: httpx.AsyncClient, **body: Any) -> httpx.Response:
    return await client.post("/api/v1/evaluations", json=body)


async def test_an_evaluation_is_a_job_like_others(client: httpx.AsyncClient) -> None:
    body = {"model": "cats", "version": 1, "metrics": ["inception_score", "diversity"], "num_samples": 100}
    response = await client.post("/api/v1/evaluations", json=body, headers={"Idempotency-Key": "once"})
    job = response.json()
    assert response.status_code == 202
    assert response.headers["Location"] == f"/api/v1/evaluations/{job['id']}"
    assert (job["kind"], job["status"], job["model"]) == ("evaluate", "queued", "cats")
    assert job["evaluation"] == {
        "subject": "cats@1", "version": 1, "metrics": ["inception_score", "diversity"], "num_samples": 100, "network": "lite0", "seed": 0,
        "truncation_psi": None, "scores": [],
    }  # fmt: skip
    assert (await client.post("/api/v1/evaluations", json=body, headers={"Idempotency-Key": "once"})).json()["id"] == job["id"]
    assert job["id"] in [item["id"] for item in (await client.get("/api/v1/evaluations")).json()["items"]]
    assert (await client.get(f"/api/v1/training-runs/{job['id']}")).status_code == 404
    cancelled = await client.post(f"/api/v1/evaluations/{job['id']}/cancel")
    assert cancelled.json()["status"] == "cancelled"


async def test_what_is_wrong_is_pointed_at(client: httpx.AsyncClient) -> None:
    response = await post(client, model="cats", metrics=["diversity", "ppl2_wend"], network="inception")
    assert response.status_code == 422
    errors = {error["pointer"]: error["detail"] for error in response.json()["errors"]}
    assert errors.keys() == {"/metrics/1", "/network"}
    assert "What fits is" in errors["/metrics/1"]
    assert "atelier features fetch" in errors["/network"]
    assert (await post(client, model="nobody")).status_code == 404
    assert (await post(client, generated={"folder": "/etc"}, metrics=["diversity"])).status_code == 422  # a client names no path
    assert (await post(client, model="cats", num_samples=1)).status_code == 422
    assert (await post(client, model="styled", metrics=["ppl2_wend"], truncation_psi=0.7, num_samples=100)).status_code == 202


async def test_scores_are_listed_in_pages_with_all_that_they_depend_on(client: httpx.AsyncClient, scored: list[int]) -> None:
    page = (await client.get("/api/v1/scores", params={"model": "cats", "limit": 2})).json()
    assert [item["id"] for item in page["items"]] == scored[:0:-1]
    rest = (await client.get("/api/v1/scores", params={"model": "cats", "limit": 2, "cursor": page["next_cursor"]})).json()
    assert [item["id"] for item in rest["items"]] == scored[:1]
    assert rest["next_cursor"] is None
    (score,) = rest["items"]
    assert (score["version"], score["step"], score["value"], score["error"]) == (1, None, 2.0, 0.5)
    assert score["interval"] == pytest.approx([2 - 0.98, 2 + 0.98])
    assert page["items"][0]["interval"] is None
    assert page["items"][0]["version"] is None
    assert (await client.get(f"/api/v1/scores/{scored[0]}")).json() == score
    assert (await client.get("/api/v1/scores/999999")).status_code == 404


@pytest.mark.parametrize(
    ("wanted", "places"),
    [
        ({"metric": "fid"}, [2, 0]),
        ({"comparable": "b" * 64}, [1]),
        ({"model": "cats", "version": 1}, [1, 0]),
        ({"network": "inception"}, []),
    ],
)
async def test_scores_are_found(client: httpx.AsyncClient, scored: list[int], wanted: dict[str, Any], places: list[int]) -> None:
    items = (await client.get("/api/v1/scores", params=wanted)).json()["items"]
    assert [item["id"] for item in items] == [scored[place] for place in places]


async def test_a_version_has_its_scores(client: httpx.AsyncClient, scored: list[int]) -> None:
    items = (await client.get("/api/v1/models/cats/versions/1/evaluations")).json()["items"]
    assert [item["id"] for item in items] == scored[1::-1]
    assert (await client.get("/api/v1/models/cats/versions/2/evaluations")).json() == {"items": [], "next_cursor": None}
    assert (await client.get("/api/v1/models/cats/versions/9/evaluations")).status_code == 404


async def test_all_metrics_are_described(client: httpx.AsyncClient) -> None:
    items = {item["name"]: item for item in (await client.get("/api/v1/metrics")).json()["items"]}
    assert items.keys() == metrics.keys()
    assert json.dumps(items["fid"]["titles"], ensure_ascii=False).count("Fréchet distance (lite0)") == 1
    lite0, inception = items["ppl"]["titles"]
    assert (lite0["through"], lite0["missing"]) == ("lite0", None)
    assert (inception["title"], inception["through"]) == ("PPL", "vgg16")
    assert "atelier features fetch vgg16" in inception["missing"]
    assert [need["name"] for need in items["class_accuracy"]["needs"]] == ["classes", "classifier"]
