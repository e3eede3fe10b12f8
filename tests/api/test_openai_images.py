"""OpenAI's own Python client against a real server."""

import io
import os
import re
import subprocess
import sys
from base64 import b64decode
from collections.abc import Callable, Iterator

import httpx
import openai
import pytest
from PIL import Image

from atelier.api.openai_images import _mentioned
from atelier.api.problems import problem
from atelier.settings import Settings

SERVE = "from atelier.app import serve; from atelier.settings import Settings; serve(Settings())"


@pytest.fixture(scope="module")
def client(settings: Settings, publish: Callable[..., str]) -> Iterator[openai.OpenAI]:
    publish("plain", seed=1)
    publish("plain", seed=2)
    publish("classes", "cgan", names={"class_names": ["star", "red star", "sky"]})
    publish("faces", "cgan", conditions="attributes", names={"attribute_names": ["smiling", "wavy_hair"]})
    publish("captions", "text_dcgan")
    environment = os.environ | {"ATELIER_STORE_DIR": str(settings.store_dir), "ATELIER_PORT": "0", "ATELIER_DEVICE": "cpu"}
    with subprocess.Popen([sys.executable, "-c", SERVE], env=environment, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        address = re.search(r"http://\S+", process.stderr.readline())
        assert address, process.stderr.read()
        with openai.OpenAI(base_url=f"{address[0]}/v1", api_key="none", max_retries=0) as client:
            yield client
        process.kill()


def picture(url: str) -> Image.Image:
    response = httpx.get(url).raise_for_status()
    assert response.headers["content-type"] == f"image/{re.sub('.*=', '', url)}"
    return Image.open(io.BytesIO(response.content))


def native(client: openai.OpenAI, path: str, **body: object) -> Image.Image:
    response = httpx.post(f"{client.base_url.copy_with(path='/api/v1')}{path}", json=body, headers={"Accept": "image/png"})
    return Image.open(io.BytesIO(response.raise_for_status().content))


def test_models_are_listed_with_their_versions(client: openai.OpenAI) -> None:
    listed = {model.id: model for model in client.models.list()}
    assert {"plain", "plain@1", "plain@2", "classes", "classes@1", "faces@1", "captions@1"} <= listed.keys()
    assert listed["plain"].object == "model"
    assert client.models.retrieve("plain@1").created == listed["plain@1"].created
    with pytest.raises(openai.NotFoundError, match="there are captions"):
        client.models.retrieve("plains")
    with pytest.raises(openai.NotFoundError, match=r"plain@9"):
        client.models.retrieve("plain@9")


def test_images_come_under_absolute_urls(client: openai.OpenAI) -> None:
    made = client.images.generate(model="plain@1", prompt="", n=2, extra_body={"seed": 5})
    assert made.data is not None
    assert [image.seed for image in made.data] == [5, 6]  # type: ignore[attr-defined]
    for seed, image in zip((5, 6), made.data, strict=True):
        assert image.url is not None
        drawn = picture(image.url)
        assert drawn.tobytes() == native(client, "/models/plain/versions/1/images", seed=seed).tobytes()
        assert f'"seed": {seed}' in drawn.info["parameters"]
    assert made.size == "16x16"  # type: ignore[comparison-overlap]
    latest = client.images.generate(model="plain", prompt="", extra_body={"seed": 5}).data
    assert latest is not None
    assert latest[0].url is not None
    assert picture(latest[0].url).tobytes() == native(client, "/models/plain/versions/2/images", seed=5).tobytes()


def test_size_and_format_are_as_asked(client: openai.OpenAI) -> None:
    asked = {"model": "plain", "prompt": "", "size": "64x64", "output_format": "webp", "extra_body": {"seed": 5}}
    inside = client.images.generate(**asked, response_format="b64_json").data  # type: ignore[call-overload]
    behind = client.images.generate(**asked).data  # type: ignore[call-overload]
    held = Image.open(io.BytesIO(b64decode(inside[0].b64_json)))
    assert (held.format, held.size) == ("WEBP", (64, 64))
    assert inside[0].url is None
    assert held.tobytes() == picture(behind[0].url).tobytes()
    small = native(client, "/models/plain/versions/2/images", seed=5)
    lanczos = small.resize((64, 64), Image.Resampling.LANCZOS)
    png = client.images.generate(**asked | {"output_format": "png"}).data  # type: ignore[call-overload]
    assert picture(png[0].url).tobytes() == lanczos.tobytes()


@pytest.mark.parametrize(
    ("model", "prompt", "wishes"),
    [
        ("classes", "a picture of a Red Star", {"class_index": 1}),
        ("classes", "red star in the sky", {"class_weights": {"red star": 0.5, "sky": 0.5}}),
        ("faces", "a smiling man with wavy hair", {"attributes": {"smiling": 1, "wavy_hair": 1}}),
        ("captions", "a red star", {"prompt": "a red star"}),
        ("captions", " ", {}),
    ],
)
def test_a_prompt_asks_for_what_the_version_can_do(client: openai.OpenAI, model: str, prompt: str, wishes: dict[str, object]) -> None:
    made = client.images.generate(model=model, prompt=prompt, extra_body={"seed": 3}).data
    assert made is not None
    assert made[0].url is not None
    assert picture(made[0].url).tobytes() == native(client, f"/models/{model}/versions/1/images", seed=3, **wishes).tobytes()


@pytest.mark.parametrize(
    ("asked", "param", "told"),
    [
        ({"model": "plain", "prompt": "a cat"}, "prompt", "plain@2 draws from seeds alone"),
        ({"model": "classes", "prompt": "a cat"}, "prompt", "it has star, red star, sky"),
        ({"model": "faces", "prompt": "unsmiling"}, "prompt", "it has smiling, wavy_hair"),
        ({"model": "plain", "prompt": "", "size": "64x32"}, "size", "square"),
        ({"model": "plain", "prompt": "", "size": "4096x4096"}, "size", "16 to 2048"),
        ({"model": "plain", "prompt": "", "n": 11}, "n", "less than or equal to 10"),
        ({"model": "plain", "prompt": "", "extra_body": {"truncation_psi": 0.5}}, "truncation_psi", "plain@2 takes latent"),
        ({"model": "plain", "prompt": "", "extra_body": {"sede": 1}}, "sede", "no field of this name"),
    ],
)
def test_what_is_wrong_is_told_as_openai_does(client: openai.OpenAI, asked: dict[str, object], param: str, told: str) -> None:
    with pytest.raises(openai.BadRequestError, match=re.escape(told)) as refused:
        client.images.generate(**asked)  # type: ignore[call-overload]
    assert refused.value.param == param
    assert refused.value.type == "invalid_request_error"


def test_what_is_not_there_is_told_as_openai_does(client: openai.OpenAI) -> None:
    with pytest.raises(openai.NotFoundError, match="There is no model 'dall-e-3'; there are") as missing:
        client.images.generate(model="dall-e-3", prompt="")
    assert missing.value.code == "not_found"
    nothing = httpx.get(f"{client.base_url}chat/completions")
    assert nothing.status_code == 404
    assert nothing.json()["error"]["message"] == "Nothing is at /v1/chat/completions."


@pytest.mark.anyio
@pytest.mark.parametrize(("status", "kind"), [(429, "rate_limit_error"), (503, "server_error"), (403, "invalid_request_error")])
async def test_errors_take_the_form_of_their_path(status: int, kind: str) -> None:
    told = problem(status, "Title", "What happened.", {"Retry-After": "3"})
    async with httpx.AsyncClient(transport=httpx.ASGITransport(told), base_url="http://localhost") as client:
        theirs, ours = await client.get("/v1/models"), await client.get("/api/v1/models")
    assert theirs.status_code == ours.status_code == status
    assert theirs.headers["retry-after"] == "3"
    assert theirs.headers["content-type"] == "application/json"
    error = theirs.json()["error"]
    assert (error["message"], error["type"], error["param"]) == ("What happened.", kind, None)
    assert ours.headers["content-type"] == "application/problem+json"
    assert ours.json()["detail"] == "What happened."


def test_of_names_in_one_another_the_longest_is_meant() -> None:
    assert _mentioned("two RED stars, a red_star", ["star", "red star"]) == ["red star"]
    assert _mentioned("startled", ["star"]) == []
