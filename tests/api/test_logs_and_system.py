"""The Logs page's files, and the machine."""

import httpx
import pytest

from atelier.registry.store import Store

pytestmark = pytest.mark.anyio


async def test_logs_are_listed_with_their_jobs(client: httpx.AsyncClient, store: Store, occupied: int) -> None:
    left = store.create_log("vae")
    left.write_text("of a job that is gone\n")
    (store.logs / "notes.txt").write_text("not a log")
    logs = {log["name"]: log for log in (await client.get("/api/v1/logs")).json()["items"]}
    assert "notes.txt" not in logs
    assert (logs[left.name]["job"], logs[left.name]["active"], logs[left.name]["size"]) == (None, False, 22)
    [running] = [log for log in logs.values() if log["job"] == occupied]
    assert running["active"]
    told = {name: running[name] for name in ("kind", "status", "architecture", "dataset", "model")}
    assert told == {"kind": "train", "status": "running", "architecture": "dcgan", "dataset": "shapes", "model": "busy"}
    assert (logs[left.name]["kind"], logs[left.name]["status"]) == (None, None)
    assert (await client.get(f"/api/v1/logs/{left.name}", params={"offset": 3})).text == "a job that is gone\n"
    beyond = await client.get(f"/api/v1/logs/{left.name}", params={"offset": 1000})
    assert (beyond.status_code, beyond.text) == (200, "")


@pytest.mark.parametrize(
    "name",
    ["notes.txt", "..%2fatelier.db", "%2e%2e", "%2fetc%2fpasswd", "gone-20260101-000000-000.txt", "link-20260101-000000-000.txt"],
)
async def test_no_name_leads_out_of_the_folder(client: httpx.AsyncClient, store: Store, name: str) -> None:
    (store.logs / "notes.txt").write_text("not a log")
    link = store.logs / "link-20260101-000000-000.txt"
    if not link.is_symlink():
        link.symlink_to(store.root / "atelier.db")
    for what in ("", "/events"):
        response = await client.get(f"/api/v1/logs/{name}{what}")
        assert response.status_code == 404, response.text[:200]
    assert name not in [log["name"] for log in (await client.get("/api/v1/logs")).json()["items"]]


@pytest.mark.parametrize("topic", ["logs", "job:x", "log:notes.txt", "log:../atelier.db", "log:a-20260101-000000-000.txt/x"])
async def test_a_stream_refuses_what_is_no_topic(client: httpx.AsyncClient, topic: str) -> None:
    response = await client.get("/api/v1/events", params={"topics": f"jobs,{topic}"})
    assert (response.status_code, response.json()["errors"][0]["pointer"]) == (422, "/topics")
    assert "log:" in response.json()["errors"][0]["detail"]


async def test_a_stream_follows_only_so_many_logs(client: httpx.AsyncClient) -> None:
    topics = ",".join(f"log:vae-20260101-000000-{number:03}.txt" for number in range(51))
    response = await client.get("/api/v1/events", params={"topics": topics})
    assert (response.status_code, response.json()["errors"][0]["pointer"]) == (422, "/topics")


async def test_the_machine_is_described(client: httpx.AsyncClient, occupied: int) -> None:
    system = (await client.get("/api/v1/system")).json()
    assert system["device"] == "cpu"
    assert "cpu" in system["devices"]
    assert system["jobs"] == {"queued": 0, "running": 1}
    assert 0 < system["memory"]["used"] < system["memory"]["total"]
    assert 0 < system["disk"]["free"] <= system["disk"]["total"]
    assert system["process_memory"] > 0
    assert system["cpu_count"] >= 1


async def test_health_is_cheap(client: httpx.AsyncClient) -> None:
    assert (await client.get("/healthz")).json() == {"status": "ok"}


async def test_a_server_without_its_database_is_healthy_but_not_ready(client_without_database: httpx.AsyncClient) -> None:
    response = await client_without_database.get("/readyz")
    assert (response.status_code, response.json()["detail"]) == (503, "The database does not answer.")
    assert (await client_without_database.get("/healthz")).status_code == 200
