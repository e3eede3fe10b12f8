"""What a version says it takes, it takes; latents that are given, projected or moved along directions among it."""

import io
from collections.abc import Callable
from typing import Any

import httpx
import pytest
import torch
from PIL import Image
from sqlalchemy import select

from atelier.models import artifact
from atelier.registry.database import Database
from atelier.registry.store import Store
from atelier.registry.tables import Version
from atelier.steering import latents
from atelier.steering.directions import Direction, Facts, publish, update

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("versions")]

URL = "/api/v1/models/{}/versions/1"
SCALE = 2.0


def found(store: Store, version: Version, width: int, *, seed: int = 5, **facts: Any) -> None:
    """Three directions, as a discovery leaves them; what the third is called could be either of two."""
    vectors = torch.nn.functional.normalize(torch.randn(3, width, generator=torch.Generator().manual_seed(seed)), dim=1)
    names = ("SeFa 1", "thickness", "SeFa 1")
    every = [Facts(id=f"sefa-{i}", name=name, method="sefa", scale=SCALE, **facts) for i, name in enumerate(names, 1)]
    directions = [Direction(one, vector) for one, vector in zip(every, vectors, strict=True)]
    publish(store.directions(version.digest), directions, {}, version=version.digest, methods=["sefa"], classifier=None)


@pytest.fixture(scope="module")
def versions(request: pytest.FixtureRequest, database: Database, store: Store) -> dict[str, Version]:
    give: Callable[..., str] = request.getfixturevalue("publish")
    give("bare")
    give("slid")
    give("pets", "cgan", names={"class_names": ["cat", "dog"]})
    give("faces", "cgan", names={"attribute_names": ["smiling", "hat~cap"], "class_names": ["cat", "dog"]}, conditions="attributes")
    give("plain", "stylegan")
    give("stacked", "stackgan")
    with database.read() as session:
        known = {row.model.name: row for row in session.scalars(select(Version))}
    found(store, known["slid"], 100, space="z")
    found(store, known["plain"], 32, space="w", layers=(0, 3))
    for number, (name, seed) in enumerate({"slid": 4, "plain": 4, "pets": 4}.items(), 1):
        generator = artifact.load(store.version(name, 1), torch.device("cpu"))[1]
        inputs = generator.inputs([seed])
        styles = generator.styles(*inputs) if name == "plain" else None  # type: ignore[operator]
        latents.keep(store.projection(number), latents.Latents(inputs, styles), digest=known[name].digest)
    return known


async def draw(client: httpx.AsyncClient, model: str, **body: Any) -> dict[str, Any]:
    response = await client.post(f"{URL.format(model)}/images", json=body)
    assert response.status_code == 200, response.text
    [item] = response.json()["items"]
    told: dict[str, Any] = {**item, "png": (await client.get(item["url"])).content}
    return told


def pixels(png: bytes) -> bytes:
    return Image.open(io.BytesIO(png)).tobytes()


async def abilities(client: httpx.AsyncClient, model: str) -> dict[str, Any]:
    told: dict[str, Any] = (await client.get(f"{URL.format(model)}/abilities")).json()
    return told


COMMON = {"count", "seed", "seeds", "format", "layout"}


@pytest.mark.parametrize(
    ("model", "takes", "latent_dim", "spaces"),
    [
        ("bare", ["latent"], 100, ["z"]),
        ("slid", ["latent", "directions"], 100, ["z"]),
        ("pets", ["class_index", "class_weights", "latent"], 100, ["z"]),
        ("faces", ["attributes", "latent"], 100, ["z"]),
        ("plain", ["truncation_psi", "truncation_cutoff", "noise_mode", "latent", "directions"], 32, ["w", "z"]),
        ("stacked", ["prompt", "negative_prompt", "prompt_weights", "truncation_psi", "latent"], 132, ["z"]),
    ],
)
async def test_a_version_tells_what_it_takes_and_nothing_else(
    client: httpx.AsyncClient, model: str, takes: list[str], latent_dim: int, spaces: list[str]
) -> None:
    told = await abilities(client, model)
    assert (told["takes"], told["latent_dim"], told["spaces"]) == (takes, latent_dim, spaces)
    properties = told["images"]["properties"]
    assert {*properties} == COMMON | {*takes}
    assert all("description" in value for value in properties.values())
    [z, projection] = properties["latent"]["anyOf"]
    assert (z["minItems"], z["maxItems"], projection["type"]) == (latent_dim, latent_dim, "integer")
    waypoint = told["interpolations"]["$defs"]["EndIn"]["properties"]
    assert {*waypoint} == {"seed"} | {*takes} - {"truncation_psi", "truncation_cutoff", "noise_mode"}
    assert (told["style_mixing"] is not None) == (told["layers"] is not None) == (model == "plain")
    if model == "plain":
        assert told["layers"] == {"coarse": [0, 1], "middle": [2, 3], "fine": [4, 5]}
        assert properties["truncation_cutoff"]["maximum"] == 6


async def test_names_stand_in_the_schema(client: httpx.AsyncClient) -> None:
    pets = (await abilities(client, "pets"))["images"]["properties"]
    assert (pets["class_index"]["maximum"], pets["class_index"]["x-names"]) == (1, ["cat", "dog"])
    assert {*pets["class_weights"]["properties"]} == {"cat", "dog"}
    assert pets["class_weights"]["additionalProperties"] is False
    faces = (await abilities(client, "faces"))["images"]["properties"]
    assert faces["attributes"]["properties"]["hat~cap"] == {"type": "number", "minimum": -3, "maximum": 3}
    slid = (await abilities(client, "slid"))["images"]["properties"]["directions"]["properties"]
    assert {name: value["title"] for name, value in slid.items()} == {"sefa-1": "SeFa 1", "sefa-2": "thickness", "sefa-3": "SeFa 1"}


async def test_z_is_drawn_from_as_given(client: httpx.AsyncClient, store: Store) -> None:
    generator = artifact.load(store.version("slid", 1), torch.device("cpu"))[1]
    z = generator.inputs([4])[0][0].tolist()
    image = await draw(client, "slid", latent=z)
    assert image["parameters"] == {"model": "slid", "version": 1, "seed": 0, "latent": z}
    assert pixels(image["png"]) == pixels((await draw(client, "slid", seed=4))["png"])


@pytest.mark.parametrize(("model", "number"), [("slid", 1), ("plain", 2), ("pets", 3)])
async def test_a_projection_is_drawn_and_edited(client: httpx.AsyncClient, model: str, number: int) -> None:
    image = await draw(client, model, latent=number)
    assert pixels(image["png"]) == pixels((await draw(client, model, seed=4))["png"])
    assert (image["parameters"]["latent"], len(image["parameters"]["latent_digest"])) == (number, 16)
    edit: dict[str, Any] = {"class_weights": {"cat": 0.5, "dog": 0.5}} if model == "pets" else {"directions": {"sefa-2": 2}}
    assert (await draw(client, model, latent=number, **edit))["png"] != image["png"]


async def test_a_slider_moves_by_standard_deviations_and_is_asked_for_by_id_or_name(client: httpx.AsyncClient, store: Store) -> None:
    moved = await draw(client, "slid", seed=4, directions={"thickness": 1.5, "sefa-1": 0})
    assert moved["parameters"]["directions"] == {"sefa-2": 1.5}
    same = await draw(client, "slid", seed=4, directions={"sefa-2": 1.5})
    assert same == moved
    z = artifact.load(store.version("slid", 1), torch.device("cpu"))[1].inputs([4])[0][0]
    vector = torch.nn.functional.normalize(torch.randn(3, 100, generator=torch.Generator().manual_seed(5)), dim=1)[1]
    wanted = await draw(client, "slid", latent=(z + 1.5 * SCALE * vector).tolist())
    assert pixels(moved["png"]) == pixels(wanted["png"])
    still = await draw(client, "slid", seed=4, directions={"sefa-1": 0})
    assert still["id"] == (await draw(client, "slid", seed=4))["id"]


async def test_found_anew_a_direction_is_another(client: httpx.AsyncClient, store: Store, versions: dict[str, Version]) -> None:
    before = await draw(client, "slid", seed=9, directions={"sefa-1": 1})
    update(store.directions(versions["slid"].digest), "sefa-1", name="tilt")
    assert (await draw(client, "slid", seed=9, directions={"tilt": 1}))["id"] == before["id"]
    found(store, versions["slid"], 100, seed=6, space="z")
    after = await draw(client, "slid", seed=9, directions={"sefa-1": 1})
    assert after["png"] != before["png"]
    assert after["parameters"]["directions_digest"] != before["parameters"]["directions_digest"]
    found(store, versions["slid"], 100, space="z")


@pytest.mark.parametrize(
    ("model", "body", "pointer", "says"),
    [
        ("bare", {"directions": {"sefa-1": 1}}, "/directions", "atelier discover bare@1"),
        ("slid", {"directions": {"sefa-9": 1}}, "/directions/sefa-9", "there are sefa-1 (SeFa 1), sefa-2 (thickness), sefa-3 (SeFa 1)"),
        ("slid", {"directions": {"SeFa 1": 1}}, "/directions/SeFa 1", "there is no direction 'SeFa 1'"),
        ("slid", {"directions": {"sefa-2": 1, "thickness": 2}}, "/directions", "sefa-2 is asked for twice"),
        ("slid", {"directions": {"sefa-1": 4}}, "/directions/sefa-1", "less than or equal to 3"),
        ("slid", {"latent": [0.0] * 99}, "/latent", "slid@1 draws from 100 numbers, not 99"),
        ("slid", {"latent": 99}, "/latent", "there is no projection 99"),
        ("slid", {"latent": 2}, "/latent", "it is a latent of another version"),
        ("pets", {"latent": 1}, "/latent", "it is a latent of another version"),
        ("stacked", {"latent": [0.0] * 100}, "/latent", "132 numbers"),
    ],
)
async def test_what_cannot_be_drawn_from_is_a_422_that_says_what_can(
    client: httpx.AsyncClient, model: str, body: dict[str, Any], pointer: str, says: str
) -> None:
    response = await client.post(f"{URL.format(model)}/images", json=body)
    assert response.status_code == 422, response.text
    assert [(error["pointer"], says in error["detail"]) for error in response.json()["errors"]] == [(pointer, True)], response.text


async def test_a_walk_from_a_projection_leads_through_its_space(client: httpx.AsyncClient) -> None:
    body: dict[str, Any] = {"waypoints": [{"latent": 2}, {"latent": 2, "directions": {"sefa-1": 3}}, {"seed": 1}], "frames": 2}
    frames = (await client.post(f"{URL.format('plain')}/interpolations", json=body)).json()["items"]
    assert frames[1]["id"] != frames[0]["id"]
    assert pixels((await client.get(frames[1]["url"])).content) == pixels(
        (await draw(client, "plain", latent=2, directions={"sefa-1": 1.5}))["png"]
    )
    response = await client.post(f"{URL.format('plain')}/interpolations", json={**body, "space": "z"})
    assert (response.status_code, "through w" in response.json()["detail"]) == (422, True)
