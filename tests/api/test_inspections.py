"""A picture that Atelier drew gives its recipe back, whoever has it by now; other files are refused with the reason."""

import io
import json
import struct
import zlib
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from atelier.registry.store import Store
from atelier.serving.images import encode

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("published")]

URL = "/api/v1/images/inspect"
DRAW = "/api/v1/models/tiny/versions/2/images"
BODIES: dict[str, dict[str, Any]] = {
    "one": {"seed": 5},
    "grid": {"seeds": [5, 9, 2]},
}


async def inspect(client: httpx.AsyncClient, content: bytes) -> httpx.Response:
    return await client.post(URL, files={"file": ("dropped.bin", content)})


def picture(parameters: Any) -> bytes:
    info = PngInfo()
    info.add_text("parameters", parameters if isinstance(parameters, str) else json.dumps(parameters))
    file = io.BytesIO()
    Image.new("RGB", (16, 16)).save(file, "PNG", pnginfo=info)
    return file.getvalue()


@pytest.mark.parametrize("kind", ["png", "webp", "jpeg"])
@pytest.mark.parametrize("what", BODIES)
async def test_what_was_drawn_tells_how_in_every_format(client: httpx.AsyncClient, store: Store, kind: str, what: str) -> None:
    content = (await client.post(DRAW, json=BODIES[what], headers={"Accept": f"image/{kind}"})).content
    answer = await inspect(client, content)
    assert answer.status_code == 200, answer.text
    told = answer.json()
    assert (told["versions"], told["format"], told["here"], told["unavailable"]) == (["tiny@2"], kind, True, None)
    assert told["seeds"] == BODIES[what].get("seeds", [5])
    assert (told["width"], told["height"]) == Image.open(io.BytesIO(content)).size
    assert told["request"] == {"method": "POST", "url": DRAW, "body": BODIES[what]}
    again = await client.post(told["request"]["url"], json=told["request"]["body"], headers={"Accept": f"image/{kind}"})
    assert again.content == content
    if what == "one":
        assert (await client.get(told["image"])).status_code == 200
        await client.delete(told["image"])
        assert (await inspect(client, content)).json()["image"] is None
    else:
        assert told["image"] is None
    raw = await client.post(URL, content=content, headers={"Content-Type": f"image/{kind}"})
    assert raw.json()["seeds"] == told["seeds"]
    assert list(store.uploads.iterdir()) == []


async def test_a_comparison_and_a_grid_of_the_command_line_are_requests_again(client: httpx.AsyncClient) -> None:
    body = {"versions": ["tiny@1", "tiny@2"], "seeds": [1, 2]}
    sheet = (await client.post("/api/v1/comparisons", json=body, headers={"Accept": "image/png"})).content
    told = (await inspect(client, sheet)).json()
    assert told["versions"] == ["tiny@1", "tiny@2"]
    assert told["request"] == {"method": "POST", "url": "/api/v1/comparisons", "body": body}
    items = [{"model": "tiny", "version": 2, "seed": seed} for seed in (4, 8)]
    told = (await inspect(client, encode(Image.new("L", (16, 16)), {"items": items}))).json()
    assert told["request"]["body"] == {"seeds": [4, 8]}


@pytest.mark.parametrize(
    ("parameters", "says", "here"),
    [
        ({"model": "cats", "version": 1, "seed": 1}, "cats@1 is not here", False),
        ({"model": "tiny", "version": 7, "seed": 1}, "tiny@7 is not here", False),
        ({"model": "tiny", "version": 2, "seed": 1, "prompt": "a cat"}, "tiny@2 takes latent", True),
        ({"model": "tiny", "version": 2, "seed": 1, "classifier": "abc"}, "what decides it has changed since: classifier", True),
        ({"model": "tiny", "version": 2, "seed": -1}, "greater than or equal to 0", True),
        ({"model": "tiny", "version": 2, "seeds": list(range(65))}, "at most 64", True),
    ],
)
async def test_what_cannot_be_drawn_here_is_told_with_the_reason(
    client: httpx.AsyncClient, parameters: dict[str, Any], says: str, here: bool
) -> None:
    answer = await inspect(client, picture(parameters))
    assert answer.status_code == 200, answer.text
    told = answer.json()
    assert (told["parameters"], told["request"], told["image"], told["here"]) == (parameters, None, None, here)
    assert says in told["unavailable"]


@pytest.mark.parametrize(
    ("parameters", "says"),
    [
        ({"style": "ink", "content": "a cat"}, "model, a version and a seed"),
        ({"model": "tiny", "version": "two", "seed": 1}, "not drawn by a version"),
        ({"model": "tiny", "version": 1e999, "seed": 1}, "nothing in the picture"),
        ({"model": "tiny", "version": 2, "seed": 1, "truncation_psi": float("nan")}, "nothing in the picture"),
        ({"model": "tiny", "version": 10**30, "seed": 1}, "model, a version and a seed"),
        ({"model": "tiny", "version": 2, "seeds": []}, "model, a version and a seed"),
        ({"items": []}, "model, a version and a seed"),
        ({"items": [{"seed": 1, "model": "tiny", "version": 2}, {"seed": 1, "model": "tiny", "version": 1}]}, "each has a recipe"),
        ("Steps: 20, Sampler: Euler a, Seed: 1", "nothing in the picture"),
        ("[1, 2]", "nothing in the picture"),
        ("[" * 100_000, "nothing in the picture"),
        ('{"model": "tiny\\ud800", "version": 2, "seed": 1}', "nothing in the picture"),
        (json.dumps({"model": "x" * (1 << 20), "version": 2, "seed": 1}), "nothing in the picture"),
    ],
)
async def test_pictures_without_a_recipe_are_refused(client: httpx.AsyncClient, parameters: Any, says: str) -> None:
    answer = await inspect(client, picture(parameters))
    assert (answer.status_code, answer.headers["content-type"]) == (422, "application/problem+json")
    assert says in answer.json()["errors"][0]["detail"]


async def test_hostile_files_are_refused(client: httpx.AsyncClient, bad: dict[str, bytes], good: dict[str, bytes]) -> None:
    for name in ("bomb.png", "text.png", "page.jpg", "noise.jpg", "empty.jpg", "dot.png", "line.png"):
        answer = await inspect(client, bad[name])
        assert answer.status_code == 422, name
        assert "can't be read" in answer.json()["detail"] or "send a picture" in answer.json()["detail"], name
    for name, content in good.items():
        answer = await inspect(client, content)
        assert (answer.status_code, "nothing in the picture" in answer.text) == (422, True), name
    head, rest = picture({})[:33], picture({})[33:]
    bomb = b"parameters\0\0" + zlib.compress(b" " * 50_000_000)
    chunk = struct.pack(">I", len(bomb)) + b"zTXt" + bomb + struct.pack(">I", zlib.crc32(b"zTXt" + bomb))
    answer = await inspect(client, head + chunk + rest)
    assert (answer.status_code, "can't be read" in answer.text) == (422, True)


async def test_what_is_no_form_and_no_picture_is_not_taken(client: httpx.AsyncClient) -> None:
    assert (await client.post(URL, content=b"x", headers={"Content-Type": "text/plain"})).status_code == 415
    assert (await client.post(URL, content=b"{}", headers={"Content-Type": "application/json"})).status_code == 415
    elsewhere = {"Content-Type": "image/png", "Origin": "http://evil.example"}
    assert (await client.post(URL, content=picture({}), headers=elsewhere)).status_code == 403
    assert (await client.post("/api/v1/pictures", content=picture({}), headers={"Content-Type": "image/png"})).status_code == 415


async def test_a_class_is_told_by_its_name(client: httpx.AsyncClient, publish: Callable[..., str]) -> None:
    model = publish("pets", "cgan", names={"class_names": ["cat", "dog"]})
    sheet = (
        await client.post(
            f"/api/v1/models/{model}/versions/1/images", json={"seeds": [1, 2], "class_index": 1}, headers={"Accept": "image/png"}
        )
    ).content
    told = (await inspect(client, sheet)).json()
    assert told["request"]["body"] == {"seeds": [1, 2], "class_weights": {"dog": 1.0}}
