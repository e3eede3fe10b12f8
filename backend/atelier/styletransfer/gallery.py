"""Pictures to take a style from, painted here: texture at several scales, few colours, filled to the edge, and nobody's but ours.

Lengths are parts of the picture's side, and random numbers don't depend on its size: 128 pixels show the same strokes as 1024.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from PIL import Image, ImageDraw
from scipy.ndimage import gaussian_filter
from scipy.spatial import cKDTree
from scipy.special import ndtr

CANVAS = 512  # pixels that a side is painted in at least, and twice as many as are asked for: reducing smooths the edges

Rng = np.random.Generator
Floats = NDArray[np.floating[Any]]  # fields are [side, side], colours [..., 3] in [0, 1]
Ids = NDArray[np.int32]  # [side, side]: which stroke was laid there last, counted from 1; 0 is bare
Painter = Callable[[Rng, int], Floats]


@dataclass(frozen=True)
class StylePicture:
    """A style of the gallery."""

    name: str
    title: str
    description: str  # one sentence
    seed: int
    paint: Painter
    licence: str = "MIT (drawn by Atelier)"


styles: dict[str, StylePicture] = {}


def style(name: str, title: str, *, seed: int) -> Callable[[Painter], Painter]:
    """Register what paints [side, side, 3]; its docstring is the description."""

    def register(paint: Painter) -> Painter:
        styles[name] = StylePicture(name, title, paint.__doc__ or "", seed, paint)
        return paint

    return register


def draw(name: str, size: int = 512) -> NDArray[np.uint8]:
    """The style's picture [size, size, 3], the same each time.

    Raises:
        ValueError: there is no such style.
    """
    if name not in styles:
        raise ValueError(f"there is no style {name!r}; there are {', '.join(styles)}")
    times = max(2, -(-CANVAS // size))
    painted = styles[name].paint(np.random.Generator(np.random.PCG64(styles[name].seed)), size * times)
    return np.array(Image.fromarray((painted.clip(0, 1) * 255).round().astype(np.uint8)).reduce(times))


# ------------------------------------------------------------------------------------------------------------------------- materials


def _colours(codes: str) -> Floats:
    """[n, 3] of hexadecimal codes."""
    return (np.frombuffer(bytes.fromhex(codes), np.uint8).reshape(-1, 3) / 255).astype(np.float32)


def _ramp(codes: str, values: Floats) -> Floats:
    """From the first colour at 0 to the last at 1."""
    table = _colours(codes)
    return np.stack([np.interp(values, np.linspace(0, 1, len(table)), channel) for channel in table.T], axis=-1).astype(np.float32)


def _clouds(rng: Rng, side: int, cells: int, octaves: int = 3, *, tall: int = 1) -> Floats:
    """Smooth noise of mean 0 and deviation 1, whose largest lumps are one in `cells` wide and `tall` times as high."""
    total = np.zeros((side, side), np.float32)
    for octave in range(octaves):
        grid = rng.standard_normal((cells * 2**octave // tall, cells * 2**octave), dtype=np.float32)
        total += np.asarray(Image.fromarray(grid).resize((side, side), Image.Resampling.BICUBIC)) * 0.5**octave
    even: Floats = (total - total.mean()) / total.std()
    return even


def _plane(side: int) -> tuple[Floats, Floats]:
    """x [1, side] and y [side, 1] of the pixels' centres."""
    axis = (np.arange(side, dtype=np.float32) + 0.5) / side
    return axis[None, :], axis[:, None]


def _at(field: Floats, points: Floats) -> Floats:
    """Values of a field, or rows of a picture, below points [..., 2] (x, y)."""
    column, row = np.moveaxis((points * len(field)).astype(int).clip(0, len(field) - 1), -1, 0)
    values: Floats = field[row, column]
    return values


def _spread(rng: Rng, count: int, margin: float = 0.05) -> Floats:
    """Points [count, 2] all over the picture and its margin, more evenly than by chance: each is the loneliest of four."""
    points = rng.uniform(-margin, 1 + margin, (count, 2))
    for _ in range(3):
        others = rng.uniform(-margin, 1 + margin, (count, 2))
        alone, crowded = (cKDTree(points).query(some, 2)[0][:, 1] for some in (others, points))
        points = np.where((alone > crowded)[:, None], others, points)
    return points.astype(np.float32)


def _lit(picture: Floats, height: Floats, depth: float) -> Floats:
    """Paint of that height in a light from the upper left; heights of 1 over a hundredth of the side are steep."""
    down, right = np.gradient(height)
    return picture * (1 + depth * (len(height) / 100) * (down + right).clip(-0.5, 0.5))[..., None]


def _lines(side: int, paths: Floats, widths: Floats) -> Ids:
    """Lines [n, k, 2] of widths [n], the later ones over the earlier ones."""
    ids = Image.new("I", (side, side))
    pen = ImageDraw.Draw(ids)
    pixels = (widths * side).round().astype(int).clip(1).tolist()
    for number, (path, width) in enumerate(zip((paths * side).reshape(len(paths), -1).tolist(), pixels, strict=True), start=1):
        pen.line(path, number, width)
    return np.asarray(ids)


def _patches(side: int, outlines: Sequence[Floats]) -> Ids:
    """Filled outlines [k, 2], the later ones over the earlier ones."""
    ids = Image.new("I", (side, side))
    pen = ImageDraw.Draw(ids)
    for number, outline in enumerate(outlines, start=1):
        pen.polygon((outline * side).ravel().tolist(), number)
    return np.asarray(ids)


def _discs(centres: Floats, radii: ArrayLike, corners: int) -> Floats:
    """Outlines [n, corners, 2]."""
    turn = np.arange(corners) * 2 * np.pi / corners
    corner = np.stack((np.cos(turn), np.sin(turn)), axis=1)
    outlines: Floats = centres[:, None] + np.broadcast_to(radii, len(centres))[:, None, None] * corner
    return outlines


def _cells(points: Floats, x: Floats, y: Floats) -> tuple[NDArray[np.intp], Floats]:
    """Which point is nearest to each place of the plane, and how far off is the border to the cell of another."""
    distance, index = cKDTree(points).query(np.stack(np.broadcast_arrays(x, y), axis=-1), 2)
    apart = np.linalg.norm(points[index[..., 0]] - points[index[..., 1]], axis=-1)
    return index[..., 0], ((distance[..., 1] ** 2 - distance[..., 0] ** 2) / (2 * apart)).astype(np.float32)


# ---------------------------------------------------------------------------------------------------------------------------- styles


@style("impasto", "Swirling impasto", seed=4)
def _impasto(rng: Rng, side: int) -> Floats:
    """Thick strokes of oil that whirl around yellow lights in a blue night."""
    x, y = _plane(side)
    stream, glow = 0.10 * _clouds(rng, side, 3, 2), np.zeros((side, side), np.float32)
    for (cx, cy), radius in zip(_spread(rng, 9, 0).tolist(), rng.uniform(0.07, 0.16, 9).tolist(), strict=True):
        r = np.hypot(x - cx, y - cy) / radius
        stream += float(rng.choice((-1, 1))) * radius * 2.2 * np.exp(-(r**2) / 2)
        glow = np.maximum(glow, np.exp(-(r**1.5)) * (0.86 + 0.14 * np.cos(r * 7)))
    down, right = np.gradient(stream)
    tone = 0.52 * ndtr(_clouds(rng, side, 4, 3)) + 0.9 * glow

    count, hairs = 3600, 9
    points, angles = [rng.uniform(-0.06, 1.03, (count, 2))], np.arctan2(right, -down)  # along the stream, not across
    for _ in range(11):
        angle = _at(angles, points[-1])
        points.append(points[-1] + np.stack((np.cos(angle), np.sin(angle)), axis=1) * 0.0077)
    paths = np.stack(points, axis=1)
    ahead = np.gradient(paths, axis=1)
    across = np.stack((-ahead[..., 1], ahead[..., 0]), axis=-1) / np.linalg.norm(ahead, axis=-1, keepdims=True).clip(1e-9)
    width, place = np.linspace(0.026, 0.011, count) * rng.uniform(0.7, 1.2, count), np.linspace(-1, 1, hairs)
    spread = np.sin(np.linspace(0.55, np.pi - 0.3, 12))  # a brush is pressed down and lifted again
    offset = width[:, None, None] / 2 * place[:, None] * spread + rng.normal(0, 0.0006, (count, hairs, 1))
    lines = (paths[:, None] + across[:, None] * offset[..., None]).reshape(-1, 12, 2)
    first, last = rng.integers(0, 3, len(lines)), rng.integers(9, 12, len(lines))  # ragged ends
    lines = lines[np.arange(len(lines))[:, None], np.arange(12).clip(first[:, None], last[:, None])]
    ids = _lines(side, lines, (width / hairs * 1.5).repeat(hairs))

    tones = (_at(tone, paths[:, 5]) + rng.normal(0, 0.09, count)).repeat(hairs) + rng.normal(0, 0.035, len(lines))
    night = "0a1233 14276b 1f4aa3 2f74c0 5fa3cf 9cc7c4 d8d58a f2c230 f6d95c fbf0b4"
    colours = _ramp(night, tones) * rng.normal(1, 0.05, (len(lines), 1))
    odd = (rng.random(count) < 0.05).repeat(hairs)
    colours[odd] = colours[odd] * 0.4 + 0.6 * _colours("d9772b 3f8f7a")[rng.integers(2, size=count).repeat(hairs)[odd]]
    heights = rng.uniform(0.4, 1, count).repeat(hairs) + 0.25 * np.tile(place**2, count) + rng.normal(0, 0.17, len(lines))
    height = gaussian_filter(np.append(0.3, heights)[ids].astype(np.float32), side / 1100)
    painted = np.where(ids[..., None] > 0, np.vstack((colours[:1], colours))[ids], _ramp(night, tone - 0.05))
    return _lit(painted, height, 0.11)


@style("pointillism", "Pointillism", seed=2)
def _pointillism(rng: Rng, side: int) -> Floats:
    """Dots of pure colour, side by side, that mix only in the eye: a sunlit meadow of orange, green and violet."""
    light, hue, lean = ndtr(_clouds(rng, side, 4, 2) * 1.3), ndtr(_clouds(rng, side, 4, 2)), _clouds(rng, side, 3, 1)
    count = 21_000
    centres = rng.uniform(-0.01, 1.01, (count, 2))
    radii = np.linspace(0.0115, 0.0058, count) * rng.uniform(0.8, 1.2, count)
    dabs = _discs(np.zeros((count, 2)), radii, 10) * (1.18, 0.84)
    angle = _at(lean, centres) + rng.normal(0, 0.4, count)
    cos, sin = np.cos(angle)[:, None], np.sin(angle)[:, None]
    dabs = np.stack((dabs[..., 0] * cos - dabs[..., 1] * sin, dabs[..., 0] * sin + dabs[..., 1] * cos), axis=-1) + centres[:, None]
    ids = _patches(side, list(dabs))
    place = _at(hue, centres) + rng.normal(0, 0.07, count)
    place = np.where(rng.random(count) < 0.2, place + 0.5, place) % 1  # a fifth is of the complementary colour
    bright = _ramp("ffe064 fba43a f2664a f29bb8 f8ead0 c4e06a 62c98a 7fd6ea ffe064", place)
    dark = _ramp("d9862a b53a2a 8a2a6a 4b2f96 24409f 1a5f9a 1a7560 4a8a30 d9862a", place)
    colours = dark + (bright - dark) * (_at(light, centres) + rng.normal(0, 0.18, count)).clip(0, 1)[:, None]
    height = gaussian_filter((ids % 7 / 7).astype(np.float32), side / 900)
    return _lit(np.vstack((_colours("e9dcc0"), colours))[ids], height, 0.07)


@style("stained-glass", "Stained glass", seed=6)
def _stained_glass(rng: Rng, side: int) -> Floats:
    """Glowing panes of ruby, cobalt, emerald and gold in dark leads."""
    x, y = _plane(side)
    bend = 0.012 * _clouds(rng, side, 5, 1)
    points = _spread(rng, 210)
    pane, border = _cells(points, x + bend, y - bend)
    hue = ndtr(_clouds(rng, 256, 3, 1))
    chosen = (_at(hue, points) * 7 + rng.normal(0, 0.9, len(points))).round().astype(int) % 8
    table = _colours("b3122b e2462a f0a31e f7d35a 1f8f4f 0f7f92 1b4fc4 5a2aa0")[chosen] * rng.uniform(0.75, 1.12, (len(points), 1))
    streaks = _clouds(rng, side, 64, 3, tall=8)
    streaks = np.where(rng.random(len(points))[pane] < 0.5, streaks, streaks.T)
    away = np.hypot(x - points[pane][..., 0] + bend, y - points[pane][..., 1] - bend)
    glow = 0.62 + 0.55 * np.exp(-((away / 0.045) ** 2)) + 0.12 * streaks + 0.12 * _clouds(rng, side, 9, 4)
    glass = table[pane] * glow[..., None] + ((glow - 0.95).clip(0, 1) * 0.6)[..., None] * _colours("fff3d0")
    grime = 1 - 0.6 * np.exp(-border / 0.005)
    lead = 0.0052 + 0.0008 * _clouds(rng, side, 20, 2)
    dome = np.sqrt((1 - (border / lead) ** 2).clip(0, 1))
    metal = _lit(np.broadcast_to(_colours("2b2b30"), (side, side, 3)) * (0.8 + 0.2 * _clouds(rng, side, 128, 2))[..., None], dome, 0.9)
    return np.where((border < lead)[..., None], metal, glass * grime[..., None])


@style("woodcut", "Woodcut", seed=5)
def _woodcut(rng: Rng, side: int) -> Floats:
    """Hatching cut into wood and printed in black ink on cream paper, a second block in vermilion."""
    x, y = _plane(side)
    bend = _clouds(rng, side, 4, 2)
    points = _spread(rng, 46)
    field, border = _cells(points, x + 0.018 * bend, y + 0.018 * bend.T)
    angle = rng.uniform(0, np.pi, len(points)).astype(np.float32)[field]
    pitch = rng.choice((52, 64, 80), len(points)).astype(np.float32)[field]
    tone = 0.5 + 0.22 * _clouds(rng, side, 5, 2) + rng.uniform(-0.25, 0.25, len(points)).astype(np.float32)[field]
    rough = 0.10 * _clouds(rng, side, 160, 2)

    def cut(turn: float) -> Floats:
        phase = (x * np.cos(angle + turn) + y * np.sin(angle + turn) + 0.022 * bend) * pitch
        ridge: Floats = abs(phase % 1 - 0.5) * 2 + rough
        return ridge

    ink = (cut(0) < tone) & ~((cut(0.9) < 0.42) & (tone < 0.62) & (tone > 0.5)) | (tone < 0.4) & (cut(1.3) < tone * 0.8)
    ink = np.where(border < 0.0035 + 0.001 * rough, True, ink & (border > 0.0075))
    grain = 0.5 + 0.5 * np.sin(160 * (x + 0.03 * _clouds(rng, side, 3, 2)))
    paper = _colours("f0e4c6") * (1 + 0.018 * _clouds(rng, side, 256, 2) + 0.02 * _clouds(rng, side, 4))[..., None]
    red = (rng.random(len(points)) < 0.3)[field] & (border > 0.005)
    printed = np.where(red[..., None], paper * (_colours("d9553a") * (0.95 + 0.1 * grain[..., None])), paper)
    black = _colours("1d1a1c") + 0.07 * (rough * 6 + grain).clip(0, 1)[..., None]
    return np.where(ink[..., None], black, printed)


@style("waves", "Indigo waves", seed=3)
def _waves(rng: Rng, side: int) -> Floats:
    """Crests of indigo and white foam, row behind row, as if printed from wooden blocks."""
    table = _colours("10193a f2ead6 1b3a72 10193a 2a5c9c 6ea3bf f2ead6 17305f 3f7fb0 0f2450")
    shares = (1, 0.975, 0.90, 0.74, 0.725, 0.58, 0.48, 0.45, 0.30, 0.16)
    outlines: list[Floats] = []
    colour: list[int] = []
    for number, row in enumerate(np.arange(0, 1.3, 0.066)):
        for column in np.arange(-0.1 + 0.09 * (number % 2), 1.2, 0.18):
            centre = np.array((column, row)) + rng.normal(0, 0.014, 2)
            radius, lean, first = rng.uniform(0.10, 0.135), rng.uniform(0.35, 0.75), rng.integers(2)
            for band, share in enumerate(shares):
                shift = np.array(((1 - share) * lean, (1 - share) * 0.12)) * radius  # nested off centre: a crest that curls over
                outlines.append(_discs((centre + shift)[None], radius * share, 48)[0])
                colour.append((9, 5, 4, 0, 2, 8, 1, 7, 4, 9)[band] if first and band else band)
            if rng.random() < 0.5:  # this one breaks
                count = 11
                turns = np.linspace(-2.0, -0.35, count) + rng.normal(0, 0.05, count)
                away = radius * (1 + rng.uniform(-0.05, 0.07, count))
                for turn, far, size in zip(turns, away, np.linspace(0.004, 0.0105, count) * rng.uniform(0.7, 1.2, count), strict=True):
                    drop = centre + far * np.array((np.cos(turn), np.sin(turn)))
                    outlines += list(_discs(np.stack((drop, drop)), (size + 0.002, size), 12))
                    colour += [0, 1]
    swell = _clouds(rng, 256, 3, 1)
    outlines = [outline + 0.016 * np.stack((_at(swell, outline), _at(swell.T, outline)), axis=1) for outline in outlines]
    ids = _patches(side, outlines)
    _, y = _plane(side)
    fibre = _clouds(rng, side, 128, 2, tall=8).T + 1.2 * np.sin(230 * y + 14 * _clouds(rng, side, 2, 2))  # the wood prints along
    fade = 0.09 * _clouds(rng, side, 6, 2) + 0.045 * fibre + 0.04 * _clouds(rng, side, 256, 1)
    ink = np.vstack((table[:1], table[colour]))[ids]
    picture: Floats = ink + fade[..., None] * (0.12 + 0.5 * ink) * _colours("d8e0ff") + 0.02
    return picture


@style("watercolour", "Watercolour", seed=8)
def _watercolour(rng: Rng, side: int) -> Floats:
    """Transparent washes that bleed into each other, darker where they dried, on rough paper."""
    x, y = _plane(side)
    rough, bleed, pool = _clouds(rng, side, 220, 2), _clouds(rng, side, 6, 5), _clouds(rng, side, 7, 4)
    hue = ndtr(_clouds(rng, 256, 3, 1))
    absorbed = np.zeros((side, side, 3), np.float32)
    pigments = -np.log(_colours("1f3f9f 2f8fc5 2fa59a 6fae4a f2b830 ef7a3a d8406b 8a3fa0").clip(0.08, 0.98))
    count = 110
    centres = _spread(rng, count)
    chosen = (_at(hue, centres) * 8 + rng.normal(0, 1.0, count)).astype(int) % 8
    for number, ((cx, cy), radius) in enumerate(zip(centres.tolist(), np.linspace(0.17, 0.03, count).tolist(), strict=True)):
        rows, columns = (slice(*((np.array((c - 1.9 * radius, c + 1.9 * radius)) * side).astype(int).clip(0, side))) for c in (cy, cx))
        inside = radius * (1 + 0.3 * np.rot90(bleed, number)[rows, columns]) - np.hypot(x[:, columns] - cx, y[rows] - cy)
        soft = float(rng.choice((0.0015, 0.0015, 0.014)))  # laid on dry paper, or on wet
        wash = 1 / (1 + np.exp(-(inside / soft).clip(-30, 30)))
        dried = 0.55 * np.exp(-(((inside - 0.003) / 0.0035) ** 2)) * (soft < 0.01)
        amount = wash * (0.30 + 0.13 * np.rot90(pool, number + 1)[rows, columns] + dried).clip(0.03, 2) * (1 - 0.14 * rough[rows, columns])
        absorbed[rows, columns] += amount[..., None] * (pigments[chosen[number]] * rng.uniform(0.35, 0.95))
    absorbed = 2.4 * np.tanh(absorbed / 2.4)  # a wash lifts some of the ones below
    return _lit(np.exp(-absorbed) * _colours("fbf7ec"), rough, 0.010)


@style("mosaic", "Mosaic", seed=7)
def _mosaic(rng: Rng, side: int) -> Floats:
    """Small stones of blue, terracotta and gold laid in rings, with pale grout between them."""
    x, y = _plane(side)
    bend = 0.008 * _clouds(rng, side, 6, 1)
    points = _spread(rng, 26)
    ring, border = _cells(points, x + bend, y + bend)
    pitch = 0.021
    dx, dy = x - points[ring][..., 0], y - points[ring][..., 1]
    radius = np.hypot(dx, dy) / pitch
    row = np.floor(radius)
    count = np.maximum(1, np.round(2 * np.pi * (row + 0.5)))
    turn = (np.arctan2(dy, dx) / (2 * np.pi) + 0.5 + 0.37 * row) % 1 * count
    stone = (ring * 4001 + row * 131 + np.floor(turn)).astype(int)  # a number of its own: fewer than 131 in a row, than 30 rows in a ring
    u, v = abs(radius % 1 - 0.5) * 2, abs(turn % 1 - 0.5) * 2
    gap = 0.80 + 0.05 * _clouds(rng, side, 100, 2)
    dice = rng.random((len(points) * 4001, 4), dtype=np.float32)[stone]
    schemes = np.array([(0, 1, 2, 3), (4, 5, 6, 5), (7, 8, 0, 1), (6, 4, 9, 8), (2, 3, 9, 1)])
    scheme = schemes[rng.integers(len(schemes), size=len(points))[ring]]
    shade = np.take_along_axis(scheme, ((row // 2 + (dice[..., 0] < 0.18)) % 4).astype(int)[..., None], axis=-1)[..., 0]
    table = _colours("12305e 1f5c99 4f97bd cfe0dc 7d2a1c b8502c dfa03a 1f5a4c 5f9a6e f0e0b0")
    tilt = (radius % 1 - 0.5) * (dice[..., 1] - 0.5) + (turn % 1 - 0.5) * (dice[..., 2] - 0.5)
    tile = table[shade] * (0.82 + 0.36 * dice[..., 3] + 0.5 * tilt + 0.05 * _clouds(rng, side, 200, 2))[..., None]
    solid = ((u**4 + v**4) ** 0.25 < gap) & (border > 0.0022)
    grout = _colours("b9ab94") * (0.8 + 0.08 * _clouds(rng, side, 256, 2))[..., None]
    height = gaussian_filter(solid.astype(np.float32), side / 900)
    return _lit(np.where(solid[..., None], tile, grout), height, 0.16)


@style("marbling", "Marbled paper", seed=9)
def _marbling(rng: Rng, side: int) -> Floats:
    """Inks afloat on water, drawn through with combs and laid onto paper."""
    x, y = _plane(side)
    swirl = _clouds(rng, side, 3, 1)
    across = x + 0.05 * swirl
    teeth = across * 17
    comb = (np.exp(-abs(teeth % 1 - 0.5) * 5) - np.exp(-2.5)) * np.where(np.floor(teeth) % 2, 1, -1)
    along = y + 0.05 * np.flipud(swirl.T) + 0.085 * comb + 0.05 * np.sin(across * 11) + 0.005 * _clouds(rng, side, 12, 2)
    widths = rng.uniform(0.2, 1, 150)
    edges = np.cumsum(widths) / widths.sum() * 1.8 - 0.4
    order = rng.choice(8, 151, p=(0.18, 0.16, 0.14, 0.14, 0.12, 0.1, 0.1, 0.06))
    table = _colours("16264f a3252f f1e4c8 d99a2b 1f6f78 5f93b5 e9b7a0 101018")
    index = np.searchsorted(edges, along.ravel()).reshape(along.shape)
    padded = np.concatenate(([-0.4], edges, [1.4]))
    within = (along - padded[index]) / (padded[index + 1] - padded[index])
    ink = table[order[index]] * (0.92 + 0.16 * within + 0.05 * _clouds(rng, side, 40, 3))[..., None]
    vein = (within < 0.08)[..., None]
    picture: Floats = np.where(vein, ink * 0.75, ink) * (1 + 0.02 * _clouds(rng, side, 256, 1))[..., None]
    return picture


@style("pastel", "Pastel", seed=10)
def _pastel(rng: Rng, side: int) -> Floats:
    """Scribbles of chalk, layer over layer, on dark paper whose grain shows through."""
    tooth = ndtr(_clouds(rng, side, 300, 2))
    hue, turn = ndtr(_clouds(rng, side, 3, 2)), _clouds(rng, side, 2, 1)
    picture: Floats = _colours("4a3550") * (0.85 + 0.3 * tooth)[..., None]
    for layer, (count, reach, width) in enumerate(((170, 0.17, 0.015), (150, 0.14, 0.011), (130, 0.11, 0.009), (110, 0.085, 0.007))):
        centres = _spread(rng, count)
        angle = _at(turn, centres) * 1.1 + rng.normal(0, 0.25, count) + 0.8 * (layer % 2)
        zigzag = np.arange(13)
        along = reach * 0.5 * (-1.0) ** zigzag * rng.uniform(0.7, 1.2, (count, 13))
        over = reach * ((zigzag / 12 - 0.5) * 1.1 + rng.normal(0, 0.015, (count, 13)))
        cos, sin = np.cos(angle)[:, None], np.sin(angle)[:, None]
        paths = centres[:, None] + np.stack((along * cos - over * sin, along * sin + over * cos), axis=-1)
        ids = _lines(side, paths, width * rng.uniform(0.7, 1.3, count))
        place = (_at(hue, centres) + rng.normal(0, 0.13, count)) % 1
        codes = "16507f 2fa0a8 9ad59a f9ea8a fba24a ec5a4a d9458f 6a3fb0 16507f"
        colours = _ramp(codes, place) * rng.uniform(0.75, 1.2, (count, 1))
        pressure = np.append(-1, rng.uniform(0.75, 1.25, count))[ids] - 0.04 * layer
        cover = ((pressure - tooth) * 1.7).clip(0, 0.95)[..., None]
        picture = picture + (np.vstack((_colours("000000"), colours))[ids] - picture) * cover
    return picture
