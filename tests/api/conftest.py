"""The application as a client sees it, over a store with one tiny published model."""

import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest
import torch
from starlette.types import Receive, Scope, Send

from atelier.app import create_app
from atelier.models import architectures, artifact
from atelier.models.base import ConditionalGenerator, ImageSpec
from atelier.models.prompted import PromptedGenerator
from atelier.registry.database import Database, migrate
from atelier.registry.store import Store
from atelier.registry.tables import Job, now
from atelier.settings import Settings
from atelier.text.memory import Memory

CAPTIONS = [
    ("a red star", "a star"),
    ("a blue circle",),
    ("a large green cross on the left",),
    ("a small pink heart",),
    ("a brown square",),
]


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    return Settings(store_dir=tmp_path_factory.mktemp("store"), device="cpu", graph_after=0)


@pytest.fixture(scope="module")
def store(settings: Settings) -> Store:
    return Store(settings.store_dir)


@pytest.fixture(scope="module")
def database(settings: Settings) -> Iterator[Database]:
    migrate(settings.resolved_database_url)
    database = Database(settings.resolved_database_url)
    yield database
    database.dispose()


@pytest.fixture(scope="module")
def publish(database: Database, store: Store) -> Callable[..., str]:
    """Gives a model a version of random weights with some contrast, published by a job that has succeeded."""

    def publish(model: str, architecture: str = "dcgan", seed: int = 1, names: dict[str, list[str]] | None = None, **chosen: Any) -> str:
        cls = architectures[architecture]
        hp = cls.hyperparameters("debug", **chosen)
        named: dict[str, list[str]] = {"class_names": [], "attribute_names": [], **(names or {})}
        spec = ImageSpec(3, hp.resolution, len(named["class_names"]), len(named["attribute_names"]))
        torch.manual_seed(seed)
        generator = cls(hp, spec).generator
        if isinstance(generator, ConditionalGenerator):
            generator.learn_conditions(torch.eye(generator.condition_dim).repeat(100, 1))
        if isinstance(generator, PromptedGenerator):
            generator.learn_captions(CAPTIONS)
        for parameter in generator.parameters():
            parameter.data.mul_(5)
        with database.write() as session:
            job = Job(kind="train", status="running", spec={}, architecture=architecture, dataset="shapes", model=model)
            session.add(job)
            session.flush()
            manifest = artifact.Manifest(
                architecture=architecture,
                hyperparameters=hp.model_dump(mode="json"),
                image=artifact.image_spec_manifest(spec),
                dataset=artifact.DatasetManifest(name="shapes", options={}, fingerprint="0" * 64, num_images=9, **named),
                training=artifact.TrainingManifest(
                    job=job.id, preset="debug", seed=seed, steps=60, images_seen=960, seconds=1.0, device="cpu", metrics={}
                ),
                created_at=now(),
            )
            with store.staging(job.id) as folder:
                artifact.save(folder, generator, manifest)
                if isinstance(generator, PromptedGenerator):
                    Memory.of(CAPTIONS, range(len(CAPTIONS)), generator.eval().requires_grad_(False).sentences).save(folder)
                (folder / artifact.SAMPLES).write_bytes(b"\x89PNG of samples")
                job.succeed(store.publish(session, folder, job, model, manifest.model_dump(mode="json")))
        return model

    return publish


@pytest.fixture(scope="module")
def published(publish: Callable[..., str]) -> str:
    """A model `tiny` with two versions."""
    publish("tiny", seed=1)
    return publish("tiny", seed=2)


@pytest.fixture(scope="module")
def occupied(database: Database, store: Store) -> Iterator[int]:
    """A training run that takes the only place there is, so that what a test starts stays queued; its process just sleeps."""
    with subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"], start_new_session=True) as process:
        with database.write() as session:
            job = Job(kind="train", spec={"seed": 0}, architecture="dcgan", dataset="shapes", model="busy", total_steps=100)
            session.add(job)
            session.flush()
            job.claim(store.create_log("dcgan").name, process.pid, psutil.Process(process.pid).create_time())
            job.start()
        yield job.id
        process.kill()


@asynccontextmanager
async def connect(settings: Settings) -> AsyncIterator[httpx.AsyncClient]:
    """A client of an application that has started."""
    app = create_app(settings)
    async with app.router.lifespan_context(app) as state:

        async def with_state(scope: Scope, receive: Receive, send: Send) -> None:
            await app({**scope, "state": dict(state or {})}, receive, send)

        transport = httpx.ASGITransport(with_state, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
            yield client


@pytest.fixture(scope="module")
async def client(settings: Settings, occupied: int) -> AsyncIterator[httpx.AsyncClient]:
    async with connect(settings) as client:
        yield client


@pytest.fixture
async def client_without_database(tmp_path: Path, anyio_backend: str) -> AsyncIterator[httpx.AsyncClient]:
    """Its database goes away while it runs."""
    async with connect(Settings(store_dir=tmp_path, device="cpu")) as client:
        for file in tmp_path.glob("atelier.db*"):
            file.unlink()
        (tmp_path / "atelier.db").mkdir()
        yield client
