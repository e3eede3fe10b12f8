"""Frames as a moving picture: GIF, animated PNG or WebP by Pillow, MP4 by PyAV where that is installed."""

import io
import json
from collections.abc import Sequence
from fractions import Fraction
from typing import Any, Literal

import numpy as np
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from atelier.errors import Invalid
from atelier.serving.images import QUALITY, exif_of

Animation = Literal["gif", "apng", "webp", "mp4"]
ANIMATIONS: dict[Animation, str] = {"gif": "image/gif", "apng": "image/apng", "webp": "image/webp", "mp4": "video/mp4"}

SAMPLED = 64  # frames that a GIF's palette is made from
LEAST_MP4 = 256  # pixels; a video's colours have half the resolution, which smaller pictures would be seen to lack
CRF = "16"  # of H.264: hardly to be told from the original


def animate(frames: Sequence[Image.Image], format: Animation, *, fps: float, parameters: dict[str, Any]) -> bytes:
    """Frames of one size, shown in turn for ever (a video: once), with how they were made inside, as JSON.

    A GIF has one palette for all frames, so that colours don't flicker, and counts time in hundredths of a second. An MP4's frames are
    enlarged by a whole factor where they are small. The parameters are a comment, or where pictures have them (see `images.encode`).

    Raises:
        Invalid: there are no frames, or an MP4 is wanted and PyAV is not installed.
    """
    if not frames:
        raise Invalid.at("/frames", "a moving picture has at least one frame")
    told = json.dumps(parameters)
    if format == "mp4":
        return _mp4(frames, fps, told)
    first, *others = _with_one_palette(frames) if format == "gif" else frames
    options: dict[str, Any] = {"save_all": True, "append_images": others, "duration": max(1, round(1000 / fps)), "loop": 0}
    file = io.BytesIO()
    if format == "gif":
        options["duration"] = 10 * max(2, round(100 / fps))  # shorter ones are slowed down by browsers
        palette = bytes(first.getpalette() or [])  # said so, it stands in the file once
        first.save(file, "GIF", comment=told.encode(), palette=palette, **options)
    elif format == "apng":
        info = PngInfo()
        info.add_text("parameters", told)
        first.save(file, "PNG", pnginfo=info, **options)
    else:
        first.save(file, "WEBP", quality=QUALITY, exif=exif_of(told), **options)
    return file.getvalue()


def _with_one_palette(frames: Sequence[Image.Image]) -> list[Image.Image]:
    """256 colours that fit all frames; undithered, because noise that dances is worse than bands."""
    sampled = frames[:: -(-len(frames) // SAMPLED)]
    strip = Image.new("RGB", (frames[0].width, frames[0].height * len(sampled)))
    for index, frame in enumerate(sampled):
        strip.paste(frame, (0, index * frame.height))
    palette = strip.quantize(256, method=Image.Quantize.MEDIANCUT)
    return [frame.convert("RGB").quantize(palette=palette, dither=Image.Dither.NONE) for frame in frames]


def _mp4(frames: Sequence[Image.Image], fps: float, told: str) -> bytes:
    """H.264 in yuv420p, which every browser and player reads."""
    try:
        import av
    except ImportError as error:
        wanted = "MP4 needs PyAV, which is not installed here: pip install 'atelier[video]'; gif, apng and webp need nothing"
        raise Invalid.at("/format", wanted) from error
    width, height = frames[0].size
    factor = -(-LEAST_MP4 // min(width, height)) if min(width, height) < LEAST_MP4 else 1
    file = io.BytesIO()
    with av.open(file, "w", format="mp4", options={"movflags": "use_metadata_tags"}) as container:
        container.metadata["comment"] = told
        stream = container.add_stream("libx264", rate=Fraction(fps).limit_denominator(1001), options={"crf": CRF})
        stream.width, stream.height, stream.pix_fmt = (width * factor + 1) // 2 * 2, (height * factor + 1) // 2 * 2, "yuv420p"
        for frame in frames:
            pixels = np.asarray(frame.convert("RGB")).repeat(factor, axis=0).repeat(factor, axis=1)
            even = np.pad(pixels, ((0, pixels.shape[0] % 2), (0, pixels.shape[1] % 2), (0, 0)), mode="edge")
            container.mux(stream.encode(av.VideoFrame.from_ndarray(even, format="rgb24")))
        container.mux(stream.encode())
    return file.getvalue()
