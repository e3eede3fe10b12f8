"""What a version makes of a prompt, before anything is drawn."""

import io
from collections.abc import Callable

import httpx
import pytest
from PIL import Image

from atelier.registry.store import Store

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("versions")]

URL = "/api/v1/models/worded/versions/latest/prompts"


@pytest.fixture(scope="module")
def versions(published: str, publish: Callable[..., str]) -> None:
    publish("worded", "text_dcgan")


async def test_the_nearest_captions_come_with_their_pictures(client: httpx.AsyncClient) -> None:
    response = await client.post(URL, json={"prompts": ["a blue circle", "A Star "]})
    assert response.status_code == 200, response.text
    known, other = response.json()["items"]
    assert (known["prompt"], known["warning"], known["unknown_words"]) == ("a blue circle", None, [])
    assert known["nearest"][0]["caption"] == "a blue circle"
    assert known["nearest"][0]["similarity"] == pytest.approx(1, abs=1e-2)
    assert known["nearest"][0]["picture_url"] == "/api/v1/models/worded/versions/1/training-pictures/1"
    assert len({near["picture_url"] for near in known["nearest"]}) == 4
    assert other["nearest"][0]["caption"] == "a star"
    picture = await client.get(known["nearest"][0]["picture_url"])
    assert Image.open(io.BytesIO(picture.content)).size == (16, 16)


async def test_words_that_it_never_saw_are_said(client: httpx.AsyncClient) -> None:
    [reading] = (await client.post(URL, json={"prompts": ["a purple zebra"]})).json()["items"]
    assert reading["unknown_words"] == ["purple", "zebra"]
    assert reading["warning"].startswith("“purple”, “zebra” stand in no caption")


@pytest.mark.parametrize(
    ("url", "body", "status", "says"),
    [
        (URL, {"prompts": []}, 422, "at least 1 item"),
        (URL, {"prompts": [" "]}, 422, "at least 1 character"),
        (URL.replace("worded", "tiny"), {"prompts": ["a"]}, 422, "takes latent"),
        (URL.replace("worded", "nobody"), {"prompts": ["a"]}, 404, "no model 'nobody'"),
    ],
)
async def test_what_cannot_be_read_is_refused(client: httpx.AsyncClient, url: str, body: dict[str, object], status: int, says: str) -> None:
    response = await client.post(url, json=body)
    assert response.status_code == status
    assert says in response.text


async def test_pictures_that_are_not_there_are_a_404(client: httpx.AsyncClient) -> None:
    response = await client.get("/api/v1/models/worded/versions/1/training-pictures/100000")
    assert response.status_code == 404
    assert "shapes has pictures 0 to 4999" in response.json()["detail"]


async def test_a_version_without_its_captions_says_so(client: httpx.AsyncClient, publish: Callable[..., str], store: Store) -> None:
    publish("forgetful", "text_dcgan")
    (store.version("forgetful", 1) / "captions.json").unlink()
    response = await client.post("/api/v1/models/forgetful/versions/1/prompts", json={"prompts": ["a"]})
    assert response.status_code == 404
    assert "without the captions" in response.json()["detail"]
