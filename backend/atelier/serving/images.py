"""Pictures as files: PNG with its parameters inside, grids, and the folder of drawn images, each named by what it shows."""

import hashlib
import io
import json
import math
from collections.abc import Sequence
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any

from PIL import Image
from PIL.PngImagePlugin import PngInfo

GAP = 2  # pixels between the images of a grid


def encode(image: Image.Image, parameters: dict[str, Any]) -> bytes:
    """A PNG that carries how it was made, as JSON in the text chunk `parameters`."""
    info = PngInfo()
    info.add_text("parameters", json.dumps(parameters))
    png = io.BytesIO()
    image.save(png, "PNG", pnginfo=info)
    return png.getvalue()


def grid(images: Sequence[Image.Image]) -> Image.Image:
    """Images of one size in rows, about as many as there are columns."""
    columns = math.ceil(math.sqrt(len(images)))
    width, height = images[0].width + GAP, images[0].height + GAP
    size = columns * width - GAP, math.ceil(len(images) / columns) * height - GAP
    sheet = Image.new(images[0].mode, size, "white")
    for index, image in enumerate(images):
        sheet.paste(image, (index % columns * width, index // columns * height))
    return sheet


def image_id(digest: str, parameters: dict[str, Any]) -> str:
    """What names an image: the weights it is drawn with and all that decides it beside them."""
    return hashlib.sha256(json.dumps([digest, parameters], sort_keys=True).encode()).hexdigest()[:32]


def path_of(folder: Path, image: str) -> Path:
    return folder / image[:2] / f"{image}.png"


def keep(path: Path, png: bytes) -> None:
    """Write an image whole: who finds the file finds all of it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with NamedTemporaryFile(dir=path.parent, suffix=".part", delete=False) as file:
        file.write(png)
    whole = Path(file.name)
    whole.chmod(0o644)  # a temporary file is its owner's alone
    whole.replace(path)
