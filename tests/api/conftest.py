"""The application as a client sees it, over a store with one tiny published model."""

import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import psutil
import pytest
import torch
from starlette.types import Receive, Scope, Send

from atelier.app import create_app
from atelier.models import architectures, artifact
from atelier.models.base import ImageSpec
from atelier.registry.database import Database, migrate
from atelier.registry.store import Store
from atelier.registry.tables import Job, now
from atelier.settings import Settings


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    return Settings(store_dir=tmp_path_factory.mktemp("store"), device="cpu")


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
def published(database: Database, store: Store) -> str:
    """A model `tiny` with two versions of random weights, published by a job that has succeeded."""
    cls = architectures["dcgan"]
    hp = cls.hyperparameters("debug")
    spec = ImageSpec(3, hp.resolution)
    for seed in (1, 2):
        torch.manual_seed(seed)
        generator = cls(hp, spec).generator
        for parameter in generator.parameters():
            parameter.data.mul_(5)  # contrast
        with database.write() as session:
            job = Job(kind="train", status="running", spec={}, architecture="dcgan", dataset="shapes", model="tiny")
            session.add(job)
            session.flush()
            manifest = artifact.Manifest(
                architecture="dcgan",
                hyperparameters=hp.model_dump(mode="json"),
                image=artifact.image_spec_manifest(spec),
                dataset=artifact.DatasetManifest(name="shapes", options={}, fingerprint="0" * 64, num_images=9, class_names=[]),
                training=artifact.TrainingManifest(
                    job=job.id, preset="debug", seed=seed, steps=60, images_seen=960, seconds=1.0, device="cpu", metrics={}
                ),
                created_at=now(),
            )
            with store.staging(job.id) as folder:
                artifact.save(folder, generator, manifest)
                (folder / artifact.SAMPLES).write_bytes(b"\x89PNG of samples")
                job.succeed(store.publish(session, folder, job, "tiny", manifest.model_dump(mode="json")))
    return "tiny"


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
