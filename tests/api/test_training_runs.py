"""Starting, listing and steering training runs, and what a wrong request is told."""

from typing import Any

import httpx
import pytest

from atelier.models import architectures
from atelier.registry.database import Database
from atelier.registry.store import Store
from atelier.registry.tables import Event, Job, MetricPoint, Status

pytestmark = pytest.mark.anyio

URL = "/api/v1/training-runs"
BODY: dict[str, Any] = {"architecture": "dcgan", "dataset": "shapes", "model": "first", "preset": "debug"}


async def test_a_run_is_accepted_with_its_place_and_complete_hyperparameters(client: httpx.AsyncClient) -> None:
    body = BODY | {"hyperparameters": {"steps": 7}, "seed": 5, "dataset_options": {"count": 100}}
    response = await client.post(URL, json=body)
    assert response.status_code == 202, response.text
    run = response.json()
    assert response.headers["location"] == f"{URL}/{run['id']}"
    assert run["status"] == "queued"
    assert (run["architecture"], run["dataset"], run["model"], run["preset"], run["seed"]) == ("dcgan", "shapes", "first", "debug", 5)
    assert run["hyperparameters"] == architectures["dcgan"].hyperparameters("debug", steps=7).model_dump(mode="json")
    assert run["dataset_options"]["count"] == 100
    assert run["total_steps"] == 7
    assert (await client.get(response.headers["location"])).json() == run


@pytest.mark.parametrize("name", architectures)
async def test_every_architecture_is_accepted_as_its_example_says(client: httpx.AsyncClient, name: str) -> None:
    schema = (await client.get("/openapi.json")).json()
    example = schema["paths"][URL]["post"]["requestBody"]["content"]["application/json"]["examples"][name]["value"]
    assert (await client.post(URL, json=example)).status_code == 202


@pytest.mark.parametrize(
    ("change", "pointer", "says"),
    [
        ({"hyperparameters": {"generator_learning_rate": 3}}, "/hyperparameters/generator_learning_rate", "less than or equal to 0.1"),
        ({"hyperparameters": {"resolution": 17}}, "/hyperparameters/resolution", "16, 32, 64, 128 or 256"),
        ({"hyperparameters": {"learning_rte": 1}}, "/hyperparameters/learning_rte", "generator_learning_rate"),
        ({"hyperparameters": 3}, "/hyperparameters", "dictionary"),
        ({"architecture": "unheard-of"}, "/architecture", "'stackgan', 'stylegan', 'text_dcgan'"),
        ({"architecture": None}, "/architecture", "'stackgan', 'stylegan', 'text_dcgan'"),
        ({"dataset": "unheard-of"}, "/dataset", "emoji"),
        ({"preset": "unheard-of"}, "/preset", "'debug', 'quick', 'photos' or 'paper'"),
        ({"dataset_options": {"count": -1}}, "/dataset_options/count", "greater than"),
        ({"model": "../etc"}, "/model", "lower-case letters"),
        ({"seed": -1}, "/seed", "greater than or equal to 0"),
        ({"start_from": "nothing@1"}, "/start_from", "nothing@1"),
        ({"modle": "x"}, "/modle", "no field"),
    ],
)
async def test_a_wrong_value_is_pointed_at_and_told_what_is_right(
    client: httpx.AsyncClient, change: dict[str, Any], pointer: str, says: str
) -> None:
    response = await client.post(URL, json=BODY | change)
    assert response.status_code == 422
    assert response.headers["content-type"] == "application/problem+json"
    problem = response.json()
    assert [error["pointer"] for error in problem["errors"]] == [pointer]
    assert says in problem["errors"][0]["detail"]
    assert problem["status"] == 422


async def test_what_is_missing_is_pointed_at(client: httpx.AsyncClient) -> None:
    assert [e["pointer"] for e in (await client.post(URL, json={})).json()["errors"]] == ["/architecture"]
    missing = await client.post(URL, json={"architecture": "vae"})
    assert [e["pointer"] for e in missing.json()["errors"]] == ["/dataset", "/model"]


async def test_a_request_repeated_with_its_key_starts_nothing_new(client: httpx.AsyncClient) -> None:
    headers = {"Idempotency-Key": "once"}
    first = await client.post(URL, json=BODY, headers=headers)
    assert (await client.post(URL, json=BODY, headers=headers)).json()["id"] == first.json()["id"]
    assert (await client.post(URL, json=BODY)).json()["id"] != first.json()["id"]
    assert (await client.post(URL, json=BODY | {"seed": 9}, headers=headers)).status_code == 422


async def test_pages_hold_each_run_once_newest_first(client: httpx.AsyncClient) -> None:
    for _ in range(3):
        await client.post(URL, json=BODY)
    everything = [run["id"] for run in (await client.get(URL, params={"limit": 200})).json()["items"]]
    assert everything == sorted(everything, reverse=True)
    seen, cursor = [], None
    while True:
        page = (await client.get(URL, params={"limit": 2} | ({"cursor": cursor} if cursor else {}))).json()
        seen += [run["id"] for run in page["items"]]
        if (cursor := page["next_cursor"]) is None:
            break
    assert seen == everything
    assert (await client.get(URL, params={"cursor": "bm9uZQ"})).status_code == 400
    assert {run["status"] for run in (await client.get(URL, params={"status": "running"})).json()["items"]} == {"running"}
    wrong = await client.get(URL, params={"limit": 0})
    assert [e["pointer"] for e in wrong.json()["errors"]] == ["/limit"]


async def test_a_queued_run_is_cancelled_at_once_and_a_finished_one_conflicts(
    client: httpx.AsyncClient, database: Database, published: str
) -> None:
    run = (await client.post(URL, json=BODY)).json()
    cancelled = await client.post(f"{URL}/{run['id']}/cancel")
    assert (cancelled.status_code, cancelled.json()["status"]) == (200, "cancelled")
    assert (await client.post(f"{URL}/{run['id']}/cancel")).status_code == 200
    done = next(run for run in (await client.get(URL, params={"limit": 200})).json()["items"] if run["status"] == "succeeded")
    assert done["version"] is not None
    conflict = await client.post(f"{URL}/{done['id']}/cancel")
    assert (conflict.status_code, conflict.headers["content-type"]) == (409, "application/problem+json")


async def in_state(client: httpx.AsyncClient, database: Database, status: Status, **columns: Any) -> int:
    """A run in that state; nothing stands behind it."""
    run: int = (await client.post(URL, json=BODY)).json()["id"]
    with database.write() as session:
        job = session.get_one(Job, run)
        for name, value in {"status": status, **columns}.items():
            setattr(job, name, value)
    return run


async def ask(client: httpx.AsyncClient, run: int, what: str, **named: Any) -> tuple[int, dict[str, Any]]:
    response = await client.post(f"{URL}/{run}/{what}", **named)
    return response.status_code, response.json()


async def test_a_run_is_paused_resumed_and_cancelled_wherever_it_stands(
    client: httpx.AsyncClient, database: Database, occupied: int
) -> None:
    run = await in_state(client, database, "queued")
    for _ in range(2):
        code, paused = await ask(client, run, "pause")
        assert (code, paused["status"], paused["queue_position"]) == (200, "paused", None)
    for _ in range(2):
        code, resumed = await ask(client, run, "resume")
        assert (code, resumed["status"]) == (200, "queued")
        assert resumed["queue_position"] >= 1
    code, pausing = await ask(client, occupied, "pause")
    assert (code, pausing["status"], pausing["pause_requested"]) == (200, "running", True)
    code, running = await ask(client, occupied, "resume")
    assert (code, running["status"], running["pause_requested"]) == (200, "running", False)
    assert (await ask(client, await in_state(client, database, "interrupted"), "resume"))[1]["status"] == "queued"
    assert (await ask(client, await in_state(client, database, "interrupted"), "cancel"))[1]["status"] == "cancelled"
    assert (await ask(client, await in_state(client, database, "paused"), "cancel"))[1]["status"] == "cancelled"


async def test_a_failed_run_is_resumed_where_it_left_a_checkpoint(client: httpx.AsyncClient, database: Database, store: Store) -> None:
    run = await in_state(client, database, "failed", error="The disk is full.")
    code, problem = await ask(client, run, "resume")
    assert code == 409
    assert problem["detail"] == f"Job {run} has failed and left no checkpoint to go on from. It can be retried."
    store.checkpoint(run).touch()
    code, resumed = await ask(client, run, "resume")
    assert (code, resumed["status"], resumed["error"], resumed["finished_at"]) == (200, "queued", None, None)


async def test_a_retry_is_a_new_run_that_knows_of_the_old_one(client: httpx.AsyncClient, database: Database) -> None:
    run = await in_state(client, database, "failed")
    response = await client.post(f"{URL}/{run}/retry", headers={"Idempotency-Key": "again"})
    again = response.json()
    assert (response.status_code, response.headers["location"]) == (202, f"{URL}/{again['id']}")
    assert (again["status"], again["retry_of"], again["hyperparameters"]["steps"]) == ("queued", run, again["total_steps"])
    assert (await ask(client, run, "retry", headers={"Idempotency-Key": "again"}))[1]["id"] == again["id"]
    code, problem = await ask(client, again["id"], "retry")
    assert (code, problem["detail"]) == (409, f"Job {again['id']} is queued; it cannot be retried. It can be paused or cancelled.")


async def test_a_finished_run_is_continued(client: httpx.AsyncClient, database: Database, store: Store) -> None:
    run = await in_state(client, database, "succeeded", step=60)
    code, problem = await ask(client, run, "continue", json={"steps": 40})
    assert code == 409
    assert "checkpoint" in problem["detail"]
    store.checkpoint(run).touch()
    response = await client.post(f"{URL}/{run}/continue", json={"steps": 40})
    further = response.json()
    assert (response.status_code, response.headers["location"]) == (202, f"{URL}/{further['id']}")
    assert (further["status"], further["continues"], further["total_steps"], further["model"]) == ("queued", run, 100, "first")
    assert (await ask(client, await in_state(client, database, "paused"), "continue", json={"steps": 40}))[0] == 409
    code, problem = await ask(client, run, "continue", json={"steps": 0})
    assert (code, [error["pointer"] for error in problem["errors"]]) == (422, ["/steps"])


async def test_the_queue_has_an_order_that_can_be_changed(client: httpx.AsyncClient, database: Database, occupied: int) -> None:
    late = (await client.post(URL, json=BODY)).json()
    assert late["queue_position"] > 1
    moved = (await client.patch(f"{URL}/{late['id']}", json={"priority": 100})).json()
    assert (moved["priority"], moved["queue_position"]) == (100, 1)
    next_one = (await client.post(URL, json=BODY | {"priority": 100})).json()
    assert next_one["queue_position"] == 2
    everything = (await client.get(URL, params={"limit": 200, "status": "queued"})).json()["items"]
    assert sorted(run["queue_position"] for run in everything) == list(range(1, len(everything) + 1))
    running = await client.patch(f"{URL}/{occupied}", json={"priority": 1})
    assert (running.status_code, "is not queued" in running.json()["detail"]) == (409, True)
    assert (await client.patch(f"{URL}/{late['id']}", json={"priority": 1, "status": "running"})).status_code == 422
    assert (await client.post(URL, json=BODY | {"priority": 101})).status_code == 422


@pytest.mark.parametrize("what", ["cancel", "pause", "resume", "retry", "continue"])
async def test_nothing_can_be_asked_of_an_unknown_run(client: httpx.AsyncClient, what: str) -> None:
    response = await client.post(f"{URL}/987654321/{what}", **({"json": {"steps": 1}} if what == "continue" else {}))
    assert (response.status_code, response.json()["detail"]) == (404, "There is no training run 987654321.")


@pytest.mark.parametrize("what", ["", "/metrics", "/previews", "/previews/1.png", "/log", "/events"])
async def test_an_unknown_run_is_a_404(client: httpx.AsyncClient, what: str) -> None:
    response = await client.get(f"{URL}/987654321{what}")
    assert (response.status_code, response.json()["detail"]) == (404, "There is no training run 987654321.")


async def test_metrics_come_by_columns_thinned_evenly_with_first_and_last(
    client: httpx.AsyncClient, database: Database, occupied: int
) -> None:
    with database.write() as session:
        session.add_all(MetricPoint(job_id=occupied, step=step, name="generator/loss", value=step / 2) for step in range(1, 102))
        session.add(MetricPoint(job_id=occupied, step=101, name="fid", value=9.5))
    whole = (await client.get(f"{URL}/{occupied}/metrics")).json()
    assert whole["steps"] == list(range(1, 102))
    assert whole["series"]["fid"] == [None] * 100 + [9.5]
    thin = (await client.get(f"{URL}/{occupied}/metrics", params={"max_points": 11})).json()
    assert thin == {
        "steps": [1, 11, 21, 31, 41, 51, 61, 71, 81, 91, 101],
        "series": {"generator/loss": [s / 2 for s in thin["steps"]], "fid": [None] * 10 + [9.5]},
    }


async def test_previews_are_listed_and_sent(client: httpx.AsyncClient, database: Database, store: Store, occupied: int) -> None:
    url = f"/api/v1/training-runs/{occupied}/previews/20.png"
    assert (await client.get(url)).status_code == 404
    path = store.preview(occupied, 20)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"\x89PNG")
    with database.write() as session:
        session.add(Event(job_id=occupied, type="preview", data={"step": 20, "url": url}))
    assert (await client.get(f"{URL}/{occupied}/previews")).json()["items"] == [{"step": 20, "url": url}]
    picture = await client.get(url)
    assert (picture.content, picture.headers["content-type"]) == (b"\x89PNG", "image/png")


async def test_the_log_is_read_on_from_where_it_ended(client: httpx.AsyncClient, database: Database, store: Store, occupied: int) -> None:
    with database.read() as session:
        name = session.get_one(Job, occupied).log
    assert name is not None
    log = store.logs / name
    log.write_bytes("first ä\n".encode() + "ö".encode()[:1])  # the writer is in the middle of a character
    first = await client.get(f"{URL}/{occupied}/log")
    assert first.text == "first ä\n"
    with log.open("ab") as file:
        file.write("ö".encode()[1:] + b"\n")
    following = await client.get(f"{URL}/{occupied}/log", params={"offset": first.headers["next-offset"]})
    assert (following.text, following.headers["next-offset"]) == ("ö\n", str(log.stat().st_size))
    assert following.headers["content-type"].startswith("text/plain")
    assert (await client.get(f"/api/v1/logs/{name}", params={"offset": 0})).text == "first ä\nö\n"
    queued = (await client.post(URL, json=BODY)).json()
    assert (await client.get(f"{URL}/{queued['id']}/log")).headers["next-offset"] == "0"


async def test_runs_are_found_by_what_they_are_about(client: httpx.AsyncClient, occupied: int) -> None:
    named = BODY | {"model": "needle", "seed": 4321}
    needle = (await client.post(URL, json=named)).json()["id"]

    async def found(**asked: str) -> list[int]:
        return [run["id"] for run in (await client.get(URL, params={"limit": 200, **asked})).json()["items"]]

    assert await found(model="needle") == [needle]
    assert await found(q="NEEDLE debug") == [needle]
    assert await found(q="needle paper") == []
    for column in ("architecture", "dataset"):
        assert needle in await found(**{column: BODY[column]})
        assert await found(**{column: "unheard-of"}) == []
