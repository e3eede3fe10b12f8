"""`atelier discover`."""

from typing import Annotated

import typer

from atelier.cli.common import Json, follow, open_database
from atelier.settings import Settings


def discover(
    model: Annotated[str, typer.Argument(metavar="MODEL[@N]", help="A model, and which of its versions; the latest without @N.")],
    again: Annotated[bool, typer.Option("--again", help="Train the classifier anew, also where there is one.")] = False,
    as_json: Json = False,
) -> None:
    """Find what can be turned in a version's images, with no server: the attributes and classes of its data set, for `generate --dial`.

    All versions of the same data set share what is found.
    """
    from atelier.datasets.catalog import Catalog
    from atelier.jobs.queue import submit_discovery
    from atelier.jobs.specs import DiscoverRequest
    from atelier.registry.store import Store

    settings = Settings()
    name, _, number = model.partition("@")
    store = Store(settings.store_dir)
    request = DiscoverRequest.model_validate({"model": name, "version": number or "latest", "again": again})
    with open_database().write() as session:
        job = submit_discovery(session, request, Catalog(store.sources), store)
    follow(settings, job, as_json)
