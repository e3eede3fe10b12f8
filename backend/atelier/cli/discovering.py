"""`atelier discover`."""

from typing import Annotated

import typer

from atelier.cli.common import Json, follow, open_database
from atelier.settings import Settings


def discover(
    model: Annotated[str, typer.Argument(metavar="MODEL[@N]", help="A model, and which of its versions; the latest without @N.")],
    method: Annotated[
        list[str] | None,
        typer.Option(help="classifier (for --dial), or sefa, pca or interfacegan (for directions); repeatable. [default: all that fit]"),
    ] = None,
    again: Annotated[bool, typer.Option("--again", help="Find anew what was found before.")] = False,
    as_json: Json = False,
) -> None:
    """Find what can be changed in a version's images, with no server.

    That is what its data set's attributes and classes are seen by, for `generate --dial`, shared by all versions of the same data set;
    and directions of its latents.
    """
    from atelier.datasets.catalog import Catalog
    from atelier.jobs.queue import submit_discovery
    from atelier.jobs.specs import DiscoverRequest
    from atelier.registry.store import Store

    settings = Settings()
    name, _, number = model.partition("@")
    store = Store(settings.store_dir)
    request = DiscoverRequest.model_validate({"model": name, "version": number or "latest", "methods": method, "again": again})
    with open_database().write() as session:
        job = submit_discovery(session, request, Catalog(store.sources), store)
    follow(settings, job, as_json)
