"""Versions as files: all of one in a zip, its weights alone, or its generator as an ONNX graph."""

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Response
from fastapi.responses import FileResponse, StreamingResponse

from atelier.api.deps import DrawableDep, ServicesDep
from atelier.api.problems import problems
from atelier.errors import NotFound
from atelier.models.artifact import WEIGHTS
from atelier.registry.packing import zipped

router = APIRouter(prefix="/models/{name}/versions/{number}", tags=["models"])

DownloadFormat = Literal["zip", "safetensors", "onnx"]
BINARY: dict[str, Any] = {"application/zip": {}, "application/octet-stream": {}}


@router.get(
    "/download",
    operation_id="download_version",
    response_class=Response,
    responses={200: {"content": BINARY}, **problems(404, 422, 503)},
)
async def download_version(
    drawable: DrawableDep,
    services: ServicesDep,
    format: Annotated[
        DownloadFormat,
        Query(description="All files of the version, its generator's weights, or its generator as a graph for ONNX Runtime and others."),
    ] = "zip",
) -> Response:
    """Download a version. An ONNX graph takes `z`, where there is one a `condition`, and `truncation_psi`; of a version that draws from
    text it is the part that draws, and takes `sentences`, the embeddings of prompts. The first download of it takes some seconds."""
    folder, name = drawable.weights.folder, f"{drawable.model}-v{drawable.number}"
    headers = {"ETag": f'"{drawable.weights.digest[:32]}-{format}"', "Cache-Control": "no-cache"}
    if format == "onnx":
        path = await services.graphs.get(drawable.weights)
        return FileResponse(path, filename=f"{name}.onnx", media_type="application/octet-stream", headers=headers)
    if not (folder / WEIGHTS).is_file():
        raise NotFound(f"The files of {drawable.name} are gone.")
    if format == "safetensors":
        return FileResponse(folder / WEIGHTS, filename=f"{name}.safetensors", media_type="application/octet-stream", headers=headers)
    headers["Content-Disposition"] = f'attachment; filename="{name}.zip"'
    files = [(f"{name}/{file.name}", file) for file in sorted(folder.iterdir())]
    return StreamingResponse(zipped(files), media_type="application/zip", headers=headers)
