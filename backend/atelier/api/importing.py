"""Versions that people bring: from another Atelier, or weights that something else has saved."""

import asyncio
import json
import secrets
import shutil

from fastapi import APIRouter, Request, Response
from fastapi.concurrency import run_in_threadpool
from pydantic import TypeAdapter, ValidationError
from sqlalchemy.ext.asyncio import AsyncSession

from atelier.api.deps import ServicesDep
from atelier.api.forms import FILE, receive, request_body
from atelier.api.problems import problems
from atelier.api.versions import VersionOut, versions_out
from atelier.errors import Conflict, Invalid
from atelier.jobs.specs import ModelName
from atelier.models.bundle import Description
from atelier.registry import queries
from atelier.registry.store import digest_of
from atelier.registry.tables import Version
from atelier.serving import intake

router = APIRouter(prefix="/models", tags=["models"])

FIELDS = ("model", "manifest", "description")
MAX_FIELD = 4 << 20  # bytes: of a manifest with thousands of names
NO_LIMIT = 2**63 - 1  # of the body: its file is counted as it comes, and what is allowed is a setting
_examining = asyncio.Semaphore(1)  # one file's weights in memory at a time
_names: TypeAdapter[str] = TypeAdapter(ModelName)

_FORM = request_body(
    {
        "required": ["model", FILE],
        "properties": {
            "model": {"type": "string", "description": "Name of the model that gets the version."},
            "manifest": {"type": "string", "description": "For safetensors: the content of the version's `manifest.json`."},
            "description": {
                "type": "string",
                "description": "For a state dict: JSON of its architecture, hyperparameters, channels, class_names, "
                "attribute_names and dataset.",
            },
            FILE: {
                "type": "string",
                "contentMediaType": "application/octet-stream",
                "description": "A version's zip, safetensors, or a state dict saved by torch; send it last.",
            },
        },
    },
    {
        "zip": {"summary": "A version's zip", "value": {"model": "cats", FILE: "cats-v3.zip"}},
        "torch": {
            "summary": "A state dict",
            "value": {
                "model": "cats",
                "description": '{"architecture": "dcgan", "hyperparameters": {"resolution": 32}, "channels": 3}',
                FILE: "generator.pth",
            },
        },
    },
)


@router.post(
    "/import",
    operation_id="import_version",
    status_code=201,
    max_body_size=NO_LIMIT,
    openapi_extra={"requestBody": _FORM},
    responses={200: {"model": VersionOut, "description": "It is here already."}, **problems(400, 409, 422, 503, 507)},
)
async def import_version(request: Request, services: ServicesDep, response: Response) -> VersionOut:
    """Bring a version: the zip that `download` gives, its weights and manifest, or a state dict with a description. It is checked in
    full, in a process of its own, before anybody sees it. One that is here already, to the byte, is answered with 200."""

    async def before_file(fields: dict[str, str]) -> None:
        _model(fields)

    most = services.settings.max_upload_bytes
    uploads = services.store.uploads
    folder = uploads / f"{secrets.token_hex(16)}.version"
    async with receive(request, uploads, FIELDS, max_bytes=most, before_file=before_file, max_field=MAX_FIELD) as form:
        model, description = _model(form.fields), _description(form.fields.get("description"))
        if form.file_name is None:
            raise Invalid.at(f"/{FILE}", "send a version's zip, safetensors, or a state dict saved by torch")
        folder.mkdir()
        try:
            async with _examining:
                manifest = await intake.examine(
                    form.path,
                    folder,
                    manifest=form.fields.get("manifest") or None,
                    description=description.model_dump() if description else None,
                )
            digest = await run_in_threadpool(digest_of, folder)
            async with services.database.write() as session:
                version = await _known(session, digest)
                if version is None:
                    version = await session.run_sync(lambda s: services.store.publish(s, folder, None, model, manifest))
                else:
                    response.status_code = 200
                out = (await versions_out(session, [version], services.store))[0]
        finally:
            await run_in_threadpool(shutil.rmtree, folder, ignore_errors=True)
    response.headers["Location"] = f"/api/v1/models/{out.model}/versions/{out.version}"
    return out


async def _known(session: AsyncSession, digest: str) -> Version | None:
    """
    Raises:
        Conflict: it lies in the bin.
    """
    binned = await session.scalar(queries.binned().where(Version.digest == digest).limit(1))
    found: Version | None = await session.scalar(queries.all_versions().where(Version.digest == digest).limit(1))
    if found is None and binned is not None:
        raise Conflict(f"This version is {binned.name}, which was deleted; restore it from the bin.")
    return found


def _model(fields: dict[str, str]) -> str:
    if not fields.get("model"):
        raise Invalid.at("/model", "say which model gets the version, before the file")
    try:
        return _names.validate_python(fields["model"])
    except ValidationError as error:
        raise Invalid.of(error, "/model") from error


def _description(text: str | None) -> Description | None:
    if not text:
        return None
    try:
        return Description.model_validate(json.loads(text))
    except ValidationError as error:
        raise Invalid.of(error, "/description") from error
    except (ValueError, RecursionError) as error:
        raise Invalid.at("/description", "it is no JSON") from error
