"""`atelier features`."""

from pathlib import Path
from typing import Annotated

import typer

from atelier.cli.common import Json, print_json, print_table, say
from atelier.settings import Settings

features = typer.Typer(help="Feature networks that style transfer and metrics look through.", no_args_is_help=True)


@features.command("list")
def list_features(as_json: Json = False) -> None:
    """Feature networks, what they are for, and which of them are here."""
    from atelier.featurefiles import NETWORKS, missing
    from atelier.registry.store import Store

    folder = Store(Settings().store_dir).features
    rows = [{"network": "lite0", "title": "EfficientNet-Lite0", "for": "style transfer, metrics", "here": "comes with Atelier"}]
    for name, network in NETWORKS.items():
        megabytes = sum(file.size for file in network.files) // 1_000_000
        here = "yes" if missing(name, folder) is None else f"no; {megabytes} MB to fetch"
        rows.append({"network": name, "title": network.title, "for": network.use, "here": here})
    if as_json:
        print_json(rows)
    else:
        print_table(rows)


@features.command("fetch")
def fetch_features(network: Annotated[str, typer.Argument(help="vgg19, inception, vgg16 or adain.")]) -> None:
    """Download a feature network's official files, verify them, and keep what is needed of them."""
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn

    from atelier.featurefiles import fetch
    from atelier.registry.store import Store

    with Progress(TextColumn("{task.description}"), BarColumn(), DownloadColumn(), console=say) as progress:
        bar = progress.add_task(network, total=None)
        kept = fetch(network, Store(Settings().store_dir).features, lambda done, total: progress.update(bar, completed=done, total=total))
    print(*kept, sep="\n")


@features.command("add")
def add_features(file: Annotated[Path, typer.Argument(help="An official file, as it was published, whatever its name.")]) -> None:
    """Take a feature network's file that you have: its checksum says which it is, and what is needed of it is kept."""
    from atelier.featurefiles import add
    from atelier.registry.store import Store

    print(add(file, Store(Settings().store_dir).features))
