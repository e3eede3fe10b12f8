"""Colours by their names: what of them is in a picture, and pictures and captions in others."""

import re
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

HUES = {"red": 15, "orange": 46, "yellow": 66, "green": 165, "blue": 250, "purple": 310, "pink": 342}  # degrees that each ends at
VIVID = 0.25  # the least difference of a coloured pixel's channels
MOSTLY = 0.6  # of what is coloured, that one colour must have for the picture to be called by it

_MIDDLES = {name: (start + end) / 2 for start, (name, end) in zip([342 - 360, *HUES.values()], HUES.items(), strict=False)}
_SAID = re.compile(rf"\b(?:(an?) )?({'|'.join(HUES)})\b")


def colours(picture: NDArray[Any]) -> dict[str, float]:
    """How much there is of each colour in [H, W, 3] of 0 to 255, by its name; nothing where little is coloured."""
    hues, saturations, brightest = np.asarray(Image.fromarray(picture.astype(np.uint8)).convert("HSV"), np.float64).reshape(-1, 3).T / 255
    chroma = saturations * brightest
    vivid = chroma > VIVID
    if vivid.mean() < 0.02:
        return {}
    names = np.array([*HUES, "red"])[np.searchsorted(list(HUES.values()), 360 * hues[vivid], side="right")]
    names[(names == "orange") & (brightest[vivid] < 0.72)] = "brown"
    names[(names == "red") & (saturations[vivid] < 0.45)] = "pink"
    return {name: float(chroma[vivid][names == name].sum()) for name in np.unique(names).tolist()}


def prevailing(picture: NDArray[Any]) -> str | None:
    """The colour that most of what is coloured has; None where there is little or no one prevails."""
    amounts = colours(picture)
    most = max(amounts, key=amounts.__getitem__, default="")
    return most if amounts and amounts[most] >= MOSTLY * sum(amounts.values()) else None


def recoloured(picture: NDArray[np.uint8], captions: Sequence[str], lot: float) -> tuple[NDArray[np.uint8], str] | None:
    """A picture [H, W, 3] in another hue, and a caption that says so: "a red apple" → "an orange apple", in orange.

    Args:
        captions: what is said of the picture; of those that say one hue alone, and rightly, one is taken.
        lot: from 0 to 1, by which it and the new hue are chosen.

    Returns:
        None where there is no such caption, or where the picture turned by that much would not be called by the new hue.
    """
    is_so = prevailing(picture)
    fitting = [caption for caption in captions if [name for _, name in _SAID.findall(caption)] == [is_so]]
    if is_so is None or not fitting:
        return None
    choice = int(lot * len(fitting) * (len(HUES) - 1))
    others = [name for name in HUES if name != is_so]
    caption, hue = fitting[choice // len(others)], others[choice % len(others)]
    turned = _turned(picture, _MIDDLES[hue] - _MIDDLES[is_so])
    return (turned, _SAID.sub(lambda said: f"{_article(said[1], hue)}{hue}", caption)) if prevailing(turned) == hue else None


def _turned(picture: NDArray[np.uint8], degrees: float) -> NDArray[np.uint8]:
    """All hues turned; what has none stays."""
    planes = np.array(Image.fromarray(picture).convert("HSV"))
    planes[..., 0] = (planes[..., 0].astype(np.float64) + degrees * 256 / 360).round() % 256
    return np.asarray(Image.fromarray(planes, "HSV").convert("RGB"))


def _article(was: str | None, word: str) -> str:
    if was is None:
        return ""
    return "an " if word[0] in "aeiou" else "a "
