"""The web application: what it is made of, how it starts and how it stops."""

import asyncio
import gc
import json
import logging
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from datetime import timedelta
from functools import partial
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import uvicorn
from fastapi import APIRouter, FastAPI
from fastapi.concurrency import run_in_threadpool
from fastapi.openapi.utils import get_openapi
from fastapi.responses import HTMLResponse

import atelier
from atelier.api import (
    abilities,
    architectures,
    bin,
    bringing,
    comparisons,
    datasets,
    directions,
    discoveries,
    downloads,
    evaluations,
    events,
    first_steps,
    history,
    images,
    importing,
    inference,
    inspections,
    installation,
    interpolations,
    live,
    logs,
    models,
    openai_images,
    pictures,
    preparations,
    projections,
    prompts,
    style_mixing,
    style_transfers,
    system,
    training_runs,
    versions,
)
from atelier.api.deps import Services
from atelier.api.drawables import Drawables
from atelier.api.hub import Hub
from atelier.api.problems import ProblemOut, add_handlers, problems
from atelier.api.quick import Quick
from atelier.api.safety import Safety
from atelier.datasets.catalog import Catalog
from atelier.jobs.executors import LocalExecutor
from atelier.jobs.sources import sweep
from atelier.jobs.supervisor import Supervisor
from atelier.registry import queries
from atelier.registry.bin import purge
from atelier.registry.bin import sweep as sweep_bin
from atelier.registry.database import AsyncDatabase, Database, migrate
from atelier.registry.starters import adopt
from atelier.registry.store import Store
from atelier.serving.drawn import Drawn
from atelier.serving.engine import Engine
from atelier.serving.graphs import Graphs
from atelier.serving.history import History, mend, prune
from atelier.settings import Settings

WEB = Path(__file__).parent / "web"  # built by Vite
MAX_BODY = 1 << 20
FILES = ("/api/v1/images/inspect",)  # take a picture's file as the body
# These take multipart/form-data instead of JSON.
FORMS = ("/api/v1/datasets", "/api/v1/models/import", "/api/v1/pictures", "/api/v1/style-transfers", *FILES)
SWEEP_SECONDS = 600  # between two looks for uploads whose job was cancelled before it began, and for what killed processes left
SWITCH_SECONDS = 2e-4  # for which a thread may keep the interpreter from the event loop; Python's own 5 ms make it four times as late
GRACE_SECONDS = 2  # for requests in hand when the server stops; streams end at once

log = logging.getLogger(__name__)

NO_PAGE = """<!doctype html><html lang="en"><title>Atelier</title>
<h1>Atelier runs; its page is not built</h1>
<p>Build it with <code>npm ci &amp;&amp; npm run build</code> in <code>frontend/</code> (or <code>make run</code>) and start again.
The interface is described at <a href="/docs">/docs</a>.</p></html>"""


@asynccontextmanager
async def _lifespan(settings: Settings, app: FastAPI) -> AsyncIterator[dict[str, Services]]:
    url = settings.resolved_database_url
    store = Store(settings.store_dir)
    jobs_database = await run_in_threadpool(_open, url, store)
    async with AsyncExitStack() as stack:
        database = AsyncDatabase(url)
        stack.push_async_callback(database.dispose)
        stack.callback(jobs_database.dispose)
        executor = LocalExecutor(settings)
        supervisor = await stack.enter_async_context(Supervisor(jobs_database, store, executor, max_jobs=settings.max_jobs))
        graphs = Graphs(settings.graph_after)
        engine = Engine(settings.device, loaded_bytes=settings.loaded_bytes, threads=settings.draw_threads, graphs=graphs)
        await stack.enter_async_context(engine)
        sweeper = asyncio.create_task(_keep_swept(jobs_database, store, settings, engine), name="sweeper")
        stack.callback(sweeper.cancel)
        drawn = Drawn(store.images, engine)
        history = await stack.enter_async_context(History(jobs_database, store))
        hub = await stack.enter_async_context(Hub(database))
        app.state.hub, app.state.supervisor = hub, supervisor
        catalog, drawables = Catalog(store.sources), Drawables(store)
        yield {"services": Services(settings, store, catalog, database, supervisor, engine, hub, drawn, history, drawables, graphs)}


def _open(url: str, store: Store) -> Database:
    """The database, brought up to date, with the starter versions in it."""
    migrate(url)
    database = Database(url)
    with database.write() as session:
        adopt(session, store)
    return database


async def _keep_swept(database: Database, store: Store, settings: Settings, engine: Engine) -> None:
    def look() -> set[str]:
        """The digests of all versions that can be drawn with."""
        with database.write() as session:
            purge(session, older_than=timedelta(days=settings.trash_days))
        with database.read() as session:
            sweep(session, store)
            sweep_bin(session, store)
            published = set(session.scalars(queries.published()))
        mend(database, store)
        prune(database, store, most_images=settings.history_images, most_bytes=settings.history_bytes)
        return published

    while True:
        try:
            await engine.keep(await run_in_threadpool(look))
        except Exception:
            log.exception("What killed processes left could not be swept up; it is tried again.")
        await asyncio.sleep(SWEEP_SECONDS)


def create_app(settings: Settings) -> FastAPI:
    app = FastAPI(
        title="Atelier",
        summary="A studio for generative image models.",
        version=atelier.__version__,
        lifespan=partial(_lifespan, settings),
        redoc_url=None,
    )
    app.add_middleware(Quick, most_bytes=MAX_BODY)
    app.add_middleware(Safety, hosts=(settings.host, *settings.allowed_hosts), forms=FORMS, files=FILES)
    add_handlers(app)

    def include(router: APIRouter) -> None:
        # The limit here and not on the application, which would answer from outside of Safety, in plain text. And no router of routers:
        # each request would look through all of it twice, a tenth of what a drawn image costs the server.
        app.include_router(router, prefix="/api/v1", max_body_size=MAX_BODY)

    # First, because a request is held against all routes before its own, and /healthz shall be quick beside images that are drawn.
    app.include_router(system.health)
    for module in (
        images,
        live,
        architectures,
        datasets,
        bringing,
        preparations,
        training_runs,
        discoveries,
        directions,
        projections,
        evaluations,
        versions,
        bin,
        importing,
        models,
        downloads,
        history,
        inspections,
        comparisons,
        inference,
        abilities,
        interpolations,
        style_mixing,
        prompts,
        pictures,
        style_transfers,
        events,
        logs,
        system,
        first_steps,
        installation,
    ):
        include(module.router)
    of_evaluations = (evaluations.scores, evaluations.describing, evaluations.of_versions)
    for further in (versions.everywhere, bringing.sources, pictures.gallery, style_transfers.describing, *of_evaluations):
        include(further)
    app.include_router(openai_images.router)

    if (WEB / "index.html").is_file():
        app.frontend("/", directory=WEB, fallback="index.html")
    else:

        @app.get("/", include_in_schema=False)
        def no_page() -> HTMLResponse:
            return HTMLResponse(NO_PAGE)

    app.openapi = partial(openapi, app)  # type: ignore[method-assign]
    return app


def openapi(app: FastAPI) -> dict[str, Any]:
    """The description of the interface, with problems in place of the framework's own errors."""
    if app.openapi_schema is None:
        schema = get_openapi(title=app.title, version=app.version, summary=app.summary, routes=app.routes)
        components = schema["components"]["schemas"]
        for path, operations in schema["paths"].items():
            for method, operation in operations.items():
                responses = operation["responses"]
                if path.startswith("/v1/"):  # OpenAI's, with errors of its own
                    responses.pop("422", None)
                    continue
                if "HTTPValidationError" in json.dumps(responses.get("422")):
                    responses |= {str(status): value for status, value in problems(422).items()}
                if "requestBody" in operation or method == "post":  # what Safety and the limit of the body say
                    responses |= {str(status): value for status, value in problems(403, 413, 415).items()}
        for name in ("HTTPValidationError", "ValidationError"):
            components.pop(name, None)
        problem = ProblemOut.model_json_schema(ref_template="#/components/schemas/{model}")
        components |= {**problem.pop("$defs"), "ProblemOut": problem}
        app.openapi_schema = schema
    return app.openapi_schema


class Server(uvicorn.Server):
    """Says where it is, and ends all event streams when it stops: uvicorn waits for them before the application hears of it."""

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        gc.collect()
        gc.freeze()  # torch's and the routes' objects stay: to look at them again and again would stop the loop for half a second
        if self.started:
            host, port = self.servers[0].sockets[0].getsockname()[:2]
            print(
                f"Atelier is at http://{f'[{host}]' if ':' in host else host}:{port} (Ctrl+C stops it; running jobs go on)", file=sys.stderr
            )
            if not ip_address(host).is_loopback:
                print(
                    "Warning: anybody who reaches this address can train, draw and delete; Atelier asks for no password.\n"
                    "Keep it behind a firewall or a proxy that does, or set ATELIER_HOST=127.0.0.1.",
                    file=sys.stderr,
                )

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        app = self.config.app
        assert isinstance(app, FastAPI)
        app.state.supervisor.rest()
        app.state.hub.close()
        await super().shutdown(sockets)


def serve(settings: Settings) -> bool:
    """Serve until a signal ends it; whether it could start. The database is migrated before it listens."""
    sys.setswitchinterval(SWITCH_SECONDS)
    config = uvicorn.Config(
        create_app(settings),
        host=settings.host,
        port=settings.port,
        timeout_graceful_shutdown=GRACE_SECONDS,
        server_header=False,
        log_level="warning",
        access_log=False,  # asks for each request whether somebody listens
        ws="websockets-sansio",
        ws_max_size=MAX_BODY,
        ws_per_message_deflate=False,  # pictures don't get smaller
    )
    server = Server(config)
    with suppress(KeyboardInterrupt):  # uvicorn repeats the signal when it has stopped
        server.run()
    return server.started
