"""The inference process draws for many at once, and its death is nobody else's."""

import asyncio
import io
import json
import os
import signal
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file

from atelier.errors import AtelierError, Overloaded, TooMany
from atelier.models.artifact import WEIGHTS
from atelier.models.base import Generator
from atelier.serving import engine as module
from atelier.serving.engine import Engine
from atelier.serving.passes import Drawer
from atelier.serving.waiting import Weights
from atelier.serving.worker import Loaded

pytestmark = pytest.mark.anyio

Artifacts = Callable[[str], tuple[Path, Generator]]


@pytest.fixture(scope="module")
async def engine(anyio_backend: str) -> AsyncIterator[Engine]:
    async with Engine("cpu") as engine:
        yield engine
        process = await engine.start()
    assert not process.alive, "the process must end with its engine"


def pixels(png: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(png)))


async def test_requests_at_once_each_get_what_they_asked_for(engine: Engine, artifacts: Artifacts) -> None:
    weights, expected = {}, {}
    for name in ("dcgan", "vae"):
        folder, generator = artifacts(name)
        weights[name] = Weights(folder, name)
        expected[name] = Drawer(generator).draw([{"seed": seed} for seed in range(20)]).numpy()
    asked = [(name, seed) for seed in range(20) for name in weights]
    answers = await asyncio.gather(*(engine.draw(weights[name], [{"seed": seed, "parameters": {"note": "ä"}}]) for name, seed in asked))
    for (name, seed), [png] in zip(asked, answers, strict=True):
        assert np.array_equal(pixels(png), expected[name][seed]), (name, seed)
        assert json.loads(Image.open(io.BytesIO(png)).text["parameters"]) == {"note": "ä"}  # type: ignore[attr-defined]
    together = await engine.draw(weights["vae"], [{"seed": seed} for seed in range(20)])  # more than goes to the process at once
    assert all(np.array_equal(pixels(png), image) for png, image in zip(together, expected["vae"], strict=True))


async def test_a_single_picture_waits_for_the_answer_before_it(engine: Engine, artifacts: Artifacts) -> None:
    folder, generator = artifacts("vae")
    worker = await engine.start()
    many: list[bytes] = []
    single: list[bytes] = []
    version = {"folder": str(folder), "digest": "in order"}
    slow = [{"seed": seed, "parameters": {"note": "x" * 1_000_000}} for seed in range(8)]  # to encode
    await asyncio.gather(
        worker.ask({"draw": version, "rows": slow}, many.append),
        *(worker.ask({"draw": version, "rows": [{"seed": seed}]}, single.append) for seed in (8, 9)),
    )
    await worker.ask({"unload": "in order"}, many.append)
    expected = Drawer(generator).draw([{"seed": seed} for seed in range(10)]).numpy()
    assert all(np.array_equal(pixels(png), image) for png, image in zip([*many, *single], expected, strict=True))


async def test_who_goes_away_holds_nobody_up(engine: Engine, artifacts: Artifacts) -> None:
    folder, _ = artifacts("vae")
    impatient = asyncio.create_task(engine.draw(Weights(folder, "gone"), [{"seed": 1}] * 40))
    await asyncio.sleep(0)
    impatient.cancel()
    [png] = await engine.draw(Weights(folder, "stays"), [{"seed": 1}])
    assert pixels(png).shape == (16, 16, 3)


async def test_damaged_weights_say_so_and_tell_no_path(engine: Engine, artifacts: Artifacts) -> None:
    folder, _ = artifacts("dcgan")
    (folder / "generator.safetensors").write_bytes(b"no weights")
    with pytest.raises(AtelierError) as caught:
        await engine.draw(Weights(folder, "damaged"), [{"seed": 1}])
    assert str(folder) not in caught.value.detail
    manifest = folder / "manifest.json"
    manifest.write_text(manifest.read_text().replace('"dcgan"', '"unheard-of"'))
    with pytest.raises(AtelierError, match="'unheard-of' is not one of "):
        await engine.draw(Weights(folder, "unknown"), [{"seed": 1}])


async def test_a_full_queue_refuses_before_it_grows(engine: Engine, artifacts: Artifacts) -> None:
    folder, _ = artifacts("dcgan")
    with pytest.raises(TooMany) as caught:
        await engine.draw(Weights(folder, "many"), [{"seed": 1}] * (module.MAX_WAITING + 1))
    assert caught.value.status == 429
    assert int(caught.value.headers["Retry-After"]) >= 1


async def test_what_is_loaded_is_told_and_can_be_unloaded(engine: Engine, artifacts: Artifacts) -> None:
    folder, _ = artifacts("dcgan")
    size = sum(value.nbytes for value in load_file(folder / WEIGHTS).values())
    await engine.load(weights := Weights(folder, "told"))
    assert (engine.loaded[-1].name, engine.loaded[-1].bytes) == ("dcgan@1", size)
    assert engine.memory > size
    loaded = len(engine.loaded)
    await engine.unload(weights)
    assert len(engine.loaded) == loaded - 1
    await engine.unload(weights)  # was not there any more


async def test_only_what_is_still_published_stays_loaded(engine: Engine, artifacts: Artifacts) -> None:
    await engine.load(Weights(artifacts("dcgan")[0], "binned"))
    await engine.load(Weights(artifacts("vae")[0], "kept"))
    await engine.keep({"kept", "never loaded"})
    assert [version.name for version in engine.loaded] == ["vae@1"]


def test_what_is_loaded_is_bounded_in_bytes_and_the_longest_unused_leaves(artifacts: Artifacts) -> None:
    folders = {name: artifacts(name)[0] for name in ("dcgan", "vae", "cgan")}
    sizes = {name: sum(value.nbytes for value in load_file(folder / WEIGHTS).values()) for name, folder in folders.items()}
    loaded = Loaded(torch.device("cpu"), sum(sizes.values()) - 1)
    for name in ("dcgan", "vae", "dcgan"):  # the latest used by now
        loaded.get(folders[name], name, None)
    assert {name: drawer.bytes for name, drawer in loaded.drawers.items()} == {name: sizes[name] for name in ("vae", "dcgan")}
    loaded.get(folders["cgan"], "cgan", None)
    assert list(loaded.drawers) == ["dcgan", "cgan"]
    alone = Loaded(torch.device("cpu"), 1)  # has room for none, and is drawn with all the same
    for name, folder in folders.items():
        assert alone.get(folder, name, None).draw([{"seed": 1}]).shape == (1, 16, 16, 3)
        assert list(alone.drawers) == [name]


async def test_a_crash_is_a_503_for_what_was_in_hand_and_nothing_after(engine: Engine, artifacts: Artifacts) -> None:
    weights = Weights(artifacts("dcgan")[0], "crash")
    [wanted] = await engine.draw(weights, [{"seed": 1}])
    before = await engine.start()
    os.kill(before.pid, signal.SIGSTOP)  # so that it surely dies in the middle of a request
    asked = [asyncio.create_task(engine.draw(weights, [{"seed": 1}])) for _ in range(80)]
    await asyncio.sleep(0.1)
    os.kill(before.pid, signal.SIGKILL)
    await asyncio.wait(asked, return_when=asyncio.FIRST_EXCEPTION)
    impatient = asyncio.create_task(engine.start())
    await asyncio.sleep(0.05)
    impatient.cancel()  # while it starts, which confuses neither it nor the next
    answers = await asyncio.gather(*asked, return_exceptions=True)
    failed = [answer for answer in answers if isinstance(answer, Overloaded)]
    assert 0 < len(failed) <= 2 * 16, "more than what was in hand"
    assert all(error.status == 503 and int(error.headers["Retry-After"]) >= 1 for error in failed)
    assert all(answer == [wanted] for answer in answers if answer not in failed)
    assert (await engine.start()).pid != before.pid


async def test_a_process_that_has_grown_gives_way_to_a_new_one(
    engine: Engine, artifacts: Artifacts, monkeypatch: pytest.MonkeyPatch
) -> None:
    weights = Weights(artifacts("dcgan")[0], "grown")
    await engine.draw(weights, [{"seed": 1}])
    before = await engine.start()
    await engine.draw(weights, [{"seed": 1}])
    assert (await engine.start()).pid == before.pid
    monkeypatch.setattr(module, "GROWTH", -(1 << 40))
    [png] = await engine.draw(weights, [{"seed": 1}])
    assert pixels(png).shape == (16, 16, 3)
    for _ in range(100):
        await asyncio.sleep(0.1 * before.alive)
    assert not before.alive
    assert engine.loaded == []


async def test_a_device_that_is_not_there_is_a_503() -> None:
    async with Engine("cuda:99") as engine:
        with pytest.raises(Overloaded, match="does not start"):
            await engine.start()
