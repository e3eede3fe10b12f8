"""Other people's pages get nothing out of a local server, and every error is a problem."""

from typing import Any

import httpx
import pytest

from atelier.app import MAX_BODY, create_app
from atelier.settings import Settings

pytestmark = pytest.mark.anyio

RUNS = "/api/v1/training-runs"


def is_problem(response: httpx.Response, status: int) -> bool:
    assert response.headers["content-type"] == "application/problem+json", response.text
    assert response.json()["title"]
    assert response.json()["detail"]
    return response.status_code == response.json()["status"] == status


@pytest.mark.parametrize(
    ("host", "allowed"),
    [
        ("localhost:8000", True),
        ("LOCALHOST", True),
        ("127.0.0.1:8000", True),
        ("[::1]:8000", True),
        ("192.168.1.4", True),  # an address can't be rebound to this machine
        ("evil.example", False),
        ("localhost.evil.example", False),
        ("[", False),
        ("", False),
    ],
)
async def test_only_known_names_are_answered(client: httpx.AsyncClient, host: str, allowed: bool) -> None:
    response = await client.get("/healthz", headers={"Host": host})
    assert (response.status_code == 200) if allowed else is_problem(response, 403)


async def test_further_names_can_be_configured(settings: Settings) -> None:
    app = create_app(Settings(store_dir=settings.store_dir, allowed_hosts=("Studio.example",)))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://studio.example") as client:
        assert (await client.get("/healthz")).status_code == 200


@pytest.mark.parametrize(
    ("origin", "status"),
    [(None, 200), ("http://localhost", 200), ("http://localhost:5173", 403), ("https://evil.example", 403), ("null", 403)],
)
async def test_a_foreign_page_changes_nothing(client: httpx.AsyncClient, origin: str | None, status: int) -> None:
    run = (await client.post(RUNS, json={"architecture": "vae", "dataset": "shapes", "model": "x"})).json()
    headers = {} if origin is None else {"Origin": origin}
    response = await client.post(f"{RUNS}/{run['id']}/cancel", headers=headers)
    assert response.status_code == status
    assert status == 200 or is_problem(response, status)
    after = (
        await client.get(f"{RUNS}/{run['id']}", headers=headers)
    ).json()  # reading is not refused: without CORS no page sees the answer
    assert after["status"] == ("cancelled" if status == 200 else "queued")


@pytest.mark.parametrize("content_type", [None, "text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"])
async def test_a_body_must_be_json(client: httpx.AsyncClient, content_type: str | None) -> None:
    headers = {} if content_type is None else {"Content-Type": content_type}
    assert is_problem(await client.post(RUNS, content=b'{"architecture": "dcgan"}', headers=headers), 415)


async def test_a_body_that_is_no_json_is_a_problem(client: httpx.AsyncClient) -> None:
    response = await client.post(RUNS, content=b'{"a": ', headers={"Content-Type": "application/json"})
    assert is_problem(response, 422)
    assert "not JSON" in response.json()["detail"]


@pytest.mark.parametrize("url", [RUNS, "/api/v1/models/tiny/versions/1/images"])
async def test_a_body_too_large_is_refused(client: httpx.AsyncClient, url: str) -> None:
    assert is_problem(await client.post(url, json={"model": "x" * MAX_BODY}), 413)

    async def endless() -> Any:
        for _ in range(20):
            yield b" " * (MAX_BODY // 10)

    assert is_problem(await client.post(url, content=endless(), headers={"Content-Type": "application/json"}), 413)


async def test_browsers_are_told_to_be_strict(client: httpx.AsyncClient) -> None:
    for path in ("/", "/healthz", "/api/v1/nothing"):
        headers = (await client.get(path)).headers
        assert headers["x-content-type-options"] == "nosniff"
        rules = dict(rule.split(" ", 1) for rule in headers["content-security-policy"].split("; "))
        assert rules["default-src"] == "'self'"  # scripts and styles among all else: none inline, none from elsewhere, none by eval
        assert {source for allowed in rules.values() for source in allowed.split()} == {"'self'", "'none'", "blob:"}
        assert "access-control-allow-origin" not in headers
    docs = await client.get("/docs")
    assert docs.status_code == 200
    assert "cdn.jsdelivr.net" in docs.headers["content-security-policy"]


@pytest.mark.parametrize("accept", ["application/json", "text/html,application/xhtml+xml;q=0.9,*/*;q=0.8"])
async def test_an_unknown_path_of_the_api_is_a_json_404(client: httpx.AsyncClient, accept: str) -> None:
    assert is_problem(await client.get("/api/v1/nothing", headers={"Accept": accept}), 404)
    assert is_problem(await client.post("/api/v1/nothing", headers={"Accept": accept}), 404)


async def test_a_wrong_method_says_which_are_right(client: httpx.AsyncClient) -> None:
    response = await client.delete(RUNS)
    assert is_problem(response, 405)
    assert response.headers["allow"]


async def test_what_nobody_foresaw_tells_nothing(settings: Settings) -> None:
    app = create_app(settings)

    @app.get("/api/v1/broken")
    def broken() -> None:
        raise RuntimeError("SELECT secret FROM /home/user")

    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
        response = await client.get("/api/v1/broken")
    assert is_problem(response, 500)
    assert "secret" not in response.text
    assert "/home" not in response.text
