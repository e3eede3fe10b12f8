"""The inference process: what is loaded, and loading ahead of the first image."""

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict

from atelier.api.deps import DrawableDep, Services, ServicesDep
from atelier.api.problems import problems

router = APIRouter(prefix="/models/{name}/versions/{number}", tags=["images"])


class LoadedOut(BaseModel):
    """A version that is ready to draw."""

    name: str
    bytes: int


class InferenceOut(BaseModel):
    """The process that draws."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    memory: int
    """Bytes that it took when it last answered; 0 where it does not run, which the next image changes."""
    waiting: int
    """Images that wait to be drawn."""
    loaded: list[LoadedOut]
    """Versions that are ready, the latest drawn with last."""
    loaded_bytes: int
    """Of all of them."""
    most_loaded_bytes: int
    """What they may take; beyond it, those longest not asked for leave."""


def inference_out(services: Services) -> InferenceOut:
    loaded = services.engine.loaded
    return InferenceOut(
        memory=services.engine.memory,
        waiting=services.engine.waiting,
        loaded=[LoadedOut(name=version.name, bytes=version.bytes) for version in loaded],
        loaded_bytes=sum(version.bytes for version in loaded),
        most_loaded_bytes=services.settings.loaded_bytes,
    )


@router.post("/load", operation_id="load_version", responses=problems(404, 422, 503))
async def load_version(drawable: DrawableDep, services: ServicesDep) -> InferenceOut:
    """Get a version ready, so that its first image is as quick as all others. It stays until others need the room."""
    await services.engine.load(drawable.weights)
    return inference_out(services)


@router.post("/unload", operation_id="unload_version", responses=problems(404, 422, 503))
async def unload_version(drawable: DrawableDep, services: ServicesDep) -> InferenceOut:
    """Give a version's memory back; its next image loads it again."""
    await services.engine.unload(drawable.weights)
    return inference_out(services)
