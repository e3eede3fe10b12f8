"""The command `atelier`: the server, and what it does without one; a file for each subject.

Commands import what they need when they run, so that `atelier --help` does not wait for torch.
"""

import sys
from typing import Annotated, Any

import typer
from pydantic import ValidationError

from atelier.cli.common import print_json, say
from atelier.cli.datasets import datasets
from atelier.cli.discovering import discover
from atelier.cli.drawing import generate
from atelier.cli.evaluating import evaluate, statistics
from atelier.cli.exporting import export
from atelier.cli.features import features
from atelier.cli.history import images
from atelier.cli.models import models
from atelier.cli.projecting import project
from atelier.cli.styling import stylize
from atelier.cli.training import runs, train
from atelier.cli.walking import interpolate, mix
from atelier.errors import AtelierError, Invalid
from atelier.settings import Settings

app = typer.Typer(help="A studio for generative image models.", no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)


def main() -> None:
    """Exit codes: 0 done, 1 it failed, 2 the request was wrong, 130 cancelled."""
    try:
        app()
    except ValidationError as error:
        _complain(Invalid.of(error), variable_prefix="ATELIER_" if error.title == Settings.__name__ else "")
    except AtelierError as error:
        _complain(error)
    except ValueError as error:  # what a user can cause, by our convention
        _complain(Invalid(str(error)))
    except KeyboardInterrupt:
        sys.exit(130)


def _complain(error: AtelierError, variable_prefix: str = "") -> None:
    for complaint in error.extras.get("errors") or [{"pointer": "", "detail": error.detail}]:
        where = complaint["pointer"].strip("/").replace("/", ".")
        if variable_prefix:
            where = variable_prefix + where.upper()
        say.print(f"Error in {where}:" if where else "Error:", style="red", end=" ")
        say.print(complaint["detail"], markup=False, soft_wrap=True)
    sys.exit(2)


@app.callback(invoke_without_command=True)
def _version(version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False) -> None:
    if version:
        from atelier import __version__

        print(__version__)
        raise typer.Exit


@app.command()
def serve(
    host: Annotated[str | None, typer.Option(help="Address to listen on. [default: ATELIER_HOST, else 127.0.0.1]")] = None,
    port: Annotated[int | None, typer.Option(help="Port to listen on; 0 takes a free one. [default: ATELIER_PORT, else 8000]")] = None,
) -> None:
    """Serve the page and the API; the database is brought up to date first."""
    from atelier import app as web

    chosen: dict[str, Any] = {name: value for name, value in {"host": host, "port": port}.items() if value is not None}
    if not web.serve(Settings(**chosen)):
        sys.exit(1)


app.command()(train)
app.command()(generate)
app.command()(interpolate)
app.command()(mix)
app.command()(export)
app.command()(discover)
app.command()(project)
app.command()(evaluate)
app.command()(stylize)
app.add_typer(datasets, name="datasets")
app.add_typer(runs, name="runs")
app.add_typer(features, name="features")
app.add_typer(images, name="images")
app.add_typer(models, name="models")
app.add_typer(statistics, name="statistics")


@app.command()
def openapi() -> None:
    """Print the description of the HTTP API."""
    from atelier.app import create_app

    print_json(create_app(Settings()).openapi())
