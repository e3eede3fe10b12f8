"""Pictures as the client wants them: types, grids, zips, and what need not be sent again; and what is loaded for them."""

import io
import zipfile
from typing import Any

import httpx
import pytest
from PIL import Image

from atelier.api.negotiation import preferred
from atelier.serving.images import read_parameters

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("published")]

VERSION = "/api/v1/models/tiny/versions/2"
URL = f"{VERSION}/images"


def opened(file: bytes) -> Any:
    return Image.open(io.BytesIO(file))


@pytest.mark.parametrize(
    ("accept", "best"),
    [
        ("", "json"),
        ("*/*", "json"),
        ("text/html", "json"),
        ("image/webp", "webp"),
        ("image/avif,image/webp,image/png;q=0.9,*/*;q=0.5", "webp"),
        ("application/json;q=0.5, image/jpeg", "jpeg"),
        ("image/*", "png"),
        ("application/zip", "zip"),
        ("image/png;q=0, application/json;q=0.1", "json"),
        ("image/png;q=x", "json"),
    ],
)
async def test_the_best_of_what_a_client_accepts(accept: str, best: str) -> None:
    assert preferred(accept) == best


@pytest.mark.parametrize("kind", ["png", "webp", "jpeg"])
@pytest.mark.parametrize("said", ["Accept", "format"])
async def test_a_picture_comes_in_the_type_that_is_asked_for(client: httpx.AsyncClient, kind: str, said: str) -> None:
    accept, body = (f"image/{kind}", {}) if said == "Accept" else ("image/*", {"format": kind})
    response = await client.post(URL, json={"seeds": [3, 4], **body}, headers={"Accept": accept})
    assert response.headers["content-type"] == f"image/{kind}"
    assert read_parameters(opened(response.content)) == {"model": "tiny", "version": 2, "seeds": [3, 4]}
    again = await client.get(response.headers["content-location"])
    assert (again.content, again.headers["etag"]) == (response.content, response.headers["etag"])
    unchanged = await client.get(response.headers["content-location"], headers={"If-None-Match": again.headers["etag"]})
    assert (unchanged.status_code, unchanged.content) == (304, b"")


async def test_files_come_in_a_zip(client: httpx.AsyncClient) -> None:
    for accept, body in (("application/zip", {"format": "jpeg"}), ("image/jpeg", {"layout": "zip"})):
        response = await client.post(URL, json={"seeds": [3, 4], **body}, headers={"Accept": accept})
        assert response.headers["content-type"] == "application/zip"
        with zipfile.ZipFile(io.BytesIO(response.content)) as packed:
            assert packed.namelist() == ["00-tiny-3.jpeg", "01-tiny-4.jpeg"]
            assert read_parameters(opened(packed.read("01-tiny-4.jpeg"))) == {"model": "tiny", "version": 2, "seed": 4}
        assert (await client.get(response.headers["content-location"])).content == response.content


async def test_a_list_leads_to_all_of_them(client: httpx.AsyncClient) -> None:
    answer = (await client.post(URL, json={"seeds": [3, 4, 3], "format": "webp"})).json()
    first = await client.get(answer["items"][0]["url"])
    assert first.headers["content-type"] == "image/webp"
    grid = await client.get(answer["url"])
    assert (grid.headers["content-type"], opened(grid.content).size) == ("image/webp", (34, 34))
    tags = {
        (await client.get(f"/api/v1/images/{answer['items'][0]['id']}?format={kind}")).headers["etag"] for kind in ("png", "webp", "jpeg")
    }
    assert len(tags) == 3
    missing = await client.get(f"/api/v1/images/{answer['items'][0]['id']},{'0' * 32}")
    assert (missing.status_code, "0" * 32 in missing.json()["detail"]) == (404, True)


async def test_versions_are_loaded_and_unloaded(client: httpx.AsyncClient) -> None:
    async def loaded() -> list[str]:
        return [version["name"] for version in (await client.get("/api/v1/system")).json()["inference"]["loaded"]]

    answer = (await client.post(f"{VERSION}/load")).json()
    assert answer["loaded"][-1]["name"] == "tiny@2"
    assert 0 < answer["loaded"][-1]["bytes"] <= answer["loaded_bytes"] <= answer["most_loaded_bytes"]
    assert "tiny@2" in await loaded()
    assert "tiny@2" not in [version["name"] for version in (await client.post(f"{VERSION}/unload")).json()["loaded"]]
    assert "tiny@2" not in await loaded()
    assert (await client.post(f"{VERSION}/unload")).status_code == 200
    assert (await client.post("/api/v1/models/tiny/versions/9/load")).status_code == 404
