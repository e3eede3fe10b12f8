"""Architectures: what can be trained, and all that can be chosen about it."""

from typing import Annotated, Any

from fastapi import APIRouter, Path
from fastapi.concurrency import run_in_threadpool
from pydantic import BaseModel, ConfigDict
from sqlalchemy.ext.asyncio import AsyncSession

from atelier.api.deps import ReadDep, Services, ServicesDep
from atelier.api.estimates import EstimateOut, Run, estimate
from atelier.api.pages import Page
from atelier.api.problems import problems
from atelier.errors import NotFound
from atelier.models import architectures
from atelier.models.artifact import SAMPLES
from atelier.models.base import Conditioning, GenerativeModel
from atelier.models.devices import pick_device
from atelier.registry import queries

router = APIRouter(prefix="/architectures", tags=["architectures"])


class ArchitectureOut(BaseModel):
    """A kind of generative model."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    name: str
    title: str
    summary: str
    paper: str
    """URL of the publication."""
    paper_title: str
    """Who wrote it, when, and its title; empty where nobody said."""
    samples_url: str | None
    """What it can draw: a grid of samples of the version that has learned from the most images; null while there is none."""
    samples_of: str | None
    """That version, such as `digits-vae@1`."""
    conditioning: Conditioning
    """What an image can be asked for by; where there is a hyper-parameter `conditions`, it chooses another."""
    options: list[str]
    """What else can be chosen of an image, such as truncation_psi."""
    hyperparameters: dict[str, Any]
    """JSON Schema: type, bounds, default and a sentence for each."""
    presets: dict[str, dict[str, Any]]
    """By name, the values that differ from the defaults."""
    estimates: dict[str, EstimateOut]
    """By the same names, what a run with the preset costs on this machine."""


RUNS = 200  # of the newest, from which estimates are made
CANDIDATES = 3  # versions whose samples may be the picture; an imported one may have none


async def _all(session: AsyncSession, services: Services) -> list[ArchitectureOut]:
    runs: dict[str, list[Run]] = {}
    for architecture, manifest in await session.execute(queries.trained_here(RUNS)):
        runs.setdefault(architecture, []).append(Run.of(manifest))
    trained = (await session.execute(queries.longest_trained(CANDIDATES))).all()

    def read() -> list[ArchitectureOut]:
        pictures: dict[str, tuple[str, int]] = {}
        for architecture, model, number in trained:
            if architecture not in pictures and (services.store.version(model, number) / SAMPLES).is_file():
                pictures[architecture] = (model, number)
        device = str(pick_device(services.settings.device))
        return [_out(cls, runs.get(cls.name, []), pictures.get(cls.name), device, services) for cls in architectures.values()]

    return await run_in_threadpool(read)


def _out(cls: type[GenerativeModel], runs: list[Run], picture: tuple[str, int] | None, device: str, services: Services) -> ArchitectureOut:
    return ArchitectureOut(
        name=cls.name,
        title=cls.title,
        summary=cls.summary(),
        paper=cls.paper,
        paper_title=cls.paper_title,
        samples_url=picture and f"/api/v1/models/{picture[0]}/versions/{picture[1]}/samples.png",
        samples_of=picture and f"{picture[0]}@{picture[1]}",
        conditioning=cls.conditioning,
        options=list(cls.options),
        hyperparameters=cls.Hyperparameters.model_json_schema(),
        presets={name: dict(values) for name, values in cls.presets.items()},
        estimates={name: estimate(cls, name, runs, device=device, jobs=services.settings.max_jobs) for name in cls.presets},
    )


@router.get("", operation_id="list_architectures")
async def list_architectures(session: ReadDep, services: ServicesDep) -> Page[ArchitectureOut]:
    """What can be trained."""
    return Page(items=await _all(session, services), next_cursor=None)


@router.get("/{name}", operation_id="get_architecture", responses=problems(404))
async def get_architecture(
    name: Annotated[str, Path(description="Name of the architecture.")], session: ReadDep, services: ServicesDep
) -> ArchitectureOut:
    """One architecture."""
    if name not in architectures:
        raise NotFound(f"There is no architecture {name!r}; there are {', '.join(architectures)}.")
    return next(found for found in await _all(session, services) if found.name == name)
