"""`atelier export`."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from atelier.cli.common import say
from atelier.settings import Settings


class ExportFormat(StrEnum):
    zip = "zip"
    safetensors = "safetensors"
    onnx = "onnx"


def export(
    model: Annotated[str, typer.Argument(metavar="MODEL[@N]", help="A model, and which of its versions; the latest without @N.")],
    format: Annotated[
        ExportFormat, typer.Option(help="All files of the version, its generator's weights, or its generator as an ONNX graph.")
    ] = ExportFormat.onnx,
    out: Annotated[Path | None, typer.Option(help="The file to write. [default: MODEL-vN and the format]")] = None,
) -> None:
    """Write a published version into a file, with no server."""
    import shutil

    from atelier.cli.drawing import published_version
    from atelier.models.artifact import WEIGHTS
    from atelier.registry.packing import zipped
    from atelier.registry.store import Store
    from atelier.serving.graphs import make

    version = published_version(model)
    name = f"{version.model.name}-v{version.number}"
    folder = Store(Settings().store_dir).version(version.model.name, version.number)
    out = out or Path(f"{name}.{format.value}")
    out.parent.mkdir(parents=True, exist_ok=True)
    with say.status(f"Exporting {version.model.name}@{version.number} …"):
        if format is ExportFormat.onnx:
            make(folder, out.resolve())
        elif format is ExportFormat.safetensors:
            shutil.copyfile(folder / WEIGHTS, out)
        else:
            with out.open("wb") as file:
                file.writelines(zipped((f"{name}/{path.name}", path) for path in sorted(folder.iterdir())))
    print(out)
