"""Style transfers over HTTP: pictures that are sent, what is asked of them, and the picture that comes back."""

import json
from io import BytesIO

import httpx
import numpy as np
import pytest
from PIL import Image
from tests.conftest import encoded, photograph

from atelier.registry.database import Database
from atelier.registry.store import Store
from atelier.registry.tables import Event, Job, MetricPoint
from atelier.serving.images import encode, keep, path_of

pytestmark = pytest.mark.anyio
URL = "/api/v1/style-transfers"
SMALL = {"size": 64, "smallest": 64, "steps": 2}


async def send(client: httpx.AsyncClient, content: bytes, name: str = "cat.jpg") -> httpx.Response:
    return await client.post("/api/v1/pictures", files={"file": (name, content, "image/jpeg")})


@pytest.fixture
async def sent(client: httpx.AsyncClient) -> list[str]:
    """Ids of two pictures."""
    return [(await send(client, encoded(photograph(seed), "JPEG"))).json()["id"] for seed in range(2)]


async def test_a_picture_is_kept_by_its_pixels(client: httpx.AsyncClient) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    response = await send(client, encoded(photograph(1, (96, 80)), "JPEG", exif=exif))
    assert response.status_code == 201
    out = response.json()
    assert (out["width"], out["height"], out["url"]) == (80, 96, f"/api/v1/pictures/{out['id']}")
    again = await send(client, encoded(photograph(1, (96, 80)), "JPEG", exif=exif), "again.jpg")
    assert again.json()["id"] == out["id"]
    picture = await client.get(out["url"])
    assert (picture.status_code, picture.headers["content-type"]) == (200, "image/png")
    small = await client.get(out["url"], params={"size": 24})
    with Image.open(BytesIO(small.content)) as image:
        assert image.size == (20, 24)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("truncated.png", "the file is truncated"),
        ("empty.jpg", "the file is empty"),
        ("text.png", "not a picture, but text"),
        ("dot.png", "1 x 1 pixels: a side is shorter than 8"),
        ("bomb.png", "it has more than 80 million pixels"),
    ],
)
async def test_what_is_no_picture_is_refused_with_the_reason(
    client: httpx.AsyncClient, bad: dict[str, bytes], store: Store, name: str, words: str
) -> None:
    for response in (
        await send(client, bad[name], name),
        await client.post(URL, files={"content": (name, bad[name])}, data={"options": '{"styles": [{"picture": "impasto"}]}'}),
    ):
        assert response.status_code == 422
        assert response.json()["detail"] == f"{name}: {words}"
    assert response.json()["errors"][0]["pointer"] == "/content"
    assert not list(store.uploads.iterdir())


async def test_every_good_kind_is_taken(client: httpx.AsyncClient, good: dict[str, bytes]) -> None:
    for name, content in good.items():
        assert (await send(client, content, name)).status_code == 201, name


async def test_a_transfer_is_a_job_like_others(client: httpx.AsyncClient, sent: list[str]) -> None:
    body = {"content": sent[0], "styles": [{"picture": sent[1], "weight": 2}, {"picture": "impasto"}], "hyperparameters": SMALL}
    response = await client.post(URL, json=body, headers={"Idempotency-Key": "once"})
    job = response.json()
    assert (response.status_code, response.headers["location"]) == (202, f"{URL}/{job['id']}")
    assert (job["kind"], job["status"], job["hyperparameters"]["size"], job["hyperparameters"]["tv_weight"]) == (
        "stylize",
        "queued",
        64,
        1.0,
    )
    assert job["style_transfer"]["styles"] == [
        {"picture": sent[1], "weight": 2.0, "mask": None},
        {"picture": "impasto", "weight": 1.0, "mask": None},
    ]
    assert (await client.post(URL, json=body, headers={"Idempotency-Key": "once"})).json()["id"] == job["id"]
    listed = (await client.get(URL)).json()["items"]
    assert job["id"] in [item["id"] for item in listed]
    assert (await client.post(f"{URL}/{job['id']}/pause")).json()["status"] == "paused"
    assert (await client.post(f"{URL}/{job['id']}/resume")).json()["status"] == "queued"
    assert (await client.post(f"{URL}/{job['id']}/cancel")).json()["status"] == "cancelled"
    again = await client.post(f"{URL}/{job['id']}/retry")
    assert (again.status_code, again.json()["retry_of"]) == (202, job["id"])
    assert (await client.get(f"/api/v1/training-runs/{job['id']}")).status_code == 404
    missing = await client.get(f"{URL}/{job['id']}/picture")
    assert (missing.status_code, missing.json()["detail"]) == (404, f"Style transfer {job['id']} has no picture yet.")


async def test_a_form_takes_files_and_ids_together(client: httpx.AsyncClient, sent: list[str]) -> None:
    options = {"styles": [{"weight": 3}, {"picture": "impasto"}], "hyperparameters": SMALL}
    files = [
        ("content", ("a.png", encoded(photograph(5), "PNG"))),
        ("style", ("b.png", encoded(photograph(6), "PNG"))),
        ("style", ("c.png", encoded(photograph(0), "PNG"))),
        ("mask", ("m.png", encoded(Image.fromarray(np.full((8, 8), 255, np.uint8)), "PNG"))),
    ]
    response = await client.post(URL, files=files, data={"options": json.dumps(options)})
    assert response.status_code == 202, response.text
    first, second, third = response.json()["style_transfer"]["styles"]
    assert first["weight"] == 3
    assert first["mask"] is not None
    assert (second["picture"], second["mask"]) == ("impasto", None)
    assert third["weight"] == 1
    assert len({first["picture"], third["picture"], response.json()["style_transfer"]["content"]}) == 3
    for reference in (first["picture"], first["mask"], third["picture"]):
        assert (await client.get(f"/api/v1/pictures/{reference}")).status_code == 200


async def test_what_is_wrong_is_pointed_at(client: httpx.AsyncClient, sent: list[str]) -> None:
    style = [{"picture": sent[1]}]
    for body, pointer in [
        ({"styles": style}, "/content"),
        ({"content": sent[0], "styles": []}, "/styles"),
        ({"content": "../secret", "styles": style}, "/content"),
        ({"content": sent[0], "styles": [{"picture": "oil"}]}, "/styles/0/picture"),
        ({"content": sent[0], "styles": [{"picture": sent[1], "weight": 0}]}, "/styles/0/weight"),
        ({"content": sent[0], "styles": style, "method": "oil"}, "/method"),
        ({"content": sent[0], "styles": style, "hyperparameters": {"size": 99_999}}, "/hyperparameters/size"),
        ({"content": sent[0], "styles": style, "hyperparameters": {"hue": 1}}, "/hyperparameters/hue"),
    ]:
        response = await client.post(URL, json=body)
        assert response.status_code == 422, body
        assert [error["pointer"] for error in response.json()["errors"]] == [pointer], body
    assert (await client.post(URL, content=b"[1]", headers={"Content-Type": "application/json"})).status_code == 422
    assert (await client.post(URL, content=b"{", headers={"Content-Type": "application/json"})).status_code == 422
    assert (await client.post(URL, content=b"x", headers={"Content-Type": "text/plain"})).status_code == 415
    content = ("content", ("a.png", encoded(photograph(5), "PNG")))
    for files, data, pointer in [
        ([content, ("mask", ("m.png", encoded(photograph(1), "PNG")))], {}, "/mask"),
        ([content, content], {}, "/content"),
        ([content], {"options": "{"}, "/options"),
        ([content], {"options": '{"styles": 3}'}, "/options/styles"),
        ([content], {"size": "64"}, "/size"),
    ]:
        response = await client.post(URL, files=files, data=data)
        assert response.status_code == 422, (files, data)
        assert response.json()["errors"][0]["pointer"] == pointer, response.text


async def test_pictures_come_while_it_draws_and_the_result_after(
    client: httpx.AsyncClient, sent: list[str], database: Database, store: Store
) -> None:
    job = (await client.post(URL, json={"content": sent[0], "styles": [{"picture": sent[1]}]})).json()
    keep(store.preview(job["id"], 7), encode(photograph(3), {}))
    with database.write() as session:
        row = session.get_one(Job, job["id"])
        row.preview_step = 7
        session.add(Event(job_id=row.id, type="preview", data={"step": 7, "url": f"{URL}/{row.id}/previews/7.png"}))
    shown = (await client.get(f"{URL}/{job['id']}")).json()
    assert (shown["preview"], shown["style_transfer"]["picture"]) == (f"{URL}/{job['id']}/previews/7.png", f"{URL}/{job['id']}/picture")
    assert (await client.get(f"{URL}/{job['id']}/previews")).json()["items"] == [{"step": 7, "url": shown["preview"]}]
    preview = (await client.get(shown["preview"])).content
    newest = await client.get(shown["style_transfer"]["picture"])
    assert newest.content == preview
    assert newest.headers["cache-control"] == "no-cache"
    keep(store.result(job["id"]), encode(photograph(4), {}))
    with database.write() as session:
        row = session.get_one(Job, job["id"])
        row.status = "succeeded"
        session.add(MetricPoint(job_id=row.id, step=7, name="style/loss", value=0.5))
    assert (await client.get(f"{URL}/{job['id']}/metrics")).json() == {"steps": [7], "series": {"style/loss": [0.5]}}
    small = await client.get(shown["style_transfer"]["picture"], params={"size": 48})
    with Image.open(BytesIO(small.content)) as image:
        assert image.size == (48, 40)
    result = await client.get(shown["style_transfer"]["picture"])
    assert result.content != preview
    assert "immutable" in result.headers["cache-control"]


async def test_what_was_drawn_can_be_a_content(client: httpx.AsyncClient, sent: list[str], store: Store) -> None:
    identity = "ab" * 16
    keep(path_of(store.images, identity), encode(photograph(8), {}))
    response = await client.post(URL, json={"content": identity, "styles": [{"picture": sent[1]}]})
    assert response.status_code == 202


async def test_methods_and_styles_describe_themselves(client: httpx.AsyncClient) -> None:
    methods = (await client.get("/api/v1/style-methods")).json()["items"]
    assert [method["name"] for method in methods] == ["pyramid", "adain", "gatys"]
    for method in methods:
        assert all(field["description"] for field in method["hyperparameters"]["properties"].values())
    styles = (await client.get("/api/v1/styles")).json()["items"]
    assert "impasto" in [style["name"] for style in styles]
    picture = await client.get(styles[0]["url"], params={"size": 64})
    with Image.open(BytesIO(picture.content)) as image:
        assert image.size == (64, 64)
    assert (await client.get("/api/v1/styles/oil/picture")).status_code == 404
