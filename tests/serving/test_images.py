"""Files of every kind bring back how they were made."""

import io
import zipfile
from typing import Any

import numpy as np
import pytest
from PIL import Image

from atelier.serving.images import Format, archive, encode, read_parameters, sheet, transcode

FORMATS: list[Format] = ["png", "webp", "jpeg"]


def picture(mode: str = "RGB", seed: int = 0) -> Image.Image:
    cells = np.random.default_rng(seed).integers(0, 256, (3, 3, 3), np.uint8)
    return Image.fromarray(cells).resize((24, 16), Image.Resampling.BICUBIC).convert(mode)


def opened(file: bytes) -> Image.Image:
    return Image.open(io.BytesIO(file))


def png(seed: int, **parameters: Any) -> bytes:
    return encode(picture(seed=seed), {"model": "tiny", "version": 1, "seed": seed, **parameters})


@pytest.mark.parametrize("mode", ["RGB", "L"])
@pytest.mark.parametrize("format", FORMATS)
def test_parameters_ride_in_every_format(format: Format, mode: str) -> None:
    parameters = {"prompt": "ein rötlicher Stern 🌟", "seed": 2**53 - 1, "class_weights": {"a": 0.5}}
    for file in (encode(picture(mode), parameters, format), transcode(encode(picture(mode), parameters), format)):
        image = opened(file)
        assert (image.format or "").lower() == format
        assert read_parameters(image) == parameters
        assert np.abs(np.asarray(image.convert("RGB")).astype(int) - np.asarray(picture(mode).convert("RGB"))).mean() < 8


def test_parameters_that_have_no_room_are_left_out_and_the_picture_is_there() -> None:
    assert read_parameters(opened(encode(picture(), {"prompt": "x" * 70_000}, "jpeg"))) is None
    assert read_parameters(opened(encode(picture(), {"prompt": "x" * 70_000}))) == {"prompt": "x" * 70_000}


@pytest.mark.parametrize("format", FORMATS)
def test_a_grid_tells_of_all_of_its_images(format: Format) -> None:
    alike = sheet([png(3), png(4)], format)
    assert opened(alike).size == (24 * 2 + 2, 16)
    assert read_parameters(opened(alike)) == {"model": "tiny", "version": 1, "seeds": [3, 4]}
    differ = [{"model": "tiny", "version": 1, "seed": seed, "truncation_psi": seed / 8} for seed in (3, 4)]
    assert read_parameters(opened(sheet([png(3, truncation_psi=3 / 8), png(4, truncation_psi=0.5)], format))) == {"items": differ}
    assert read_parameters(opened(sheet([png(5)], format))) == {"model": "tiny", "version": 1, "seed": 5}


def test_pictures_that_do_not_fit_make_no_grid() -> None:
    with pytest.raises(ValueError, match="make no grid"):
        sheet([png(1), encode(picture("L"), {})])


@pytest.mark.parametrize("format", FORMATS)
def test_a_zip_holds_a_file_for_each(format: Format) -> None:
    file = archive([png(3), png(4), png(3)], format)
    with zipfile.ZipFile(io.BytesIO(file)) as packed:
        assert packed.namelist() == [f"00-tiny-3.{format}", f"01-tiny-4.{format}", f"02-tiny-3.{format}"]
        for name, seed in zip(packed.namelist(), (3, 4, 3), strict=True):
            assert read_parameters(opened(packed.read(name))) == {"model": "tiny", "version": 1, "seed": seed}
    assert file == archive([png(3), png(4), png(3)], format)
