"""Style transfers as jobs: watched, paused, taken up again to the same bits, and cancelled without losing what was seen."""

import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest
from PIL import Image
from sqlalchemy import select
from tests.conftest import photograph
from tests.jobs.conftest import Studio
from tests.styletransfer.conftest import keep_weights

from atelier.errors import Conflict, Invalid
from atelier.jobs import stylize
from atelier.jobs.pictures import find_picture, gallery_picture, take_in
from atelier.jobs.queue import retry, submit_stylization
from atelier.jobs.recorder import JobCancelled, JobPaused, Recorder
from atelier.jobs.specs import StylizeRequest
from atelier.registry.store import Store
from atelier.registry.tables import Event, Job

SMALL: dict[str, Any] = {"size": 64, "smallest": 64, "steps": 6, "network": "lite0", "initial": "noise"}


@pytest.fixture
def pictures(studio: Studio, tmp_path: Path) -> list[str]:
    """Ids of a content, a style, and a mask."""
    identities = []
    for seed in range(2):
        photograph(seed).save(tmp_path / f"{seed}.jpg")
        identities.append(take_in(studio.store, tmp_path / f"{seed}.jpg"))
    Image.fromarray(np.uint8(255) * (np.arange(96) < 48)[None].repeat(80, axis=0).astype(np.uint8)).save(tmp_path / "mask.png")
    return [*identities, take_in(studio.store, tmp_path / "mask.png")]


def submit(studio: Studio, pictures: list[str], **changes: Any) -> Job:
    asked = {"content": pictures[0], "styles": [{"picture": pictures[1]}], "hyperparameters": SMALL} | changes
    with studio.database.write() as session:
        return submit_stylization(session, StylizeRequest.model_validate(asked), studio.store)


def run(studio: Studio, job: Job) -> Job:
    if studio.row(job).status == "queued":
        studio.change(job, lambda job: job.claim("log.txt", os.getpid(), psutil.Process().create_time()))
        studio.change(job, lambda job: job.start())
    stylize.run(studio.row(job).spec, Recorder(studio.database, job.id), studio.store, studio.settings)
    return studio.row(job)


def pixels(path: Path) -> Any:
    with Image.open(path) as image:
        return np.asarray(image)


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Shows and tells after every step."""
    monkeypatch.setattr(stylize, "PREVIEW_SECONDS", 0.0)
    monkeypatch.setattr(stylize, "PREVIEW_SHARE", 1e9)
    monkeypatch.setattr(stylize, "TICK_SECONDS", 0.0)


@pytest.mark.usefixtures("impatient")
def test_it_ends_in_a_picture_that_says_how_it_was_made(studio: Studio, pictures: list[str]) -> None:
    job = run(studio, submit(studio, pictures))
    assert (job.status, job.step, job.total_steps, job.progress) == ("succeeded", 6, 6, 1.0)
    told = job.snapshot()["style_transfer"]
    assert told == {
        "method": "pyramid",
        "content": pictures[0],
        "styles": [{"picture": pictures[1], "weight": 1.0, "mask": None}],
        "network": "lite0",
        "picture": f"/api/v1/style-transfers/{job.id}/picture",
    }
    with Image.open(studio.store.result(job.id)) as result:
        assert (result.size, result.mode) == ((64, 53), "RGB")
        made = json.loads(result.text["parameters"])  # type: ignore[attr-defined]
        assert (made["content"], made["network"], made["steps"], made["hyperparameters"]["size"]) == (pictures[0], "lite0", 6, 64)
        assert np.array_equal(np.asarray(result), pixels(studio.store.preview(job.id, 6)))
    previews = studio.read(lambda session: list(session.scalars(select(Event.data).where(Event.type == "preview").order_by(Event.id))))
    assert [preview["step"] for preview in previews] == [1, 2, 3, 4, 5, 6]
    assert previews[0]["url"] == f"/api/v1/style-transfers/{job.id}/previews/1.png"
    assert not studio.store.checkpoint(job.id).exists()


@pytest.mark.usefixtures("impatient")
def test_paused_it_goes_on_to_the_same_picture(studio: Studio, pictures: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    whole = run(studio, submit(studio, pictures))
    job = submit(studio, pictures)
    tell = stylize.Progress.__call__

    def pause(self: stylize.Progress, tick: Any, *, last: bool) -> None:
        if tick.iteration == 3:
            studio.change(job, lambda job: job.request_pause())
        tell(self, tick, last=last)

    monkeypatch.setattr(stylize.Progress, "__call__", pause)
    with pytest.raises(JobPaused):
        run(studio, job)
    assert studio.store.checkpoint(job.id).exists()
    assert not studio.store.result(job.id).exists()
    monkeypatch.setattr(stylize.Progress, "__call__", tell)
    studio.change(job, lambda job: job.put_down("", advanced=True))
    studio.change(job, lambda job: job.resume(checkpoint=True))
    assert run(studio, job).status == "succeeded"
    assert np.array_equal(pixels(studio.store.result(whole.id)), pixels(studio.store.result(job.id)))


def test_cancelled_it_keeps_the_picture_as_it_was(studio: Studio, pictures: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stylize, "TICK_SECONDS", 0.0)
    job = submit(studio, pictures)
    tell = stylize.Progress.__call__

    def cancel(self: stylize.Progress, tick: Any, *, last: bool) -> None:
        if tick.iteration == 3:
            studio.change(job, lambda job: job.request_cancel())
        tell(self, tick, last=last)

    monkeypatch.setattr(stylize.Progress, "__call__", cancel)
    with pytest.raises(JobCancelled):
        run(studio, job)
    assert studio.row(job).preview_step == 3
    assert studio.store.preview(job.id, 3).exists()
    assert not studio.store.result(job.id).exists()


def test_styles_may_be_built_in_and_have_their_places(studio: Studio, pictures: list[str]) -> None:
    styles = [{"picture": "impasto", "mask": pictures[2]}, {"picture": pictures[1], "weight": 2.0}]
    job = run(studio, submit(studio, pictures, styles=styles))
    assert job.status == "succeeded"
    assert gallery_picture(studio.store, "impasto").exists()


def test_a_method_without_a_loss_is_a_job_as_well(studio: Studio, pictures: list[str]) -> None:
    studio.store.features.mkdir(parents=True, exist_ok=True)
    keep_weights("adain", studio.store.features)
    job = run(studio, submit(studio, pictures, method="adain", hyperparameters={"size": 64}))
    assert (job.status, job.step, job.total_steps, job.progress) == ("succeeded", 1, 1, 1.0)
    assert job.snapshot()["style_transfer"]["network"] == "adain"
    assert np.array_equal(pixels(studio.store.result(job.id)), pixels(studio.store.preview(job.id, 1)))


def test_all_that_is_wrong_is_said_at_once(studio: Studio, pictures: list[str]) -> None:
    styles = [{"picture": "no-such-style"}, {"picture": pictures[1], "mask": "0" * 32}]
    with pytest.raises(Invalid) as caught:
        submit(studio, pictures, content="f" * 32, styles=styles, hyperparameters={"size": 1, "colour": "red"})
    assert [error["pointer"] for error in caught.value.errors] == [
        "/content",
        "/styles/0/picture",
        "/styles/1/mask",
        "/hyperparameters/size",
        "/hyperparameters/colour",
    ]
    assert "impasto" in caught.value.errors[1]["detail"]
    with pytest.raises(Invalid, match="There is no method 'oil'; there are"):
        submit(studio, pictures, method="oil")


def test_a_missing_network_is_said_at_once_and_in_the_job_if_it_goes_missing(studio: Studio, pictures: list[str]) -> None:
    with pytest.raises(Invalid, match="atelier features fetch vgg19") as caught:
        submit(studio, pictures, hyperparameters=SMALL | {"network": "vgg19"})
    assert [error["pointer"] for error in caught.value.errors] == ["/hyperparameters/network"]
    kept = studio.store.features / "vgg19.safetensors"
    kept.parent.mkdir(parents=True, exist_ok=True)
    kept.write_bytes(b"nothing")  # is not opened yet
    job = submit(studio, pictures, hyperparameters=SMALL | {"network": "vgg19"})
    kept.unlink()
    with pytest.raises(ValueError, match=r"^The weights of VGG-19 are not here: atelier features fetch vgg19"):
        run(studio, job)


def test_a_picture_that_is_gone_is_said_in_the_job(studio: Studio, pictures: list[str]) -> None:
    job = submit(studio, pictures)
    path = find_picture(studio.store, pictures[1])
    assert path is not None
    path.unlink()
    with pytest.raises(ValueError, match="is gone"):
        run(studio, job)


def test_it_can_be_paused_and_retried_and_not_continued(studio: Studio, pictures: list[str]) -> None:
    job = run(studio, submit(studio, pictures))
    with pytest.raises(Conflict, match=r"It can be retried\.$"):
        studio.change(job, lambda job: job.request_pause())
    with studio.database.write() as session:
        again = retry(session, session.get_one(Job, job.id))
        assert (again.kind, again.retry_of, again.status) == ("stylize", job.id, "queued")
    studio.change(again, lambda job: job.request_pause())
    assert studio.row(again).status == "paused"


@pytest.mark.parametrize("name", ["truncated.png", "text.png", "empty.jpg", "dot.png", "bomb.png"])
def test_bad_pictures_are_refused_with_their_reason(tmp_path: Path, name: str, bad: dict[str, bytes]) -> None:
    (tmp_path / name).write_bytes(bad[name])
    with pytest.raises(Invalid, match=rf"^{name}: ") as caught:
        take_in(Store(tmp_path), tmp_path / name, name=name)
    assert caught.value.errors[0]["pointer"] == "/file"


def test_the_same_pixels_are_kept_once(tmp_path: Path) -> None:
    store = Store(tmp_path)
    photograph(1).save(tmp_path / "a.png")
    photograph(1).save(tmp_path / "b.bmp")
    assert take_in(store, tmp_path / "a.png") == take_in(store, tmp_path / "b.bmp")
    large = photograph(2, (5000, 50)).resize((5000, 500))
    large.save(tmp_path / "large.png")
    path = find_picture(store, take_in(store, tmp_path / "large.png"))
    assert path is not None
    with Image.open(path) as kept:
        assert kept.size == (4096, 410)
    assert find_picture(store, "../atelier.db") is None
