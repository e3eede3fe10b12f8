"""What a run will cost is told before it is started."""

import os
from collections.abc import Callable

import httpx
import pytest
from sqlalchemy import select

from atelier.api.estimates import Run, estimate
from atelier.models import architectures
from atelier.registry.database import Database
from atelier.registry.tables import Version

DCGAN = architectures["dcgan"]


def run(seconds: float, device: str = "cpu", **chosen: object) -> Run:
    return Run(DCGAN.hyperparameters("debug", **chosen).model_dump(mode="json"), seconds, device)


@pytest.mark.parametrize(("name", "preset"), [(name, preset) for name, cls in architectures.items() for preset in cls.presets])
def test_every_preset_has_figures_that_can_be(name: str, preset: str) -> None:
    told = estimate(architectures[name], preset, [], device="cpu", jobs=1)
    assert told.parameters is not None
    assert told.parameters > 1000
    assert told.memory is None or 50_000_000 < told.memory < 64_000_000_000
    assert (told.basis == "figure") is (told.seconds is not None)
    if preset == "quick":
        assert told.seconds is not None
        assert 60 < told.seconds < 3 * 3600  # figures of a slow processor: minutes on most


def test_own_runs_count_more_than_a_figure_and_the_median_of_the_newest_counts() -> None:
    runs = [run(seconds) for seconds in (3, 1, 2, 50, 2.5, 0.001, 0.001)]
    told = estimate(DCGAN, "debug", runs, device="cpu", jobs=1)
    assert (told.basis, told.runs, told.images, told.seconds) == ("runs", 5, 100 * 16, 2.5 * 1600)


@pytest.mark.parametrize(
    ("other", "counts"),
    [
        (run(2, steps=7, batch_size=4, generator_learning_rate=0.1), True),
        (run(2, generator_width=64), False),
        (run(2, resolution=32), False),
        (run(2, device="cuda:0"), False),
    ],
)
def test_a_run_counts_whose_images_cost_the_same(other: Run, counts: bool) -> None:
    assert (estimate(DCGAN, "debug", [other], device="cpu", jobs=1).basis == "runs") is counts


def test_nothing_is_made_up_for_a_device_or_an_architecture_without_figures() -> None:
    gpu = estimate(DCGAN, "quick", [], device="cuda:0", jobs=1)
    assert (gpu.seconds, gpu.basis) == (None, None)

    class Unheard(DCGAN):  # type: ignore[valid-type, misc]
        name = "unheard-of"

    told = estimate(Unheard, "quick", [], device="cpu", jobs=1)
    assert (told.images, told.seconds, told.parameters, told.memory) == (4000 * 32, None, None, None)


def test_jobs_share_the_processor(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "cpu_count", lambda: 4)
    alone, shared = (estimate(DCGAN, "quick", [], device="cpu", jobs=jobs).seconds or 0 for jobs in (1, 4))
    assert shared == pytest.approx(3.1 * alone, rel=0.01)


@pytest.mark.anyio
async def test_an_architecture_shows_what_it_drew_best_and_what_its_presets_take(
    client: httpx.AsyncClient, publish: Callable[..., str], published: str, database: Database
) -> None:
    publish("young")
    with database.write() as session:
        longest = session.scalars(select(Version).join(Version.model).where(Version.number == 1)).first()
        assert longest is not None
        training = {**longest.manifest["training"], "images_seen": 96_000, "seconds": 192.0}
        longest.manifest = {**longest.manifest, "training": training}
    items = {item["name"]: item for item in (await client.get("/api/v1/architectures")).json()["items"]}
    assert items["dcgan"]["samples_of"] == longest.name
    assert (await client.get(items["dcgan"]["samples_url"])).content.startswith(b"\x89PNG")
    assert (items["stylegan"]["samples_url"], items["stylegan"]["samples_of"]) == (None, None)
    debug = items["dcgan"]["estimates"]["debug"]
    assert (debug["basis"], debug["runs"], debug["seconds"]) == ("runs", 3, round(1600 / 960, 1))  # of 1/960, 1/960 and 1/500
    assert items["dcgan"]["estimates"]["paper"]["basis"] == "figure"
    assert items["dcgan"]["paper_title"].startswith("Radford")


@pytest.mark.anyio
async def test_a_run_counts_until_its_version_is_deleted_for_good(client: httpx.AsyncClient, publish: Callable[..., str]) -> None:
    async def told() -> tuple[str, str | None]:
        items = {item["name"]: item for item in (await client.get("/api/v1/architectures")).raise_for_status().json()["items"]}
        return items["vae"]["estimates"]["debug"]["basis"], items["vae"]["samples_of"]

    publish("short-lived", "vae")
    assert await told() == ("runs", "short-lived@1")
    (await client.delete("/api/v1/models/short-lived")).raise_for_status()
    assert await told() == ("runs", None)
    (await client.delete("/api/v1/bin")).raise_for_status()
    assert await told() == ("figure", None)
