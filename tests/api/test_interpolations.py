"""Walks over HTTP: ends are the images themselves, each frame is one that is drawn alone, films are made once."""

import io
import json
import zipfile
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from PIL import Image

from atelier.api import interpolations
from atelier.registry.store import Store

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("versions")]

URL = "/api/v1/models/{}/versions/1/interpolations"
PAIR = [{"seed": 1}, {"seed": 2}]


@pytest.fixture(scope="module")
def versions(publish: Callable[..., str]) -> None:
    publish("tiny")
    publish("pets", "cgan", names={"class_names": ["cat", "dog"]})
    publish("plain", "stylegan")
    publish("worded", "text_dcgan")


async def walk(client: httpx.AsyncClient, model: str, **body: Any) -> dict[str, Any]:
    response = await client.post(URL.format(model), json={"waypoints": PAIR, **body})
    assert response.status_code == 200, response.text
    told: dict[str, Any] = response.json()
    return told


async def image(client: httpx.AsyncClient, model: str, **body: Any) -> str:
    response = await client.post(f"/api/v1/models/{model}/versions/1/images", json=body)
    identity: str = response.json()["items"][0]["id"]
    return identity


WALKS: list[tuple[str, list[dict[str, Any]], dict[str, Any]]] = [
    ("tiny", [{"seed": 1}, {"seed": 2}, {"latent": [0.5] * 100}], {}),
    ("pets", [{"seed": 1, "class_index": 0}, {"seed": 1, "class_weights": {"dog": 1}}], {}),
    ("plain", PAIR, {"truncation_psi": 0.7}),
    ("plain", PAIR, {"space": "z", "noise_mode": "none"}),
    ("worded", [{"seed": 1, "prompt": "a red star"}, {"seed": 1, "prompt": "a blue circle"}], {"truncation_psi": 0.5}),
]


@pytest.mark.parametrize(("model", "waypoints", "manner"), WALKS)
async def test_waypoints_are_the_images_themselves_and_frames_are_drawn_alone(
    client: httpx.AsyncClient, store: Store, model: str, waypoints: list[dict[str, Any]], manner: dict[str, Any]
) -> None:
    told = await walk(client, model, waypoints=waypoints, frames=3, **manner)
    frames, options = told["items"], {name: value for name, value in manner.items() if name != "space"}
    assert told["space"] == manner.get("space", "w" if model == "plain" else "z")
    assert told["film_url"] is None
    assert len(frames) == 3 * (len(waypoints) - 1) + 1
    assert len({frame["id"] for frame in frames}) == len(frames)
    for index, waypoint in enumerate(waypoints):
        assert frames[3 * index]["id"] == await image(client, model, **waypoint, **options)
    content = (await client.get(frames[1]["url"])).content
    assert json.loads(Image.open(io.BytesIO(content)).text["parameters"]) == frames[1]["parameters"]  # type: ignore[attr-defined]

    told = (await client.post("/api/v1/images/inspect", content=content, headers={"content-type": "image/png"})).json()
    assert (told["here"], told["unavailable"], told["seeds"]) == (True, None, [waypoint.get("seed", 0) for waypoint in waypoints[:2]])

    for file in store.images.rglob("*.png"):  # so that it has to be drawn again
        file.unlink()
    [again] = (await client.post(told["request"]["url"], json=told["request"]["body"])).json()["items"]
    assert again["id"] == frames[1]["id"]
    made = frames[1]["parameters"]
    ends = [{name: value for name, value in end.items() if not name.endswith("_digest")} for end in made["between"]]
    [alone] = (await walk(client, model, waypoints=ends, at=[made["t"]], space=made["space"], **options))["items"]
    assert (alone["id"], alone["position"]) == (frames[1]["id"], pytest.approx(1 / 3, abs=1e-6))
    assert (await client.get(alone["url"])).content == content


async def test_a_loop_leads_back_and_easing_keeps_to_the_way(client: httpx.AsyncClient) -> None:
    plain = await walk(client, "tiny", frames=4, loop=True)
    eased = await walk(client, "tiny", frames=4, loop=True, easing="ease-in")
    assert [frame["position"] for frame in plain["items"]] == [0, 0.25, 0.5, 0.75, 1, 1.25, 1.5, 1.75]
    places = [frame["position"] for frame in eased["items"]]
    assert places == sorted(places)
    assert 0 < places[1] < 0.25
    assert places[4] == 1
    back = await walk(client, "tiny", waypoints=PAIR[::-1], at=[0.25])
    assert plain["items"][5]["id"] == back["items"][0]["id"]


async def test_a_film_is_made_once_and_found_by_its_address(client: httpx.AsyncClient, store: Store) -> None:
    body = {"waypoints": PAIR, "frames": 4, "loop": True, "fps": 10}
    response = await client.post(URL.format("tiny"), json=body, headers={"Accept": "image/gif"})
    assert (response.status_code, response.headers["content-type"]) == (200, "image/gif")
    with Image.open(io.BytesIO(response.content)) as film:
        assert (film.n_frames, film.info["duration"]) == (8, 100)  # type: ignore[attr-defined]
        told = json.loads(film.info["comment"])
    assert (told["model"], told["version"], told["waypoints"], told["frames"]) == ("tiny", 1, PAIR, 4)

    for file in store.images.rglob("*.png"):  # nothing is drawn for it again
        file.unlink()
    again = await client.post(URL.format("tiny"), json=body, headers={"Accept": "image/gif"})
    assert (again.content, again.headers["etag"]) == (response.content, response.headers["etag"])
    assert not [*store.images.rglob("*.png")]
    address = response.headers["content-location"]
    assert (await client.get(address)).content == response.content
    assert (await client.get(address, headers={"If-None-Match": response.headers["etag"]})).status_code == 304
    assert (await walk(client, "tiny", **{**body, "format": "gif"}))["film_url"] == address
    assert (await client.get(f"/api/v1/films/{'0' * 32}.gif")).status_code == 404


@pytest.mark.parametrize(
    ("accept", "format", "kind"),
    [
        ("image/webp", None, "image/webp"),
        ("video/mp4", None, "video/mp4"),
        ("image/gif", "apng", "image/apng"),
        ("image/png", None, "image/png"),
    ],
)
async def test_it_comes_as_the_client_would_like_it(client: httpx.AsyncClient, accept: str, format: str | None, kind: str) -> None:
    body = {"waypoints": PAIR, "frames": 2, **({"format": format} if format else {})}
    response = await client.post(URL.format("tiny"), json=body, headers={"Accept": accept})
    assert (response.status_code, response.headers["content-type"]) == (200, kind)
    if kind == "video/mp4":
        assert response.content[4:8] == b"ftyp"
    else:
        with Image.open(io.BytesIO(response.content)) as picture:
            assert getattr(picture, "n_frames", 1) == (1 if kind == "image/png" else 3)


async def test_frames_come_as_files(client: httpx.AsyncClient) -> None:
    response = await client.post(URL.format("tiny"), json={"waypoints": PAIR, "frames": 5}, headers={"Accept": "application/zip"})
    assert len(zipfile.ZipFile(io.BytesIO(response.content)).namelist()) == 6


@pytest.mark.parametrize(
    ("model", "body", "pointers", "says"),
    [
        ("tiny", {"waypoints": PAIR[:1]}, ["/waypoints"], "at least 2 items"),
        ("tiny", {"waypoints": [{"seed": 1}, {"latent": [1, 2]}]}, ["/waypoints/1/latent"], "draws from 100 numbers, not 2"),
        ("tiny", {"waypoints": [{"class_index": 1}, {"prompt": "a"}]}, ["/waypoints/0/class_index", "/waypoints/1/prompt"], "takes latent"),
        ("tiny", {"truncation_psi": 0.5}, ["/truncation_psi"], "tiny@1 takes latent"),
        ("tiny", {"space": "w"}, ["/space"], "has no w"),
        ("tiny", {"frames": 600}, ["/frames"], "these are 601 frames of 16 pixels, and 600 is the most; 599 frames"),
        ("tiny", {"at": [0.5], "frames": 3}, ["/at"], "either at, or frames"),
        ("tiny", {"at": [1.5]}, ["/at"], "from 0 to 1"),
        ("tiny", {"easing": "bounce"}, ["/easing"], "'ease-in-out'"),
        ("plain", {"noise_mode": "random"}, ["/noise_mode"], "jump from frame to frame"),
    ],
)
async def test_what_cannot_be_is_a_422_that_says_what_can(
    client: httpx.AsyncClient, model: str, body: dict[str, Any], pointers: list[str], says: str
) -> None:
    response = await client.post(URL.format(model), json={"waypoints": PAIR, **body})
    assert response.status_code == 422, response.text
    problem = response.json()
    assert [error["pointer"] for error in problem["errors"]] == pointers
    assert all(says in error["detail"] for error in problem["errors"]), problem["errors"]


async def test_large_frames_are_fewer(client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(interpolations, "MAX_PIXELS", 10 * 16 * 16)
    response = await client.post(URL.format("tiny"), json={"waypoints": PAIR, "frames": 10})
    assert response.status_code == 422
    assert "9 frames from each waypoint to the next fit" in response.json()["detail"]
    assert (await client.post(URL.format("tiny"), json={"waypoints": PAIR, "frames": 9})).status_code == 200
