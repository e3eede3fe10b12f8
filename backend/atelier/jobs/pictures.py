"""Pictures that people send for style transfer: kept whole and upright, named by their pixels."""

import hashlib
import re
from pathlib import Path

import numpy as np
from PIL import Image

from atelier.datasets.pictures import Unreadable, open_picture
from atelier.errors import Invalid
from atelier.registry.store import Store
from atelier.serving.images import encode, keep, path_of
from atelier.styletransfer.gallery import draw, styles
from atelier.styletransfer.pictures import LARGEST

IDENTITY = re.compile(r"[0-9a-f]{32}")
GALLERY_SIZE = 1024  # pixels of a built-in style


def take_in(store: Store, path: Path, *, pointer: str = "/file", name: str = "") -> str:
    """Keep the picture in the file, reduced to what style transfer draws at most; its id, by which it is asked for from then on.

    Raises:
        Invalid: it can't be read; the message says why.
    """
    try:
        image = open_picture(path)
    except Unreadable as error:
        raise Invalid.at(pointer, f"{name or 'the picture'}: {error}") from error
    if max(image.size) > LARGEST:
        image.thumbnail((LARGEST, LARGEST), Image.Resampling.LANCZOS)
    pixels = np.asarray(image)
    identity = hashlib.sha256(f"{pixels.shape}".encode() + pixels.tobytes()).hexdigest()[:32]
    target = path_of(store.pictures, identity)
    if not target.exists():
        keep(target, encode(image, {}))
    return identity


def find_picture(store: Store, reference: str) -> Path | None:
    """The file of a picture that was sent or drawn; None where there is none of this id."""
    if not IDENTITY.fullmatch(reference):
        return None
    return next((path for folder in (store.pictures, store.images) if (path := path_of(folder, reference)).exists()), None)


def gallery_picture(store: Store, name: str, size: int = GALLERY_SIZE) -> Path:
    """The file of a built-in style, drawn when it is first asked for.

    Raises:
        ValueError: there is no such style.
    """
    path = store.pictures / "gallery" / f"{name}-{size}.png"
    if name not in styles or not path.exists():
        image = Image.fromarray(draw(name, size))
        keep(path, encode(image, {"style": name, "licence": styles[name].licence}))
    return path


def check_picture(store: Store, reference: str, pointer: str, *, builtin: bool) -> None:
    """
    Raises:
        Invalid: there is no such picture.
    """
    if find_picture(store, reference) is not None or (builtin and reference in styles):
        return
    raise Invalid.at(
        pointer,
        f"There is no picture {reference!r}: send it first, or give the id of one that was drawn"
        + (f", or one of the built-in styles {', '.join(styles)}." if builtin else "."),
    )
