"""Pictures as people have them, made into what networks learn from: any mode, turned upright, cut square, reduced."""

import io
import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray
from PIL import ExifTags, Image, ImageCms, UnidentifiedImageError

MAX_PIXELS = 80_000_000  # a picture takes four bytes a pixel while it is open, and several are at once
MIN_SIDE = 8  # pixels
MAX_ASPECT = 16  # longer to shorter side: the square in the middle would be next to nothing of it
BOX_REACH = 0.75  # half the side of a box's crop, in longer sides of the box: StackGAN's, in which the bird fills two thirds

# Formats by what a file begins with. Pillow has more: some run other programs (EPS), some are no pictures.
FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", "MPO", "AVIF", "PPM", "JPEG2000", "ICO", "PSD", "DDS", "QOI")
BY_SUFFIX = {".tga": "TGA", ".pcx": "PCX", ".sgi": "SGI", ".dib": "DIB"}  # whose beginning could be that of anything
UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


class Unreadable(ValueError):
    """A picture that can't be used; the message is for the user and says why."""


def open_picture(path: Path) -> Image.Image:
    """The picture, wholly decoded and upright, in mode "L" (grey) or "RGB" (sRGB).

    What is transparent becomes white; of an animation it is the first frame.

    Raises:
        Unreadable: it is no picture, is damaged, or has a size that nothing can be learnt from.
    """
    image, _, orientation = _open(path, None)
    return _upright(image, orientation)


def draw_square(path: Path, resolution: int, box: tuple[float, float, float, float] | None = None) -> NDArray[np.uint8]:
    """The picture's square, [resolution, resolution, 1 or 3]: open_picture, crop_square and resize in one.

    A large JPEG is decoded at a half, a quarter or an eighth where that leaves twice the pixels that are asked for: several times faster.
    """
    image, (width, height), orientation = _open(path, (resolution, box))
    left, top, side = _square((height, width) if orientation >= 5 else (width, height), box)  # as one looks at it
    if orientation >= 5:
        left, top = top, left
    if orientation in (2, 3, 7, 8):
        left = width - left - side
    if orientation in (3, 4, 6, 7):
        top = height - top - side
    factor = round(max(width, height) / max(image.size))
    square = _resized(image, resolution, (left / factor, top / factor, (left + side) / factor, (top + side) / factor))
    return _pixels(_upright(square, orientation))


def crop_square(image: Image.Image, box: tuple[float, float, float, float] | None = None) -> Image.Image:
    """The largest square in the middle; or the square around a box (left, top, width, height).

    H. Zhang et al.: StackGAN, section 4.1. There, a crop that leaves the picture is cut off and squeezed into a square;
    here it is moved inside, and reduced only if it is larger than the picture.
    """
    left, top, side = _square(image.size, box)
    return image.crop((left, top, left + side, top + side))


def resize(image: Image.Image, resolution: int) -> NDArray[np.uint8]:
    """As uint8 [resolution, resolution, 1 or 3], antialiased."""
    return _pixels(_resized(image, resolution, (0, 0, *image.size)))


def _square(size: tuple[int, int], box: tuple[float, float, float, float] | None) -> tuple[int, int, int]:
    """Left, top and side."""
    width, height = size
    side, centre_x, centre_y = min(width, height), width / 2, height / 2
    if box is not None and min(box[2:]) > 0:
        side = max(1, min(side, 2 * int(max(box[2:]) * BOX_REACH)))
        centre_x, centre_y = box[0] + box[2] / 2, box[1] + box[3] / 2
    left = min(max(int(centre_x - side / 2), 0), width - side)
    top = min(max(int(centre_y - side / 2), 0), height - side)
    return left, top, side


def _resized(image: Image.Image, resolution: int, box: tuple[float, float, float, float]) -> Image.Image:
    smaller = resolution < box[2] - box[0]
    resample = Image.Resampling.LANCZOS if smaller else Image.Resampling.BICUBIC  # Lanczos rings where it enlarges
    return image.resize((resolution, resolution), resample, box, reducing_gap=3.0 if smaller else None)


def _pixels(image: Image.Image) -> NDArray[np.uint8]:
    pixels = np.asarray(image)
    return pixels if pixels.ndim == 3 else pixels[:, :, np.newaxis]


Wanted = tuple[int, tuple[float, float, float, float] | None]  # the resolution, and the box of the square


def _open(path: Path, wanted: Wanted | None) -> tuple[Image.Image, tuple[int, int], int]:
    """The picture as it is stored; its full size, as it may be reduced for what is wanted of it; and its orientation."""
    with examine(path) as image:
        size = image.size
        if wanted is not None and image.format in ("JPEG", "MPO"):
            side = _square(size, wanted[1])[2]
            factor = next((factor for factor in (8, 4, 2) if side >= 2 * factor * wanted[0]), 1)
            image.draft(None, (size[0] // factor, size[1] // factor))
            image.load()
        else:
            image.load()
            size = image.size  # TIFF is turned as it is loaded
        return _plain(image), size, _orientation(image)


@contextmanager
def examine(path: Path) -> Iterator[Image.Image]:
    """The picture with its pixels still undecoded, for as long as the block lasts; what goes wrong with it there is told as here.

    Raises:
        Unreadable: as `open_picture`.
    """
    _ignore_warnings_of_pillow()
    try:
        with path.open("rb") as file:
            try:
                image = Image.open(file, formats=_formats(path.suffix.lower()))
                _check_size(*image.size)
                yield image
            except Image.DecompressionBombError as error:
                raise Unreadable(_too_large()) from error
            except UnidentifiedImageError as error:
                raise Unreadable(_what_it_is(file)) from error
    except Unreadable:
        raise
    except FileNotFoundError as error:
        raise Unreadable("the file is not there") from error
    except PermissionError as error:
        raise Unreadable("the file may not be read: permission denied") from error
    except MemoryError as error:
        raise Unreadable("there is not enough memory to decode it") from error
    except Exception as error:  # decoders raise whatever comes up: SyntaxError, struct.error, EOFError, zlib.error …
        truncated = re.search(r"truncated|unexpected end|not enough|premature", str(error), re.IGNORECASE)
        raise Unreadable(
            "the file is truncated" if truncated or isinstance(error, EOFError) else f"the file is damaged: {error}"
        ) from error


# Pillow warns of much that is harmless here (odd EXIF, palettes), and of sizes that are checked here. The filters of warnings belong
# to the process, so nothing is put in place and taken away around each picture, which several threads open at once.
_QUIET = ("ignore", None, Warning, re.compile(r"PIL\."), 0)


def _ignore_warnings_of_pillow() -> None:
    if _QUIET not in warnings.filters:
        warnings.filterwarnings("ignore", module=r"PIL\.")


@cache
def _formats(suffix: str) -> list[str]:
    Image.init()
    return [name for name in (*FORMATS, BY_SUFFIX.get(suffix, "")) if name in Image.OPEN]


def _too_large() -> str:
    return f"it has more than {MAX_PIXELS // 1_000_000} million pixels"


def _check_size(width: int, height: int) -> None:
    if width * height > MAX_PIXELS:
        raise Unreadable(f"{width} x {height} pixels: {_too_large()}")
    if min(width, height) < MIN_SIDE:
        raise Unreadable(f"{width} x {height} pixels: a side is shorter than {MIN_SIDE}")
    if max(width, height) > MAX_ASPECT * min(width, height):
        raise Unreadable(f"{width} x {height} pixels: one side is more than {MAX_ASPECT} times the other")


def _what_it_is(file: IO[bytes]) -> str:
    """Why Pillow does not know the file."""
    file.seek(0)
    head = file.read(512)
    if not head:
        return "the file is empty"
    if not head.strip(b"\0"):
        return "the file holds nothing but zeros"
    if head[4:8] == b"ftyp" and head[8:12] in (b"heic", b"heix", b"hevc", b"heim", b"heis", b"mif1", b"msf1"):
        return "HEIC pictures can't be read: convert it to JPEG or PNG"
    if b"<svg" in head.lower():
        return "SVG drawings have no pixels: export it as PNG"
    if head.startswith((b"\xff\x0a", b"\0\0\0\x0cJXL ")):
        return "JPEG XL pictures can't be read: convert it to JPEG or PNG"
    if head.startswith((b"\xff\xd8\xff", b"\x89PNG", b"GIF8", b"RIFF", b"BM", b"II*\0", b"MM\0*")):
        return "the file is damaged: what it begins with makes no sense"
    return "not a picture, but text" if b"\0" not in head and _is_text(head) else "not a picture of a kind that can be read"


def _is_text(head: bytes) -> bool:
    try:
        head.decode()
    except UnicodeDecodeError as error:
        return error.start > len(head) - 4  # a character cut at the end
    return True


def _plain(image: Image.Image) -> Image.Image:
    """In mode "L" or "RGB"."""
    profile = image.info.get("icc_profile")
    if image.mode in ("I", "F") or image.mode.startswith("I;16"):
        return _eight_bits(image)
    if image.mode == "LAB":
        return _to_srgb(image, ImageCms.createProfile("LAB"))
    if image.mode == "CMYK" and profile:
        return _with_profile(image, profile)
    if image.mode == "1":
        image = image.convert("L")
    if image.has_transparency_data:
        image = _over_white(image.convert("LA" if image.mode in ("L", "LA", "La") else "RGBA"))
    if image.mode == "L":
        return image
    return _with_profile(image, profile) if profile and image.mode == "RGB" else image.convert("RGB")


def _eight_bits(image: Image.Image) -> Image.Image:
    """Of 16 bits the upper ones; numbers that are neither 16 bits nor from 0 to 1 are stretched from their smallest to their largest."""
    pixels = np.nan_to_num(np.asarray(image).astype(np.float32), posinf=0.0, neginf=0.0)
    low, high = (0.0, 1.0) if image.mode == "F" else (0.0, 65535.0)
    if pixels.min() < low or pixels.max() > high:
        low, high = float(pixels.min()), float(pixels.max())
    return Image.fromarray(((pixels - low) * (255 / (high - low))).round().astype(np.uint8))


def _over_white(image: Image.Image) -> Image.Image:
    mode = image.mode.removesuffix("A")
    white = Image.new(mode, image.size, "white")
    white.paste(image.convert(mode), mask=image.getchannel("A"))
    white.info = {key: value for key, value in image.info.items() if key == "icc_profile"}
    return white


def _with_profile(image: Image.Image, profile: bytes) -> Image.Image:
    """Colours as the embedded profile means them; as they stand where it can't be used."""
    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        if "sRGB" in (source.profile.profile_description or ""):
            return image.convert("RGB")
        return _to_srgb(image, source)
    except (OSError, ImageCms.PyCMSError, ValueError):
        return image.convert("RGB")


def _to_srgb(image: Image.Image, source: Any) -> Image.Image:
    converted = ImageCms.profileToProfile(image, source, ImageCms.createProfile("sRGB"), outputMode="RGB")
    assert converted is not None  # None: inPlace
    return converted


def _orientation(image: Image.Image) -> int:
    try:
        return int(image.getexif().get(ExifTags.Base.Orientation, 1))
    except Exception:  # as with the pixels, but here a damage does not matter
        return 1


def _upright(image: Image.Image, orientation: int) -> Image.Image:
    return image.transpose(UPRIGHT[orientation]) if orientation in UPRIGHT else image
