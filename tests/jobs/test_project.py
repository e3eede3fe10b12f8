"""Projections as jobs: watched, paused, taken up again to the same bits, cancelled without a trace, and told why they can't be."""

import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest
import torch
from PIL import Image
from sqlalchemy import select
from tests.conftest import photograph
from tests.jobs.conftest import Studio

from atelier.errors import Invalid, NotFound
from atelier.jobs import project, train
from atelier.jobs.pictures import take_in
from atelier.jobs.projections import submit_projection
from atelier.jobs.queue import retry
from atelier.jobs.recorder import JobCancelled, JobPaused, Recorder
from atelier.jobs.specs import ProjectRequest
from atelier.models import artifact
from atelier.registry.tables import Event, Job, Version
from atelier.steering import projection
from atelier.steering.latents import draw, read

CPU = torch.device("cpu")


@pytest.fixture
def picture(studio: Studio, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The id of one; it is shown and told of after every step, and looked for among few images."""
    photograph(3).save(tmp_path / "some.jpg")
    monkeypatch.setattr(project, "PREVIEW_SECONDS", 0.0)
    monkeypatch.setattr(project, "TICK_SECONDS", 0.0)
    monkeypatch.setattr(projection, "CANDIDATES", 8)
    return take_in(studio.store, tmp_path / "some.jpg")


def trained(studio: Studio, architecture: str = "dcgan") -> Version:
    """A version first@1."""
    job = studio.running(architecture=architecture, hyperparameters={"steps": 1})
    train.run(job.spec, Recorder(studio.database, job.id), studio.store, studio.settings)
    version = studio.row(job).version
    assert version is not None
    return version


def submit(studio: Studio, picture: str, **changes: Any) -> Job:
    with studio.database.write() as session:
        asked = ProjectRequest.model_validate({"model": "first", "picture": picture, "steps": 4} | changes)
        return submit_projection(session, asked, studio.store)


def run(studio: Studio, job: Job) -> Job:
    if studio.row(job).status == "queued":
        studio.change(job, lambda job: job.claim("log.txt", os.getpid(), psutil.Process().create_time()))
        studio.change(job, lambda job: job.start())
    project.run(studio.row(job).spec, Recorder(studio.database, job.id), studio.store, studio.settings)
    return studio.row(job)


@pytest.mark.parametrize("architecture", ["dcgan", "stylegan"])
def test_it_ends_in_a_latent_that_draws_what_is_shown(studio: Studio, picture: str, architecture: str) -> None:
    version = trained(studio, architecture)
    job = submit(studio, picture)
    assert (job.kind, job.status, job.model, job.dataset, job.architecture) == ("project", "queued", "first", "shapes", architecture)
    told = studio.row(job).snapshot()["projection"]
    assert told["version"] == 1
    assert {told[name] for name in ("network", "distance", "psnr", "latent", "image")} == {None}
    job = run(studio, job)
    assert (job.status, job.step, job.total_steps, job.progress) == ("succeeded", 4, 4, 1.0)
    told = job.snapshot()["projection"]
    assert told["picture"] == picture
    assert told["network"] == "lite0"
    assert told["latent"] == f"/api/v1/projections/{job.id}/latent"
    assert told["image"] == f"/api/v1/projections/{job.id}/image"

    _, generator = artifact.load(studio.store.version("first", 1), CPU)
    latents = read(studio.store.projection(job.id), CPU, digest=version.digest)
    assert (latents.styles is not None) == (architecture == "stylegan")
    with Image.open(studio.store.result(job.id)) as result:
        drawn = ((draw(generator, latents)[0] + 1) * 127.5).round().clamp(0, 255).byte().permute(1, 2, 0).numpy()
        assert np.array_equal(np.asarray(result), drawn)
        made = json.loads(result.text["parameters"])  # type: ignore[attr-defined]
        assert made == {"model": "first", "version": 1, "picture": picture, "latent": job.id}
        wanted = project.read(studio.store.root / "pictures" / picture[:2] / f"{picture}.png", artifact.read_manifest(_folder(studio)))
        error = (torch.from_numpy(drawn).float() / 127.5 - 1 - wanted[0].permute(1, 2, 0)).square().mean()
        assert told["psnr"] == pytest.approx(float(10 * torch.log10(4 / error)), abs=0.05)
    previews = studio.read(lambda session: list(session.scalars(select(Event.data).where(Event.type == "preview").order_by(Event.id))))
    assert [(preview["step"], preview["url"]) for preview in previews if "projections" in preview["url"]] == [
        (step, f"/api/v1/projections/{job.id}/previews/{step}.png") for step in range(5)
    ]
    assert not studio.store.checkpoint(job.id).exists()


def _folder(studio: Studio) -> Path:
    return studio.store.version("first", 1)


def test_an_autoencoder_guesses_first(studio: Studio, picture: str) -> None:
    trained(studio, "vae")
    with_it, without = submit(studio, picture, steps=0), submit(studio, picture, steps=0)
    guessed = run(studio, with_it).spec["distance"]
    (_folder(studio) / artifact.NETWORKS).unlink()
    assert run(studio, without).spec["distance"] > guessed


def test_paused_it_goes_on_to_the_same_bits(studio: Studio, picture: str, monkeypatch: pytest.MonkeyPatch) -> None:
    version = trained(studio)
    whole = run(studio, submit(studio, picture))
    job = submit(studio, picture)
    advance = projection.Projection.advance

    def pausing(self: projection.Projection) -> projection.Tick:
        tick = advance(self)
        if tick.step == 2:
            studio.change(job, lambda job: job.request_pause())
        return tick

    monkeypatch.setattr(projection.Projection, "advance", pausing)
    with pytest.raises(JobPaused):
        run(studio, job)
    assert studio.store.checkpoint(job.id).exists()
    monkeypatch.undo()
    monkeypatch.setattr(projection, "CANDIDATES", 8)
    studio.change(job, lambda job: job.put_down("", advanced=True))
    studio.change(job, lambda job: job.resume(checkpoint=True))
    assert run(studio, job).status == "succeeded"
    one, two = (read(studio.store.projection(of.id), CPU, digest=version.digest).inputs[0] for of in (whole, job))
    assert torch.equal(one, two)


def test_cancelled_it_leaves_no_latent(studio: Studio, picture: str, monkeypatch: pytest.MonkeyPatch) -> None:
    trained(studio)
    job = submit(studio, picture)
    best = projection.Projection.best

    def cancelling(self: projection.Projection) -> Any:
        if self.done:
            studio.change(job, lambda job: job.request_cancel())
        return best(self)

    monkeypatch.setattr(projection.Projection, "best", cancelling)
    with pytest.raises(JobCancelled):
        run(studio, job)
    assert list(studio.store.projections.iterdir()) == []


def test_tried_again_it_says_nothing_of_the_first_time(studio: Studio, picture: str) -> None:
    trained(studio)
    job = run(studio, submit(studio, picture, steps=1))
    with studio.database.write() as session:
        again = retry(session, session.get_one(Job, job.id))
    assert (again.status, studio.row(again).snapshot()["projection"]["psnr"]) == ("queued", None)


def test_what_it_shows_is_said_by_names(studio: Studio, picture: str) -> None:
    version = trained(studio, "cgan")
    job = run(studio, submit(studio, picture, class_weights={"star": 1.0}, steps=1))
    names = version.manifest["dataset"]["class_names"]
    latents = read(studio.store.projection(job.id), CPU, digest=version.digest)
    assert latents.inputs[1].tolist() == [[float(name == "star") for name in names]]
    assert job.snapshot()["projection"]["class_weights"] == {"star": 1.0}


def test_what_cannot_be_projected_says_why(studio: Studio, picture: str) -> None:
    with pytest.raises(NotFound, match="There is no version first@latest"):
        submit(studio, picture)
    trained(studio)
    with pytest.raises(Invalid) as caught:
        submit(studio, "0" * 32, prompt="a cat")
    assert [error["pointer"] for error in caught.value.errors] == ["/picture", "/prompt"]
    job = submit(studio, picture)
    (studio.store.pictures / picture[:2] / f"{picture}.png").unlink()
    with pytest.raises(ValueError, match=f"The picture {picture} is gone"):
        run(studio, job)


@pytest.mark.parametrize(("mode", "channels"), [("RGB", 1), ("L", 3), ("RGB", 3)])
def test_the_square_in_the_middle_is_looked_for(studio: Studio, picture: str, tmp_path: Path, mode: str, channels: int) -> None:
    trained(studio)
    manifest = artifact.read_manifest(_folder(studio))
    manifest = manifest.model_copy(update={"image": manifest.image.model_copy(update={"channels": channels})})
    image = Image.new("RGB", (60, 20), "white")
    image.paste("red" if mode == "RGB" else "grey", (20, 0, 40, 20))
    image.convert(mode).save(tmp_path / "wide.png")
    read = project.read(tmp_path / "wide.png", manifest)
    assert read.shape == (1, channels, 16, 16)
    assert float(read.std(dim=(2, 3)).max()) < 1e-6, "nothing of the white beside it"
