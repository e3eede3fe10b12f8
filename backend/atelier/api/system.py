"""The machine, and whether the server is well."""

import functools
import os
import platform
from typing import Literal

import psutil
import torch
from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict
from sqlalchemy import func, select, text
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncSession

import atelier
from atelier.api.deps import ReadDep, Services, ServicesDep
from atelier.api.inference import InferenceOut, inference_out
from atelier.api.problems import problems
from atelier.errors import Overloaded
from atelier.models.devices import pick_device
from atelier.registry.tables import ACTIVE, Job

router = APIRouter(tags=["system"])
health = APIRouter(tags=["system"])


class MemoryOut(BaseModel):
    """Bytes of main memory."""

    total: int
    used: int


class DiskOut(BaseModel):
    """Bytes of the disk that holds the store."""

    total: int
    free: int


class JobsOut(BaseModel):
    """How many jobs there are to do."""

    queued: int
    running: int


class SystemOut(BaseModel):
    """The machine and what it is busy with."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    version: str
    python: str
    torch: str
    device: str
    """Where networks train and draw."""
    devices: list[str]
    """All that there are."""
    cpu_percent: float
    """Since the last request for it."""
    cpu_count: int
    job_threads: int
    """Threads that a job computes with."""
    draw_threads: int
    """Threads that compute when images are drawn."""
    memory: MemoryOut
    process_memory: int
    """Bytes of the web process alone."""
    disk: DiskOut
    jobs: JobsOut
    inference: InferenceOut


class HealthOut(BaseModel):
    status: Literal["ok"] = "ok"


@functools.cache
def _devices(wanted: str) -> tuple[str, list[str]]:
    accelerators = [f"cuda:{i}" for i in range(torch.cuda.device_count())] + ["mps"] * torch.backends.mps.is_available()
    return str(pick_device(wanted)), ["cpu", *accelerators]


async def describe(session: AsyncSession, services: Services) -> SystemOut:
    counts = {row[0]: row[1] for row in await session.execute(select(Job.status, func.count()).group_by(Job.status))}
    device, devices = _devices(services.settings.device)
    memory, disk = psutil.virtual_memory(), psutil.disk_usage(str(services.store.root))
    return SystemOut(
        version=atelier.__version__,
        python=platform.python_version(),
        torch=torch.__version__,
        device=device,
        devices=devices,
        cpu_percent=psutil.cpu_percent(),
        cpu_count=psutil.cpu_count() or 1,
        job_threads=max(1, (os.cpu_count() or 1) // (services.settings.max_jobs * services.settings.processes_per_job)),
        draw_threads=services.settings.draw_threads,
        memory=MemoryOut(total=memory.total, used=memory.used),
        process_memory=psutil.Process().memory_info().rss,
        disk=DiskOut(total=disk.total, free=disk.free),
        jobs=JobsOut(queued=counts.get("queued", 0), running=sum(counts.get(status, 0) for status in ACTIVE)),
        inference=inference_out(services),
    )


@router.get("/system", operation_id="get_system")
async def get_system(session: ReadDep, services: ServicesDep) -> SystemOut:
    """Devices, memory and versions."""
    return await describe(session, services)


@health.get("/healthz", operation_id="healthz")
def healthz() -> HealthOut:
    """Whether the process answers."""
    return HealthOut()


@health.get("/readyz", operation_id="readyz", responses=problems(503))
async def readyz(session: ReadDep, services: ServicesDep) -> HealthOut:
    """Whether requests can be served: the database answers and the inference process runs."""
    try:
        await session.execute(text("SELECT 1"))
    except SQLAlchemyError as error:
        raise Overloaded("The database does not answer.", retry_after=5) from error
    await services.engine.start()
    return HealthOut()
