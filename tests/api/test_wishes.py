"""What images can be asked for: each version does what it was made for, and says so where more is asked."""

import io
import json
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from PIL import Image

from atelier.registry.store import Store

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("versions")]

PETS = ["cat", "dog", "cow/calf"]
BREEDS = [f"breed {number:03}" for number in range(118)] + ["Afghan hound", "Basset hound"]
LOOKS = ["smiling", "young", "hat~cap"]


@pytest.fixture(scope="module")
def versions(published: str, publish: Callable[..., str]) -> None:
    publish("pets", "cgan", names={"class_names": PETS, "attribute_names": LOOKS})
    publish("dogs", "cgan", names={"class_names": BREEDS})
    publish("faces", "cgan", names={"class_names": PETS, "attribute_names": LOOKS}, conditions="attributes")
    publish("styled", "stylegan", names={"class_names": PETS}, conditions="class")
    publish("plain", "stylegan")
    publish("worded", "text_dcgan")
    publish("stacked", "stackgan")


async def draw(client: httpx.AsyncClient, model: str, **body: Any) -> list[dict[str, Any]]:
    response = await client.post(f"/api/v1/models/{model}/versions/1/images", json={"seed": 1, **body})
    assert response.status_code == 200, response.text
    items: list[dict[str, Any]] = response.json()["items"]
    return items


async def png(client: httpx.AsyncClient, item: dict[str, Any]) -> bytes:
    return (await client.get(item["url"])).content


@pytest.mark.parametrize(
    ("model", "conditioning", "classes", "attributes", "options"),
    [
        ("tiny", "none", [], [], []),
        ("pets", "class", PETS, [], []),
        ("faces", "attributes", [], LOOKS, []),
        ("styled", "class", PETS, [], ["truncation_psi", "truncation_cutoff", "noise_mode"]),
        ("plain", "none", [], [], ["truncation_psi", "truncation_cutoff", "noise_mode"]),
        ("worded", "text", [], [], ["truncation_psi"]),
    ],
)
async def test_a_version_says_what_it_can_be_asked_for(
    client: httpx.AsyncClient, model: str, conditioning: str, classes: list[str], attributes: list[str], options: list[str]
) -> None:
    version = (await client.get(f"/api/v1/models/{model}/versions/1")).json()
    assert [version[name] for name in ("conditioning", "class_names", "attribute_names", "options")] == [
        conditioning,
        classes,
        attributes,
        options,
    ]


ASKED: list[tuple[str, dict[str, Any]]] = [
    ("pets", {"class_weights": {"dog": 1.0}}),
    ("pets", {"class_weights": {"cat": 0.25, "cow/calf": 0.75}}),
    ("pets", {"class_weights": {}}),
    ("faces", {"attributes": {"smiling": 1.5, "hat~cap": -1.0}}),
    ("styled", {"class_weights": {"cat": 1.0}, "truncation_psi": 0.7, "truncation_cutoff": 2, "noise_mode": "none"}),
    ("plain", {"truncation_psi": 0.0, "noise_mode": "random"}),
    ("worded", {"prompt": "a red star"}),
    ("worded", {"prompt": "a red star", "negative_prompt": "a star", "truncation_psi": 0.5}),
    ("stacked", {"prompt_weights": {"a red star": 0.25, "a blue circle": 0.75}}),
]


@pytest.mark.parametrize(("model", "wishes"), ASKED)
async def test_an_image_says_what_was_asked_for_and_is_drawn_again_from_that(
    client: httpx.AsyncClient, store: Store, model: str, wishes: dict[str, Any]
) -> None:
    plain = await draw(client, model, count=6)
    items = await draw(client, model, count=6, **wishes)
    assert [item["parameters"] for item in items] == [{"model": model, "version": 1, "seed": seed, **wishes} for seed in range(1, 7)]
    assert not {item["id"] for item in items} & {item["id"] for item in plain}
    pngs = [await png(client, item) for item in items]
    assert pngs != [await png(client, item) for item in plain]
    for item, content in zip(items, pngs, strict=True):
        parameters = json.loads(Image.open(io.BytesIO(content)).text["parameters"])  # type: ignore[attr-defined]
        assert parameters == item["parameters"]
        for file in store.images.rglob("*.png"):  # so that it has to be drawn again, alone
            file.unlink()
        asked = {name: value for name, value in parameters.items() if name not in ("model", "version")}
        assert await png(client, (await draw(client, model, **asked))[0]) == content


async def test_however_it_is_said_the_same_wish_is_the_same_image(client: httpx.AsyncClient) -> None:
    [named] = await draw(client, "pets", class_weights={"dog": 1})
    assert [named] == await draw(client, "pets", class_index=1)
    assert [named] == await draw(client, "pets", class_weights={"cat": 0, "dog": 1.0})
    [nothing] = await draw(client, "faces", attributes={})
    assert [nothing] == await draw(client, "faces")
    assert "attributes" not in nothing["parameters"]


async def test_a_grid_says_what_was_asked_for(client: httpx.AsyncClient) -> None:
    body = {"count": 2, "seed": 4, "class_index": 0, "truncation_psi": 0.5}
    response = await client.post("/api/v1/models/styled/versions/1/images", json=body, headers={"Accept": "image/png"})
    parameters = json.loads(Image.open(io.BytesIO(response.content)).text["parameters"])  # type: ignore[attr-defined]
    assert parameters == {"model": "styled", "version": 1, "seeds": [4, 5], "class_weights": {"cat": 1.0}, "truncation_psi": 0.5}


@pytest.mark.parametrize(
    ("model", "body", "pointers", "says"),
    [
        ("tiny", {"class_index": 1}, ["/class_index"], "tiny@1 takes latent"),
        ("pets", {"attributes": {"smiling": 1}}, ["/attributes"], "pets@1 takes class_index, class_weights"),
        ("pets", {"prompt": "a cat", "noise_mode": "none"}, ["/noise_mode", "/prompt"], "pets@1 takes class_index, class_weights"),
        ("faces", {"class_weights": {}}, ["/class_weights"], "faces@1 takes attributes"),
        ("plain", {"class_index": 0}, ["/class_index"], "plain@1 takes truncation_psi, truncation_cutoff, noise_mode"),
        ("styled", {"attributes": {}}, ["/attributes"], "styled@1 takes class_index, class_weights, truncation_psi"),
        ("pets", {"class_index": 3}, ["/class_index"], "pets@1 has the classes 0 to 2"),
        ("pets", {"class_index": -1}, ["/class_index"], "pets@1 has the classes 0 to 2"),
        ("pets", {"class_index": 1, "class_weights": {}}, ["/class_index"], "either class_index or class_weights"),
        ("pets", {"class_weights": {"horse": 1}}, ["/class_weights/horse"], "there is no class 'horse'; there are cat, dog, cow/calf"),
        ("dogs", {"class_weights": {"basset": 1}}, ["/class_weights/basset"], "near are Basset hound"),
        ("dogs", {"class_weights": {"????": 1}}, ["/class_weights/????"], "breed 023 and 96 more"),
        ("faces", {"attributes": {"a/b~c": 1, "smile": 1}}, ["/attributes/a~1b~0c", "/attributes/smile"], "are smiling, young, hat~cap"),
        ("faces", {"attributes": {"young": 3.5}}, ["/attributes/young"], "less than or equal to 3"),
        ("pets", {"class_weights": {"cat": -4}}, ["/class_weights/cat"], "greater than or equal to -3"),
        ("plain", {"truncation_psi": 2.5}, ["/truncation_psi"], "less than or equal to 2"),
        ("plain", {"truncation_cutoff": 4}, ["/truncation_cutoff"], "give that as well"),
        ("worded", {"prompt": "  "}, ["/prompt"], "at least 1 character"),
        ("worded", {"prompt": "x" * 1001}, ["/prompt"], "at most 1000 characters"),
        ("worded", {"prompt": "a", "prompt_weights": {"b": 1}}, ["/prompt"], "either prompt or prompt_weights"),
        ("worded", {"negative_prompt": "a"}, ["/negative_prompt"], "give that as well"),
        ("worded", {"prompt_weights": {}}, ["/prompt_weights"], "at least 1 item"),
        ("worded", {"class_index": 0}, ["/class_index"], "worded@1 takes prompt, negative_prompt, prompt_weights, truncation_psi"),
        ("plain", {"noise_mode": "loud"}, ["/noise_mode"], "'random', 'const' or 'none'"),
    ],
)
async def test_what_a_version_cannot_do_is_a_422_that_says_what_it_can(
    client: httpx.AsyncClient, model: str, body: dict[str, Any], pointers: list[str], says: str
) -> None:
    response = await client.post(f"/api/v1/models/{model}/versions/1/images", json=body)
    assert response.status_code == 422, response.text
    problem = response.json()
    assert sorted(error["pointer"] for error in problem["errors"]) == pointers
    assert all(says in error["detail"] for error in problem["errors"]), problem["errors"]


async def test_a_number_that_is_none_is_refused(client: httpx.AsyncClient) -> None:
    headers = {"content-type": "application/json"}
    response = await client.post("/api/v1/models/faces/versions/1/images", content='{"attributes": {"young": NaN}}', headers=headers)
    assert (response.status_code, response.json()["errors"][0]["pointer"]) == (422, "/attributes/young")
