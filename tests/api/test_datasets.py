"""Data sets over HTTP: taken in as they come, within bounds, and shown with all that was found in them."""

import asyncio
import io
import json
import os
import zipfile
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from PIL import Image
from tests.api.conftest import connect

from atelier import app as app_module
from atelier.api import forms
from atelier.app import create_app
from atelier.registry.database import Database
from atelier.registry.store import Store
from atelier.registry.tables import Job
from atelier.settings import Settings

pytestmark = pytest.mark.anyio

URL = "/api/v1/datasets"
MAX_UPLOAD = 3 << 20
Send = Callable[..., Any]


@pytest.fixture(scope="module")
def roots(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("roots")


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory, roots: Path) -> Settings:
    store = tmp_path_factory.mktemp("store")
    return Settings(store_dir=store, device="cpu", data_roots=(roots / "a", roots / "b"), max_upload_bytes=MAX_UPLOAD, _env_file=None)


@pytest.fixture(scope="module")
async def client(settings: Settings, roots: Path) -> AsyncIterator[httpx.AsyncClient]:
    """Of a server of its own, whose jobs run."""
    for name in ("a", "b", "c"):
        (roots / name).mkdir()
    async with connect(settings) as client:
        yield client


@pytest.fixture
def uploads(settings: Settings) -> Callable[[], list[str]]:
    """What lies among the store's uploads."""
    return lambda: sorted(os.listdir(Store(settings.store_dir).uploads))  # noqa: PTH208


def zipped(files: dict[str, bytes]) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return stream.getvalue()


async def send(client: httpx.AsyncClient, content: bytes, *, headers: dict[str, str] | None = None, **fields: Any) -> httpx.Response:
    return await client.post(URL, data={"name": "birds", **fields}, files={"file": ("my birds.zip", content)}, headers=headers)


async def ended(client: httpx.AsyncClient, response: httpx.Response) -> dict[str, Any]:
    assert response.status_code == 202, response.text
    for _ in range(900):
        job: dict[str, Any] = (await client.get(response.headers["location"])).json()
        if job["status"] in ("succeeded", "failed", "cancelled", "interrupted"):
            return job
        await asyncio.sleep(0.1)
    raise AssertionError(job)


def is_problem(response: httpx.Response, status: int, pointer: str | None = None) -> str:
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/problem+json"
    body = response.json()
    if pointer is not None:
        assert [error["pointer"] for error in body["errors"]] == [pointer]
    return str(body["detail"])


@pytest.fixture(scope="module")
async def birds(client: httpx.AsyncClient, good: Any, bad: Any, photographs: Any) -> str:
    """A data set from a zip file: two classes, captions, 31 files that can't be used."""
    files = {f"cats/{name}": content for name, content in (good | bad).items()}
    files |= {f"dogs {chr(0x1F415)}/{name}": content for name, content in photographs(9).items()}
    files |= {f"dogs {chr(0x1F415)}/x{index}.png": b"text" for index in range(21)}
    files[f"dogs {chr(0x1F415)}/copy.jpg"] = files[f"dogs {chr(0x1F415)}/00003.jpg"]
    job = await ended(client, await send(client, zipped(files), title="Some birds", resolution="16", mirrorable="false"))
    assert job["status"] == "succeeded", job
    assert (job["kind"], job["dataset"], job["progress"]) == ("prepare", "birds", 1.0)
    return "birds"


async def test_it_is_listed_with_what_is_in_it(client: httpx.AsyncClient, birds: str, uploads: Any) -> None:
    assert uploads() == []
    item = (await client.get(f"{URL}/{birds}")).json()
    assert (await client.get(URL)).json()["items"][-1] == item
    assert (item["title"], item["builtin"], item["mirrorable"], item["layout"]) == ("Some birds", False, False, "folders")
    assert (item["num_images"], item["num_skipped"], item["num_duplicates"]) == (21, 31, 1)
    assert item["class_names"] == ["cats", "dogs 🐕"]
    assert sum(item["splits"].values()) == 21
    assert item["bytes"] > 20_000
    assert item["created_at"]
    assert item["options"]["properties"]["crop"]["enum"] == ["auto", "square", "box"]
    classes = (await client.get(f"{URL}/{birds}/classes")).json()["items"]
    assert classes == [{"index": 0, "name": "cats", "count": 11}, {"index": 1, "name": "dogs 🐕", "count": 10}]


async def test_its_report_tells_what_was_found(client: httpx.AsyncClient, birds: str) -> None:
    report = (await client.get(f"{URL}/{birds}/report")).json()
    assert (report["num_files"], report["num_images"], report["num_skipped"]) == (52, 21, 31)
    assert len(report["skipped"]) == 20
    assert report["duplicates"] == {"groups": 1, "images": 2, "examples": [["dogs 🐕/00003.jpg", "dogs 🐕/copy.jpg"]]}
    assert report["modes"]["CMYK"] == 1
    assert report["sizes"]["width"] == {"min": 48, "median": 80, "max": 96} or report["sizes"]["width"]["max"] == 96
    assert sum(one["count"] for one in report["sizes"]["histogram"]) == 21


async def test_every_skipped_file_can_be_paged_through(client: httpx.AsyncClient, birds: str, bad: Any) -> None:
    found: list[dict[str, str]] = []
    cursor: str | None = None
    while True:
        page = (await client.get(f"{URL}/{birds}/skipped", params={"limit": 7, **({"cursor": cursor} if cursor else {})})).json()
        found += page["items"]
        cursor = page["next_cursor"]
        if cursor is None:
            break
        assert len(page["items"]) == 7
    expected = {f"cats/{name}" for name in bad} | {f"dogs 🐕/x{index}.png" for index in range(21)}
    assert len(found) == len(expected) == 31
    assert {one["path"] for one in found} == expected
    assert all(one["reason"] for one in found)
    is_problem(await client.get(f"{URL}/emoji/skipped", params={"cursor": cursor or "bm9uZTox"}), 400)


async def test_its_pictures_can_be_seen(client: httpx.AsyncClient, birds: str) -> None:
    samples = (await client.get(f"{URL}/{birds}/samples", params={"count": 50, "resolution": 16})).json()["items"]
    assert len(samples) == 21
    assert {one["class_name"] for one in samples} == {"cats", "dogs 🐕"}
    picture = await client.get(samples[0]["url"])
    assert Image.open(io.BytesIO(picture.content)).size == (16, 16)
    assert picture.headers["cache-control"] == "no-cache", "another set may come by this name"
    again = await client.get(samples[0]["url"], headers={"If-None-Match": picture.headers["etag"]})
    assert again.status_code == 304
    grid = await client.get(f"{URL}/{birds}/samples", headers={"Accept": "image/png"})
    assert grid.headers["content-type"] == "image/png"


async def test_built_in_ones_have_reports_as_well(client: httpx.AsyncClient) -> None:
    report = (await client.get(f"{URL}/shapes/report")).json()
    assert (report["num_images"], report["sizes"], report["skipped"]) == (5000, None, [])
    assert report["attributes"][0]["name"] == "circle"
    assert (await client.get(f"{URL}/shapes/skipped")).json() == {"items": [], "next_cursor": None}
    classes = (await client.get(f"{URL}/digits/classes")).json()["items"]
    assert [one["count"] for one in classes] == [500] * 10
    item = (await client.get(f"{URL}/shapes")).json()
    assert (item["builtin"], item["layout"], item["bytes"], item["created_at"]) == (True, None, None, None)
    assert item["splits"]["train"] > 4400


async def test_a_removed_one_is_gone_and_another_may_take_its_name(client: httpx.AsyncClient, settings: Settings, photographs: Any) -> None:
    url = f"{URL}/passing"
    assert (await ended(client, await send(client, zipped(photographs(3)), name="passing")))["status"] == "succeeded"
    before = (await client.get(f"{url}/images/0")).headers["etag"]
    assert (await client.get(url)).json()["num_images"] == 3
    is_problem(await send(client, zipped(photographs(3)), name="passing"), 409)
    assert (await client.delete(url)).status_code == 204
    for path in ("", "/samples", "/images/0", "/report", "/skipped", "/classes"):
        is_problem(await client.get(url + path), 404)
    is_problem(await client.delete(url), 404)
    store = Store(settings.store_dir)
    assert not [path for path in store.datasets.glob("*/dataset.json") if json.loads(path.read_text())["dataset"] == "passing"]
    assert not list(store.sources.glob(".*"))

    assert (await ended(client, await send(client, zipped(photographs(4)), name="passing")))["status"] == "succeeded"
    assert (await client.get(url)).json()["num_images"] == 4
    assert (await client.get(f"{url}/images/0")).headers["etag"] != before
    await client.delete(url)


async def test_one_that_a_job_needs_stays(client: httpx.AsyncClient, settings: Settings, birds: str) -> None:
    database = Database(settings.resolved_database_url)
    with database.write() as session:
        job = Job(kind="train", status="paused", spec={}, dataset=birds)
        session.add(job)
    assert f"job {job.id} (paused)" in is_problem(await client.delete(f"{URL}/{birds}"), 409)
    with database.write() as session:
        session.get_one(Job, job.id).request_cancel()
    database.dispose()
    assert "built in" in is_problem(await client.delete(f"{URL}/emoji"), 409)
    refused = await client.delete(f"{URL}/{birds}", headers={"Origin": "https://evil.example"})
    is_problem(refused, 403)
    assert (await client.get(f"{URL}/{birds}")).status_code == 200


async def test_the_upload_of_a_job_that_never_began_is_swept_up(tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.setattr(app_module, "SWEEP_SECONDS", 0.05)
    settings = Settings(store_dir=tmp_path, device="cpu", _env_file=None)
    async with connect(settings):
        database = Database(settings.resolved_database_url)
        upload = Store(tmp_path).uploads / f"{'a' * 32}.zip"
        upload.touch()
        with database.write() as session:
            job = Job(kind="prepare", status="paused", spec={"upload": upload.name}, dataset="x")
            session.add(job)
        await asyncio.sleep(0.3)
        assert upload.exists()
        with database.write() as session:
            session.get_one(Job, job.id).request_cancel()
        database.dispose()
        for _ in range(100):
            await asyncio.sleep(0.05)
            if not upload.exists():
                break
        assert not upload.exists()


# ------------------------------------------------------------------------------------------------------------------ forms


async def test_names_are_checked_before_the_file_is_read(client: httpx.AsyncClient, birds: str, uploads: Any) -> None:
    boundary = "x"
    sent = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal sent
        yield f'--{boundary}\r\nContent-Disposition: form-data; name="name"\r\n\r\nbirds\r\n'.encode()
        yield f'--{boundary}\r\nContent-Disposition: form-data; name="file"; filename="a.zip"\r\n\r\n'.encode()
        while True:
            sent += 1
            yield b"x" * 1000

    response = await client.post(URL, content=endless(), headers={"Content-Type": f"multipart/form-data; boundary={boundary}"})
    assert "There is a data set birds already" in is_problem(response, 409)
    assert sent < 5
    assert "built-in" in is_problem(await send(client, zipped({}), name="emoji"), 409)
    assert uploads() == []


@pytest.mark.parametrize("announced", [True, False])
async def test_a_file_too_large_is_refused_as_soon_as_that_is_known(client: httpx.AsyncClient, announced: bool, uploads: Any) -> None:
    head = b'--x\r\nContent-Disposition: form-data; name="file"; filename="a.zip"\r\n\r\n'
    sent = 0

    async def body() -> AsyncIterator[bytes]:
        nonlocal sent
        yield head
        for _ in range(1000):
            sent += 1 << 16
            yield b"x" * (1 << 16)

    headers = {"Content-Type": "multipart/form-data; boundary=x"} | ({"Content-Length": str(1000 << 16)} if announced else {})
    detail = is_problem(await client.post(URL, content=body(), headers=headers), 413)
    assert "ATELIER_MAX_UPLOAD_BYTES" in detail
    assert sent <= (0 if announced else MAX_UPLOAD + (2 << 20))
    assert uploads() == []


@pytest.mark.parametrize("announced", [True, False])
async def test_a_disk_without_room_is_said(
    client: httpx.AsyncClient, announced: bool, monkeypatch: pytest.MonkeyPatch, uploads: Any
) -> None:
    monkeypatch.setattr(forms, "KEEP_FREE", 10**18)

    async def body() -> AsyncIterator[bytes]:
        yield b'--x\r\nContent-Disposition: form-data; name="file"; filename="a.zip"\r\n\r\n'
        yield b"x" * (1 << 21)

    headers = {"Content-Type": "multipart/form-data; boundary=x"} | ({"Content-Length": "5000000"} if announced else {})
    assert "disk" in is_problem(await client.post(URL, content=body(), headers=headers), 507)
    assert uploads() == []


async def test_a_client_that_goes_away_leaves_nothing(client: httpx.AsyncClient, settings: Settings, uploads: Any) -> None:
    app = create_app(settings)
    seen: list[list[str]] = []
    head = b'--x\r\nContent-Disposition: form-data; name="file"; filename="a.zip"\r\n\r\n'
    messages = [
        {"type": "http.request", "body": head + b"x" * (1 << 20), "more_body": True},
        {"type": "http.request", "body": b"x", "more_body": True},
        {"type": "http.disconnect"},
    ]

    async def receive() -> Any:
        seen.append(uploads())
        return messages.pop(0)

    async def answer(message: Any) -> None:
        pass

    async with app.router.lifespan_context(app) as state:
        scope = {
            "type": "http",
            "method": "POST",
            "path": URL,
            "raw_path": URL.encode(),
            "query_string": b"",
            "headers": [(b"host", b"localhost"), (b"content-type", b"multipart/form-data; boundary=x"), (b"transfer-encoding", b"chunked")],
            "state": dict(state or {}),
        }
        await app(scope, receive, answer)
    assert [len(files) for files in seen] == [0, 1, 1], "it goes to the disk as it comes"
    assert uploads() == []


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (b"no zip file", "my birds.zip is not a zip file"),
        (b"", "my birds.zip is empty"),
        (zipped({"../../evil.jpg": b"x"}), "leads out of the folder"),
        (zipped({"/etc/evil.jpg": b"x"}), "is an absolute path"),
        (zipped({"more.zip": zipped({"a.jpg": b""})}), "holds another archive"),
        (zipped({"notes.txt": b"x"}), "there are no pictures in my birds.zip"),
        (zipped({"a.jpg": b"x" * 999})[:-9], "is damaged or not complete"),
    ],
)
async def test_a_bad_archive_is_refused_at_once(client: httpx.AsyncClient, content: bytes, complaint: str, uploads: Any) -> None:
    assert complaint in is_problem(await send(client, content, name="bad"), 422, "/file")
    assert uploads() == []


@pytest.mark.parametrize(
    ("fields", "pointer"),
    [
        ({"name": "Not A Name"}, "/name"),
        ({"name": ""}, "/name"),
        ({"resolution": "1000000"}, "/resolution"),
        ({"resolution": "large"}, "/resolution"),
        ({"mirrorable": "perhaps"}, "/mirrorable"),
        ({"layout": "piles"}, "/layout"),
        ({"folder": "/etc"}, "/file"),
        ({"upload": "x.zip"}, "/upload"),
        ({"within": "/"}, "/within"),
        ({"title": "x" * 20_000}, "/title"),
        ({"title": "x" * 201}, "/title"),
    ],
)
async def test_a_wrong_field_is_pointed_at(
    client: httpx.AsyncClient, fields: dict[str, str], pointer: str, photographs: Any, uploads: Any
) -> None:
    is_problem(await send(client, zipped(photographs(1)), **{"name": "fields", **fields}), 422, pointer)
    assert uploads() == []


async def test_there_must_be_one_source(client: httpx.AsyncClient) -> None:
    for fields in ({}, {"folder": "/x", "download": "mnist"}):
        response = await client.post(URL, files={name: (None, value) for name, value in {"name": "none", **fields}.items()})
        assert "one of file, folder and download" in is_problem(response, 422, "/file")
    assert "can't be downloaded" in is_problem(await client.post(URL, files={"download": (None, "imagenet")}), 422, "/download")


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 400),
        (b"nonsense", 400),
        (b'--x\r\nContent-Disposition: form-data; name="name"\r\n\r\nbird', 400),
        (b'--x\r\nContent-Disposition: form-data; name="name"\r\n\r\nbird\r\n--x--\r\n', 422),
        (b"--x\r\n\r\nbird\r\n--x--\r\n", 422),
        (b"--x\r\n" + b"A: b\r\n" * 1000, 400),
        (b"--x\r\nA: " + b"b" * 100_000, 400),
        (b'--x\r\nContent-Disposition: form-data; name="name"\r\n\r\na\r\n' * 2 + b"--x--\r\n", 422),
    ],
)
async def test_a_form_that_is_none_is_a_problem(client: httpx.AsyncClient, body: bytes, status: int, uploads: Any) -> None:
    is_problem(await client.post(URL, content=body, headers={"Content-Type": "multipart/form-data; boundary=x"}), status)
    assert uploads() == []


async def test_a_foreign_page_can_not_send_one(client: httpx.AsyncClient, photographs: Any, uploads: Any) -> None:
    content = zipped(photographs(1))
    for headers in (
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
    ):
        is_problem(await send(client, content, name="foreign", headers=headers), 403)
    is_problem(await client.post(URL, json={"name": "foreign"}), 415)
    is_problem(await client.post(URL, content=b"name=x", headers={"Content-Type": "application/x-www-form-urlencoded"}), 415)
    is_problem(await client.post("/api/v1/training-runs", files={"file": ("a.zip", content)}), 415)
    assert uploads() == []
    assert (await client.get("/api/v1/datasets/foreign")).status_code == 404


async def test_the_same_key_adds_one_data_set(client: httpx.AsyncClient, photographs: Any, uploads: Any) -> None:
    content, key = zipped(photographs(2)), {"Idempotency-Key": "once"}
    first = await send(client, content, name="once", headers=key)
    again = await send(client, content, name="once", headers=key)
    assert first.json()["id"] == again.json()["id"]
    other = await send(client, zipped(photographs(3)), name="once", headers=key)
    assert "Idempotency-Key" in is_problem(other, 422)
    assert (await ended(client, first))["status"] == "succeeded"
    assert (await send(client, content, name="once", headers=key)).json()["id"] == first.json()["id"]
    assert uploads() == []


# ---------------------------------------------------------------------------------------------------------------- folders


async def test_a_folder_below_a_root_is_read_where_it_lies(client: httpx.AsyncClient, roots: Path, put: Any, photographs: Any) -> None:
    folder = put(roots / "b" / "of birds", photographs(4))
    response = await client.post(URL, files={"name": (None, "in-place"), "folder": (None, str(folder))})
    assert (await ended(client, response))["status"] == "succeeded"
    assert (await client.get(f"{URL}/in-place")).json()["num_images"] == 4
    (folder / "00000.jpg").write_bytes(photographs(5)["00004.jpg"])
    assert "00000.jpg has changed" in is_problem(await client.get(f"{URL}/in-place/images/0"), 409)
    assert (await client.delete(f"{URL}/in-place")).status_code == 204
    assert len(list(folder.iterdir())) == 4


@pytest.mark.parametrize(
    "path", ["/etc", "{roots}/c", "{roots}/a/../c", "{roots}/a/link", "a", "{roots}/ab", "{roots}/a/\x00", "/" + "x" * 5000]
)
async def test_other_folders_are_refused_without_a_word_of_where_they_are(
    client: httpx.AsyncClient, path: str, roots: Path, put: Any, photographs: Any
) -> None:
    put(roots / "c", photographs(1))
    if not (roots / "a" / "link").exists():
        (roots / "a" / "link").symlink_to(roots / "c")
    response = await client.post(URL, files={"name": (None, "out"), "folder": (None, path.format(roots=roots))})
    assert "ATELIER_DATA_ROOTS" in is_problem(response, 422, "/folder")
    assert str(roots) not in response.text


async def test_a_folder_that_is_not_there(client: httpx.AsyncClient, roots: Path) -> None:
    response = await client.post(URL, files={"name": (None, "out"), "folder": (None, str(roots / "a" / "nothing"))})
    assert is_problem(response, 422, "/folder") == "there is no such folder"


async def test_a_folder_without_pictures_fails_in_words(client: httpx.AsyncClient, roots: Path, put: Any) -> None:
    folder = put(roots / "a" / "empty", {"notes.txt": b"x"})
    job = await ended(client, await client.post(URL, files={"name": (None, "none"), "folder": (None, str(folder))}))
    assert job["status"] == "failed"
    assert job["error"].startswith("there are no pictures in empty")


async def test_sources_are_told(client: httpx.AsyncClient, roots: Path) -> None:
    told = (await client.get("/api/v1/dataset-sources")).json()
    assert {"cub", "celeba", "stanford-dogs", "imagefolder", "captions", "folders", "flat"} <= {one["name"] for one in told["layouts"]}
    assert all(one["summary"].endswith(".") for one in told["layouts"])
    assert {one["name"] for one in told["downloads"]} == {"cifar10", "mnist", "fashion-mnist", "flowers102", "celeba"}
    assert (told["roots"], told["max_upload_bytes"]) == ([str(roots / "a"), str(roots / "b")], MAX_UPLOAD)


async def test_a_server_without_roots_takes_no_folder(tmp_path: Path) -> None:
    async with connect(Settings(store_dir=tmp_path, device="cpu", _env_file=None)) as client:
        response = await client.post(URL, files={"name": (None, "out"), "folder": (None, str(tmp_path))})
        assert "set ATELIER_DATA_ROOTS" in is_problem(response, 422, "/folder")


async def test_preparations_are_jobs_like_others(client: httpx.AsyncClient, birds: str) -> None:
    jobs = (await client.get("/api/v1/preparations", params={"status": "succeeded"})).json()["items"]
    job = next(job for job in jobs if job["dataset"] == birds)
    url = f"/api/v1/preparations/{job['id']}"
    assert "pictures laid out as" in (await client.get(f"{url}/log")).text
    is_problem(await client.post(f"{url}/cancel"), 409)
    is_problem(await client.post(f"{url}/pause"), 404)
    is_problem(await client.get(f"/api/v1/training-runs/{job['id']}"), 404)


async def test_a_training_takes_its_name_and_options(client: httpx.AsyncClient, birds: str) -> None:
    run = {"architecture": "dcgan", "model": "m", "preset": "debug", "dataset": birds}
    wrong = await client.post("/api/v1/training-runs", json=run | {"dataset_options": {"crop": "box"}})
    assert "has no boxes" in is_problem(wrong, 422, "/dataset_options")
    accepted = await client.post("/api/v1/training-runs", json=run)
    assert accepted.json()["dataset_options"] == {"crop": "auto"}
    await client.post(f"/api/v1/training-runs/{accepted.json()['id']}/cancel")
