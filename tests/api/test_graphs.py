"""An image that a graph draws is another one than torch's: its bits are, and so is its id, while all that is told of it stays the same."""

from collections.abc import Callable

import httpx
import pytest
from sqlalchemy import delete, select

from atelier.registry.database import Database
from atelier.registry.store import Store, digest_of
from atelier.registry.tables import DrawnImage
from atelier.serving.graphs import graph_of
from atelier.serving.history import mend
from atelier.serving.waiting import Weights

pytestmark = pytest.mark.anyio


async def test_ids_and_only_ids_tell_by_what_an_image_was_drawn(
    client: httpx.AsyncClient, publish: Callable[..., str], store: Store, database: Database
) -> None:
    publish("graphic")
    version = "/api/v1/models/graphic/versions/1"
    walk = {"waypoints": [{"seed": 1}, {"seed": 2}], "at": [0.25]}
    bodies = {f"{version}/images": {"seed": 1}, f"{version}/interpolations": walk}
    json = {"Accept": "application/json"}
    torchs = {url: (await client.post(url, json=body, headers=json)).json()["items"][0] for url, body in bodies.items()}
    picture = (await client.get(torchs[f"{version}/images"]["url"])).content

    digest = digest_of(store.version("graphic", 1))
    graph = graph_of(Weights(store.version("graphic", 1), digest))
    graph.parent.mkdir(exist_ok=True)
    graph.write_bytes(b"no graph")  # by which nothing can be drawn, and torch does
    inspected = await client.post("/api/v1/images/inspect", files={"file": ("picture.png", picture)})
    assert inspected.json()["image"] == torchs[f"{version}/images"]["url"]  # which drew the only one there is
    assert inspected.json()["unavailable"] is None
    for url, body in bodies.items():
        item = (await client.post(url, json=body, headers=json)).json()["items"][0]
        assert item["id"] != torchs[url]["id"]
        assert item["parameters"] == torchs[url]["parameters"]

    rows = (await client.get("/api/v1/images", params={"model": "graphic"})).json()["items"]
    assert len(rows) == 2
    with database.write() as session:  # as after a crash, before which they were not written
        session.execute(delete(DrawnImage).where(DrawnImage.model == "graphic"))
    mend(database, store, young_seconds=0)
    with database.read() as session:
        found = session.execute(select(DrawnImage.id, DrawnImage.digest).where(DrawnImage.model == "graphic")).all()
    assert sorted(found) == sorted((row["id"], digest) for row in rows)
