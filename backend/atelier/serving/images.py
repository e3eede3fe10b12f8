"""Pictures as files: PNG, WebP or JPEG with their parameters inside, grids, zips, and the folder of images, each named by its content."""

import hashlib
import io
import json
import math
import os
import secrets
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

from PIL import Image
from PIL.PngImagePlugin import PngInfo

Format = Literal["png", "webp", "jpeg"]
MEDIA_TYPES: dict[Format, str] = {"png": "image/png", "webp": "image/webp", "jpeg": "image/jpeg"}

GAP = 2  # pixels between the images of a grid
BY_GRAPH = {"runtime": "onnx"}  # beside what decides an image, where ONNX Runtime drew it: its bits are others than torch's
QUALITY = 90  # of WebP and JPEG, of 100
EXIF, USER_COMMENT = 0x8769, 0x9286  # the directory and the tag in it (Exif 3.0, table 8)
ASCII = b"ASCII\0\0\0"  # how a user comment says what it is written in
MOST_TOLD = 1 << 20  # characters that are looked at, whoever wrote them
MOST_EXIF = 60_000  # bytes; a JPEG's segment has no room for more than 64 KiB


def encode(image: Image.Image, parameters: dict[str, Any], format: Format = "png") -> bytes:
    """A picture that carries how it was made, as JSON: in a PNG's text chunk `parameters`, or as Exif's UserComment.

    Of WebP and JPEG, parameters of more than 60 kB (dozens of long prompts in one grid) are left out.
    """
    told, file = json.dumps(parameters), io.BytesIO()
    if format == "png":
        info = PngInfo()
        info.add_text("parameters", told)
        image.save(file, "PNG", pnginfo=info, compress_level=1)  # a third of the time of 6, for a twentieth more bytes
    else:
        image.save(file, format.upper(), quality=QUALITY, exif=exif_of(told))
    return file.getvalue()


def exif_of(told: str) -> Image.Exif:
    """Exif data whose UserComment is a text in ASCII; none where that is too long."""
    exif = Image.Exif()
    if len(told) <= MOST_EXIF:
        exif.get_ifd(EXIF)[USER_COMMENT] = ASCII + told.encode("ascii")
    return exif


def read_parameters(image: Image.Image) -> dict[str, Any] | None:
    """What `encode` wrote into an opened picture, whose pixels stay undecoded; None where there is nothing of the kind."""
    told: Any = image.info.get("parameters")
    if told is None:
        comment = image.getexif().get_ifd(EXIF).get(USER_COMMENT, b"")
        told = comment.removeprefix(ASCII) if isinstance(comment, bytes) and comment.startswith(ASCII) else b""
    try:
        parameters = json.loads(told) if len(told) <= MOST_TOLD else None
        json.dumps(parameters, ensure_ascii=False, allow_nan=False).encode()  # what can't be told to others either is not told at all
    except (ValueError, TypeError, RecursionError):
        return None
    return parameters if isinstance(parameters, dict) else None


def transcode(png: bytes, format: Format) -> bytes:
    """The same picture, with the same parameters, in another format."""
    if format == "png":
        return png
    with Image.open(io.BytesIO(png)) as image:
        return encode(image, read_parameters(image) or {}, format)


def grid(images: Sequence[Image.Image]) -> Image.Image:
    """Images of one size in rows, about as many as there are columns."""
    columns = math.ceil(math.sqrt(len(images)))
    width, height = images[0].width + GAP, images[0].height + GAP
    size = columns * width - GAP, math.ceil(len(images) / columns) * height - GAP
    sheet = Image.new(images[0].mode, size, "white")
    for index, image in enumerate(images):
        sheet.paste(image, (index % columns * width, index // columns * height))
    return sheet


def sheet(pngs: Sequence[bytes], format: Format = "png") -> bytes:
    """One picture of PNGs that `encode` wrote: the one there is, or a grid that carries the parameters of all.

    Those that all of them share stand once, beside a list of `seeds`; where more than the seeds differ, `items` lists them all.

    Raises:
        ValueError: the pictures differ in size.
    """
    if len(pngs) == 1:
        return transcode(pngs[0], format)
    images = [Image.open(io.BytesIO(png)) for png in pngs]
    if len({(image.size, image.mode) for image in images}) > 1:
        raise ValueError("pictures of different sizes, or grey ones and coloured ones, make no grid")
    items = [read_parameters(image) or {} for image in images]
    shared = [{name: value for name, value in item.items() if name != "seed"} for item in items]
    alike = all(item == shared[0] for item in shared) and all("seed" in item for item in items)
    parameters = {**shared[0], "seeds": [item["seed"] for item in items]} if alike else {"items": items}
    return encode(grid(images), parameters, format)


def archive(pngs: Sequence[bytes], format: Format = "png") -> bytes:
    """A zip of PNGs that `encode` wrote, each a file of its own with its parameters; the same pictures give the same bytes."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as packed:  # stored: pictures don't get smaller
        for index, png in enumerate(pngs):
            with Image.open(io.BytesIO(png)) as image:
                told = read_parameters(image) or {}
            words = [f"{index:02}", *(str(told[name]) for name in ("model", "seed") if name in told)]
            packed.writestr(zipfile.ZipInfo(f"{'-'.join(words)}.{format}"), transcode(png, format))
    return file.getvalue()


def image_id(digest: str, parameters: dict[str, Any]) -> str:
    """What names an image: the weights it is drawn with and all that decides it beside them."""
    return hashlib.sha256(json.dumps([digest, parameters], sort_keys=True).encode()).hexdigest()[:32]


def file_of(folder: str, image: str) -> str:
    """Where an image is kept; no Path, because the server looks for each that it draws, and those are slow to put together."""
    return os.path.join(folder, image[:2], f"{image}.png")  # noqa: PTH118


def path_of(folder: Path, image: str) -> Path:
    return Path(file_of(str(folder), image))


def keep(file: str | Path, png: bytes) -> None:
    """Write an image whole: who finds the file finds all of it. Again no Path: this is done before whoever asked has an answer."""
    part = f"{file}-{secrets.token_hex(8)}.part"
    try:
        _write(part, png)
    except FileNotFoundError:  # the first image of its folder
        Path(file).parent.mkdir(parents=True, exist_ok=True)
        _write(part, png)
    os.replace(part, file)  # noqa: PTH105


def _write(file: str, content: bytes) -> None:
    with open(file, "xb") as to:  # noqa: PTH123
        to.write(content)
