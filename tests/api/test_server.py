"""The real server: from a request to a picture, over streams that resume and that end when the server stops."""

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from atelier.registry.database import Database
from atelier.registry.tables import Job
from atelier.settings import Settings

SERVE = """
import gc, sys
from atelier.app import serve
from atelier.settings import Settings

serve(Settings())
print("frozen", gc.get_freeze_count(), file=sys.stderr)
"""


class Server:
    """A running server; `client` speaks to it."""

    def __init__(self, store: Path) -> None:
        self.store = store
        environment = os.environ | {"ATELIER_STORE_DIR": str(store), "ATELIER_PORT": "0", "ATELIER_DEVICE": "cpu"}
        self.process = subprocess.Popen([sys.executable, "-c", SERVE], env=environment, stderr=subprocess.PIPE, text=True)
        assert self.process.stderr is not None
        self.stderr = self.process.stderr
        address = re.search(r"http://\S+", self.stderr.readline())
        assert address, self.stderr.read()
        self.client = httpx.Client(base_url=address[0], timeout=60)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    server = Server(tmp_path_factory.mktemp("store"))
    with server.process, server.client:
        yield server
        server.process.kill()


def read_events(lines: Iterator[str]) -> Iterator[dict[str, Any]]:
    event: dict[str, Any] = {}
    for line in lines:
        name, _, value = line.partition(": ")
        if name in ("id", "event", "data"):
            event[name] = json.loads(value) if name == "data" else value
        elif not line and event:
            yield event
            event = {}


def test_from_a_request_to_a_picture(server: Server) -> None:
    client = server.client
    body = {
        "architecture": "dcgan",
        "dataset": "shapes",
        "dataset_options": {"count": 100},
        "model": "first",
        "preset": "debug",
        "hyperparameters": {"steps": 5},
    }
    accepted = client.post("/api/v1/training-runs", json=body)
    assert accepted.status_code == 202
    url = accepted.headers["location"]

    seen = []
    with client.stream("GET", f"{url}/events") as stream:
        assert stream.headers["content-type"].startswith("text/event-stream")
        for event in read_events(stream.iter_lines()):
            seen.append(event)
            if event["event"] == "job" and event["data"]["status"] in ("succeeded", "failed"):
                break
    assert seen[-1]["data"]["status"] == "succeeded", seen[-1]["data"]["error"]
    assert {event["event"] for event in seen} == {"job", "metrics", "preview"}
    ids = [int(event["id"]) for event in seen]
    assert ids == sorted(set(ids))
    assert seen[-1]["data"] == client.get(url).json()

    metrics = [event for event in seen if event["event"] == "metrics"]
    with client.stream("GET", f"{url}/events", headers={"Last-Event-ID": metrics[0]["id"]}) as stream:
        again = next(read_events(stream.iter_lines()))
    assert int(again["id"]) > int(metrics[0]["id"])

    preview = client.get(next(event["data"]["url"] for event in seen if event["event"] == "preview"))
    assert preview.content.startswith(b"\x89PNG")
    assert "5/5" in client.get(f"{url}/log").text
    picture = client.post("/api/v1/models/first/versions/latest/images", json={"seed": 1}, headers={"Accept": "image/png"})
    assert picture.content.startswith(b"\x89PNG")


def test_one_stream_tells_of_jobs_and_of_logs(server: Server) -> None:
    logs = server.store / "logs"
    old, new = logs / "dcgan-20260101-000000-001.txt", logs / "vae-20260101-000000-002.txt"
    old.write_text("read before\n")
    topics = {"topics": f"jobs,log:{old.name},log:{new.name}", "after": "1"}
    with server.client.stream("GET", "/api/v1/events", params=topics) as stream:
        events = read_events(stream.iter_lines())
        told: list[dict[str, Any]] = []
        while sum(event["event"] == "log" for event in told) < 2:
            told.append(next(events))
        old.write_text("read before\nä")
        new.write_text("begun\n")
        while sum(event["event"] == "log" for event in told) < 4:
            told.append(next(events))
    starts, parts = [event["data"] for event in told if event["event"] == "log"][:2], {}
    assert sorted((start["log"], start["offset"], start["next"], start["text"]) for start in starts) == [
        (old.name, 12, 12, ""),
        (new.name, 0, 0, ""),
    ]
    for event in told:
        if event["event"] == "log" and event["data"]["text"]:
            parts[event["data"]["log"]] = event["data"]
        else:
            assert "id" not in event or int(event["id"]) > 1  # resumed from there, as by Last-Event-ID
    assert parts[old.name] == {"log": old.name, "offset": 12, "next": 14, "text": "ä"}
    assert parts[new.name] == {"log": new.name, "offset": 0, "next": 6, "text": "begun\n"}


def test_the_machine_is_told_of_again_and_again_to_who_asks(server: Server) -> None:
    with server.client.stream("GET", "/api/v1/events", params={"topics": "system"}) as stream:
        events = read_events(stream.iter_lines())
        told = [next(events), next(events)]
    assert [(event["event"], event.get("id")) for event in told] == [("system", None)] * 2
    known = server.client.get("/api/v1/system").json()
    assert told[0]["data"].keys() == known.keys()
    assert told[1]["data"]["memory"]["total"] == known["memory"]["total"]


def test_open_streams_end_when_the_server_stops(server: Server) -> None:
    database = Database(Settings(store_dir=server.store).resolved_database_url)
    with database.write() as session:
        session.add(Job(kind="train", spec={}, status="paused"))
    database.dispose()
    (server.store / "logs" / "dcgan-20260101-000000-000.txt").write_text("first\n")

    stream = server.client.stream
    with (
        stream("GET", "/api/v1/events", params={"topics": "jobs"}) as events,
        stream("GET", "/api/v1/events", params={"topics": "log:dcgan-20260101-000000-000.txt"}) as both,
        stream("GET", "/api/v1/logs/dcgan-20260101-000000-000.txt/events") as log,
    ):
        event_lines, log_lines = events.iter_lines(), log.iter_lines()
        both_events = read_events(both.iter_lines())
        assert next(both_events)["data"]["next"] == 6
        assert next(read_events(event_lines))["data"]["status"] == "paused"
        assert [next(log_lines) for _ in range(3)] == ["data: first", "data: ", "id: 6"]
        server.process.send_signal(signal.SIGINT)
        assert [line for line in [*event_lines, *log_lines] if line] == []  # all end, and end well
        assert list(both_events) == []
    server.process.wait(timeout=30)
    said = server.stderr.read()
    assert "graceful" not in said  # nothing had to be cut off
    assert int(said.split("frozen ")[1]) > 100_000  # objects that the garbage collector has left alone meanwhile
