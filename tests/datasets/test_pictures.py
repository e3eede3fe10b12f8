"""Pictures of every kind that people have: each comes out as one would expect to see it, or is refused in words."""

import io
import logging
import os
import struct
import warnings
import zlib
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from PIL import Image, ImageCms, ImageFile

from atelier.datasets.pictures import MAX_PIXELS, Unreadable, crop_square, draw_square, open_picture, resize

SIZE = (32, 24)


def gradient(size=SIZE):
    """Dark to bright from left to right; red on top, blue below."""
    width, height = size
    x = np.linspace(0, 255, width).astype(np.uint8)
    pixels = np.zeros((height, width, 3), np.uint8)
    pixels[:, :, 1] = x
    pixels[: height // 2, :, 0] = 200
    pixels[height // 2 :, :, 2] = 200
    return Image.fromarray(pixels)


def save(image, path, **options):
    image.save(path, **options)
    return path


def pixels(path):
    return np.asarray(open_picture(path)).astype(int)


def close(one, other, tolerance):
    return np.abs(np.asarray(one).astype(int) - np.asarray(other).astype(int)).mean() <= tolerance


@pytest.mark.parametrize(
    ("name", "options", "tolerance"),
    [
        ("a.png", {}, 0),
        ("a.bmp", {}, 0),
        ("a.tif", {}, 0),
        ("a.tif", {"compression": "tiff_lzw"}, 0),
        ("a.ppm", {}, 0),
        ("a.webp", {"lossless": True}, 0),
        ("a.jpg", {"quality": 95, "subsampling": 0}, 4),
        ("a.jpg", {"quality": 95, "subsampling": 0, "progressive": True}, 4),
        ("a.jp2", {}, 4),
        ("a.avif", {"quality": 90}, 6),
        ("a.tga", {}, 0),
        ("a.qoi", {}, 0),
    ],
)
def test_colour_in_every_format(name, options, tolerance, tmp_path):
    picture = open_picture(save(gradient(), tmp_path / name, **options))
    assert picture.mode == "RGB"
    assert picture.size == SIZE
    assert close(picture, gradient(), tolerance)


def test_content_decides_and_not_the_suffix(tmp_path):
    save(gradient(), tmp_path / "a.png")
    (tmp_path / "a.png").rename(tmp_path / "a.jpg")
    assert close(open_picture(tmp_path / "a.jpg"), gradient(), 0)


@pytest.mark.parametrize("mode", ["L", "1"])
def test_grey_stays_grey(mode, tmp_path):
    picture = open_picture(save(gradient().convert(mode), tmp_path / "a.png"))
    assert picture.mode == "L"
    assert close(picture, gradient().convert(mode).convert("L"), 0)


def test_what_is_transparent_becomes_white(tmp_path):
    image = gradient().convert("RGBA")
    alpha = Image.new("L", SIZE, 255)
    alpha.paste(0, (0, 0, 16, 24))
    alpha.putpixel((16, 0), 128)
    image.putalpha(alpha)
    seen = pixels(save(image, tmp_path / "a.png"))
    assert (seen[:, :16] == 255).all(), "and not the colour that lies hidden there"
    assert (seen[1:, 17:] == np.asarray(gradient())[1:, 17:]).all()
    assert close(seen[0, 16], (np.asarray(gradient())[0, 16] * 128.0 + 255 * 127) / 255, 1)


def test_grey_with_alpha_stays_grey(tmp_path):
    image = gradient().convert("LA")
    image.putalpha(Image.new("L", SIZE, 0))
    picture = open_picture(save(image, tmp_path / "a.png"))
    assert picture.mode == "L"
    assert (np.asarray(picture) == 255).all()


@pytest.mark.parametrize(("mode", "key"), [("L", 0), ("RGB", (200, 0, 0)), ("P", 0), ("1", 0)])
def test_one_transparent_colour_becomes_white(mode, key, tmp_path):
    """The tRNS chunk of PNG, without an alpha channel."""
    colour = (200, 0, 0) if mode == "RGB" else 0
    image = Image.new(mode, SIZE, colour)
    image.paste(1 if mode in ("P", "1") else 90 if mode == "L" else (0, 90, 0), (16, 0, 32, 24))
    if mode == "P":
        image.putpalette([0, 0, 0, 0, 90, 0])
    picture = open_picture(save(image, tmp_path / "a.png", transparency=key))
    seen = np.asarray(picture.convert("RGB")).astype(int)
    assert (seen[:, :16] == 255).all()
    expected = {"L": (90, 90, 90), "1": (255, 255, 255)}.get(mode, (0, 90, 0))
    assert (seen[:, 16:] == expected).all()


@pytest.mark.parametrize("transparency", [None, bytes([0, 128, 255])])
def test_palettes(transparency, tmp_path):
    image = Image.new("P", SIZE, 2)
    image.putpalette([255, 0, 0, 0, 255, 0, 0, 0, 255])
    image.paste(0, (0, 0, 8, 24))
    options = {} if transparency is None else {"transparency": transparency}
    seen = pixels(save(image, tmp_path / "a.png", **options))
    assert seen[0, 0].tolist() == ([255, 0, 0] if transparency is None else [255, 255, 255])
    assert seen[0, 20].tolist() == [0, 0, 255]


@pytest.mark.parametrize("name", ["a.png", "a.tif", "a.pgm"])
def test_sixteen_bits_are_scaled_and_not_clipped(name, tmp_path):
    """Converting by Pillow alone makes all that is above 255 white in some of these."""
    values = np.tile(np.linspace(0, 65535, 32).astype(np.uint16), (24, 1))
    picture = open_picture(save(Image.fromarray(values), tmp_path / name))
    assert picture.mode == "L"
    assert np.abs(np.asarray(picture).astype(int) - values / 257).max() <= 1


def test_sixteen_bits_big_endian(tmp_path):
    values = np.tile(np.linspace(0, 65535, 32).astype(">u2"), (24, 1))
    picture = Image.frombytes("I;16B", SIZE, values.tobytes())
    assert np.abs(pixels(save(picture, tmp_path / "a.tif")) - values / 257).max() <= 1


@pytest.mark.parametrize(("low", "high"), [(0.0, 1.0), (-5.0, 3000.0), (0.0, 0.0)])
def test_floating_point(low, high, tmp_path):
    values = np.tile(np.linspace(low, high, 32).astype(np.float32), (24, 1))
    values[0, 0] = np.nan
    seen = pixels(save(Image.fromarray(values), tmp_path / "a.tif"))
    assert seen[1, 0] == 0
    assert seen[1, 31] == (255 if high else 0)


def test_cmyk(tmp_path):
    """White paper is no ink; JPEG by Adobe's convention stores it the other way round, TIFF does not."""
    image = Image.new("CMYK", SIZE, (0, 0, 0, 0))
    image.paste((0, 255, 255, 0), (0, 0, 16, 24))  # red
    for name in ("a.jpg", "a.tif"):
        seen = pixels(save(image, tmp_path / name))
        assert (seen[:, 20:] > 250).all(), name
        assert close(seen[:, 2:12], np.broadcast_to((255, 0, 0), (24, 10, 3)), 6), name


def test_lab(tmp_path):
    lab = ImageCms.profileToProfile(
        Image.new("RGB", SIZE, (200, 60, 40)), ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB"), outputMode="LAB"
    )
    assert close(pixels(save(lab, tmp_path / "a.tif")), np.broadcast_to((200, 60, 40), (24, 32, 3)), 2)


def test_ycck(tmp_path):
    """CMYK as luminance, two colours and black, as Photoshop writes it: transform 2 in the marker of Adobe."""
    image = Image.new("CMYK", SIZE, (255, 127, 127, 0))  # stored the other way round: 0, 128, 128, 255, which is no ink
    image.paste((76, 84, 254, 0), (0, 0, 16, 24))  # red
    stored = bytearray(content(image, "JPEG", quality=95))
    transform = stored.index(b"Adobe") + 11
    assert stored[transform] == 0
    stored[transform] = 2
    (tmp_path / "a.jpg").write_bytes(stored)
    seen = pixels(tmp_path / "a.jpg")
    assert (seen[:, 20:] > 250).all()
    assert close(seen[:, 2:12], np.broadcast_to((255, 0, 0), (24, 10, 3)), 6)


def profile_with_swapped_colours():
    """A profile whose first channel is what sRGB calls blue."""
    profile = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    count = struct.unpack_from(">L", profile, 128)[0]
    tags = {bytes(profile[132 + 12 * n : 136 + 12 * n]): 132 + 12 * n for n in range(count)}
    red, blue = tags[b"rXYZ"], tags[b"bXYZ"]
    profile[red : red + 4], profile[blue : blue + 4] = profile[blue : blue + 4], profile[red : red + 4]
    return bytes(profile).replace("sRGB".encode("utf-16-be"), "BRGs".encode("utf-16-be")).replace(b"sRGB built-in", b"BRGs built-in")


@pytest.mark.parametrize("alpha", [False, True])
def test_colours_are_those_that_the_embedded_profile_means(alpha, tmp_path):
    image = Image.new("RGBA" if alpha else "RGB", SIZE, (250, 0, 0))
    seen = pixels(save(image, tmp_path / "a.png", icc_profile=profile_with_swapped_colours()))
    assert close(seen, np.broadcast_to((0, 0, 250), (24, 32, 3)), 3)


def test_a_broken_profile_does_not_matter(tmp_path):
    assert close(pixels(save(gradient(), tmp_path / "a.png", icc_profile=b"nonsense" * 20)), gradient(), 0)
    assert close(pixels(save(gradient().convert("CMYK"), tmp_path / "a.tif", icc_profile=b"nonsense" * 20)), gradient(), 2)


@pytest.mark.parametrize("suffix", ["jpg", "png", "webp", "tif"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_all_orientations_come_out_upright(orientation, suffix, tmp_path):
    stored = {
        1: lambda image: image,
        2: lambda image: image.transpose(Image.Transpose.FLIP_LEFT_RIGHT),
        3: lambda image: image.transpose(Image.Transpose.ROTATE_180),
        4: lambda image: image.transpose(Image.Transpose.FLIP_TOP_BOTTOM),
        5: lambda image: image.transpose(Image.Transpose.TRANSPOSE),
        6: lambda image: image.transpose(Image.Transpose.ROTATE_90),
        7: lambda image: image.transpose(Image.Transpose.TRANSVERSE),
        8: lambda image: image.transpose(Image.Transpose.ROTATE_270),
    }[orientation](gradient())
    exif = Image.Exif()
    exif[0x0112] = orientation
    options = {"jpg": {"quality": 95, "subsampling": 0}, "webp": {"lossless": True}}.get(suffix, {})
    picture = open_picture(save(stored, tmp_path / f"a.{suffix}", exif=exif, **options))
    assert picture.size == SIZE
    assert close(picture, gradient(), 4)


def test_nonsense_for_an_orientation_does_not_matter(tmp_path):
    path = save(gradient(), tmp_path / "a.png", exif=b"Exif\0\0MM\0*\xff\xff\xff\xff")
    assert close(open_picture(path), gradient(), 0)


@pytest.mark.parametrize("name", ["a.gif", "a.png", "a.webp", "a.tif"])
def test_the_first_frame_of_an_animation(name, tmp_path):
    frames = [Image.new("RGB", SIZE, colour) for colour in ((250, 0, 0), (0, 250, 0), (0, 0, 250))]
    frames[0].save(tmp_path / name, save_all=True, append_images=frames[1:], **({"lossless": True} if name == "a.webp" else {}))
    with Image.open(tmp_path / name) as image:
        assert image.n_frames == 3
    assert (pixels(tmp_path / name) == (250, 0, 0)).all()


def content(image, suffix, **options):
    buffer = io.BytesIO()
    image.save(buffer, suffix, **options)
    return buffer.getvalue()


def noise(size=(64, 64)):
    return Image.fromarray(np.random.default_rng(0).integers(0, 256, (size[1], size[0], 3), np.uint8))


def declared(width, height):
    """A PNG of that size with next to nothing in it."""

    def chunk(kind, data):
        return struct.pack(">L", len(data)) + kind + data + struct.pack(">L", zlib.crc32(kind + data))

    header = chunk(b"IHDR", struct.pack(">LLBBBBB", width, height, 8, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", zlib.compress(bytes(1000))) + chunk(b"IEND", b"")


BAD = {
    "empty": (b"", "the file is empty"),
    "zeros": (bytes(5000), "nothing but zeros"),
    "text": (b"<html><body>404 Not Found</body></html>\n" * 9, "not a picture, but text"),
    "text in umlauts": ("Grüße aus Köln, ".encode() * 40, "not a picture, but text"),
    "noise": (np.random.default_rng(0).bytes(5000), "not a picture of a kind that can be read"),
    "jpeg truncated": (content(noise(), "JPEG")[:2000], "truncated"),
    "jpeg progressive truncated": (content(noise(), "JPEG", progressive=True)[:2000], "truncated"),
    "png truncated": (content(noise(), "PNG")[:5000], "truncated"),
    "gif truncated": (content(noise(), "GIF")[:2000], "truncated"),
    "bmp truncated": (content(noise(), "BMP")[:5000], "truncated"),
    "webp truncated": (content(noise(), "WEBP")[:500], "damaged"),
    "tiff truncated": (content(noise(), "TIFF")[:5000], "damaged|truncated"),
    "avif truncated": (content(noise(), "AVIF")[:500], "damaged|truncated|kind"),
    "jpeg header only": (content(noise(), "JPEG")[:20], "damaged|truncated"),
    "png header only": (content(noise(), "PNG")[:20], "damaged|truncated"),
    "png with a broken chunk": (content(noise(), "PNG").replace(b"IDAT", b"IDAX", 1), "damaged"),
    "corrupt header": (b"\xff\xd8\xff\xe0" + b"\x13" * 3000, "truncated"),
    "bomb": (declared(60_000, 60_000), f"60000 x 60000 pixels: it has more than {MAX_PIXELS // 10**6} million pixels|million pixels"),
    "large": (declared(10_000, 8_001), "10000 x 8001 pixels: it has more than 80 million pixels"),
    "one pixel": (content(Image.new("RGB", (1, 1)), "PNG"), "1 x 1 pixels: a side is shorter than 8"),
    "one pixel wide": (content(Image.new("RGB", (1, 500)), "PNG"), "1 x 500 pixels: a side is shorter than 8"),
    "narrow": (content(Image.new("RGB", (2000, 20)), "PNG"), "2000 x 20 pixels: one side is more than 16 times the other"),
    "heic": (b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + bytes(500), "HEIC pictures can't be read: convert"),
    "svg": (b'<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg"></svg>', "SVG drawings have no pixels"),
    "jpeg xl": (b"\xff\x0a" + bytes(range(100)), "JPEG XL pictures can't be read"),
    "eps": (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 100 100\nshowpage\n", "not a picture, but text"),
}


@pytest.mark.parametrize("name", BAD)
@pytest.mark.parametrize("suffix", [".jpg", ".png"])
def test_bad_ones_are_refused_with_the_reason(name, suffix, tmp_path):
    path = tmp_path / f"bad{suffix}"
    path.write_bytes(BAD[name][0])
    with pytest.raises(Unreadable, match=BAD[name][1]) as refusal:
        open_picture(path)
    with pytest.raises(Unreadable):
        draw_square(path, 16)
    assert str(tmp_path) not in str(refusal.value), "whoever lists it knows the path"
    assert "0x" not in str(refusal.value)


def test_a_bomb_is_refused_before_it_is_decoded(tmp_path, monkeypatch):
    (tmp_path / "bomb.png").write_bytes(declared(10_000, 8_001))
    monkeypatch.setattr(ImageFile.ImageFile, "load", lambda self: pytest.fail("decoded"))
    with pytest.raises(Unreadable):
        open_picture(tmp_path / "bomb.png")


def test_files_that_are_not_to_be_had(tmp_path):
    with pytest.raises(Unreadable, match="not there"):
        open_picture(tmp_path / "none.png")
    with pytest.raises(Unreadable):
        open_picture(tmp_path)
    path = save(gradient(), tmp_path / "a.png")
    path.chmod(0)
    if os.access(path, os.R_OK):
        pytest.skip("root may read everything")
    with pytest.raises(Unreadable, match="permission denied"):
        open_picture(path)


def test_warnings_of_the_decoder_neither_refuse_a_picture_nor_reach_the_log(tmp_path, caplog, capfd):
    """In many threads at once, while a test makes errors of warnings."""
    image = Image.new("P", SIZE, 1)
    image.putpalette([255, 0, 0, 0, 255, 0])
    palette = save(image, tmp_path / "palette.png", transparency=bytes([0, 128]))
    apng = content(gradient(), "PNG")
    at = apng.index(b"IDAT") - 4
    control = b"acTL" + struct.pack(">LL", 0, 0)
    (tmp_path / "invalid.png").write_bytes(apng[:at] + struct.pack(">L", 8) + control + struct.pack(">L", zlib.crc32(control)) + apng[at:])
    with pytest.warns(UserWarning, match="Invalid APNG"):
        Image.open(tmp_path / "invalid.png").close()
    before = list(warnings.filters)
    with caplog.at_level(logging.WARNING), ThreadPoolExecutor(8) as pool:
        opened = list(pool.map(open_picture, [palette, tmp_path / "invalid.png"] * 200))
    assert len(opened) == 400
    assert len(warnings.filters) <= len(before) + 1, "the list does not grow with the pictures"
    assert not ImageFile.LOAD_TRUNCATED_IMAGES
    assert caplog.records == []
    assert capfd.readouterr().err == ""


def test_the_square_in_the_middle():
    assert crop_square(gradient((40, 20))).size == (20, 20)
    assert close(crop_square(gradient((40, 20))), np.asarray(gradient((40, 20)))[:, 10:30], 0)
    assert close(crop_square(gradient((20, 40))), np.asarray(gradient((20, 40)))[10:30], 0)


def stackgan(image, box):
    """As StackGAN cuts its birds: written once more from its description."""
    reach = int(max(box[2], box[3]) * 0.75)
    x, y = int((2 * box[0] + box[2]) / 2), int((2 * box[1] + box[3]) / 2)
    pixels = np.asarray(image)
    return pixels[max(0, y - reach) : min(image.height, y + reach), max(0, x - reach) : min(image.width, x + reach)]


@pytest.mark.parametrize("box", [(80, 60, 40, 60), (75.0, 70.0, 51.0, 30.0), (90, 80, 1, 2), (61, 62, 63, 41)])
def test_the_box_crop_is_stackgans(box):
    image = noise((200, 180))
    assert np.array_equal(np.asarray(crop_square(image, box)), stackgan(image, box))


@pytest.mark.parametrize("box", [(0, 0, 40, 30), (170, 150, 30, 30), (0, 60, 199, 20), (-10, -10, 20, 20), (500, 500, 60, 60)])
def test_a_box_at_the_edge_is_still_cut_as_a_square(box):
    image = noise((200, 180))
    cut = crop_square(image, box)
    assert cut.width == cut.height
    wanted = min(2 * int(max(box[2:]) * 0.75), 180)
    assert cut.width == wanted
    left = min(max(int(box[0] + box[2] / 2) - wanted // 2, 0), 200 - wanted)
    top = min(max(int(box[1] + box[3] / 2) - wanted // 2, 0), 180 - wanted)
    assert np.array_equal(np.asarray(cut), np.asarray(image)[top : top + wanted, left : left + wanted]), "as near to the box as can be"


@pytest.mark.parametrize("box", [(50, 50, 0, 0), (50, 50, 30, -1)])
def test_a_box_without_area_is_no_box(box):
    image = noise((200, 180))
    assert np.array_equal(np.asarray(crop_square(image, box)), np.asarray(crop_square(image)))


def test_resizing_is_antialiased():
    """A fine chequerboard becomes grey; picking pixels leaves it black and white."""
    board = Image.fromarray((np.indices((256, 256)).sum(axis=0) % 2 * 255).astype(np.uint8))
    small = resize(board, 32)
    assert small.shape == (32, 32, 1)
    assert np.abs(small.astype(int) - 127).max() <= 3


def test_resizing_gives_channels_and_any_size():
    assert resize(crop_square(gradient()), 7).shape == (7, 7, 3)
    assert resize(crop_square(gradient()), 100).shape == (100, 100, 3)
    assert resize(gradient().convert("L").crop((0, 0, 24, 24)), 24).shape == (24, 24, 1)


def photograph(size):
    """Smooth, so that what a JPEG loses does not matter."""
    y, x = np.mgrid[0 : size[1], 0 : size[0]].astype(np.float32)
    channels = [127 + 120 * np.sin(x / 90 + phase) * np.cos(y / 70 - phase) for phase in (0, 1, 2)]
    return Image.fromarray(np.stack(channels, axis=2).astype(np.uint8))


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("box", [None, (300, 200, 400, 300), (10, 10, 50, 60)])
def test_drawing_at_once_gives_the_same_picture(box, orientation, tmp_path):
    """Though a large JPEG is decoded at a reduced size."""
    exif = Image.Exif()
    exif[0x0112] = orientation
    path = save(photograph((1501, 1003)), tmp_path / "a.jpg", quality=95, exif=exif)
    expected = resize(crop_square(open_picture(path), box), 32)
    drawn = draw_square(path, 32, box)
    assert drawn.shape == (32, 32, 3)
    assert close(drawn, expected, 1)


def test_a_large_jpeg_is_decoded_reduced(tmp_path, monkeypatch):
    path = save(photograph((1600, 1200)), tmp_path / "a.jpg")
    sizes = []
    load = ImageFile.ImageFile.load
    monkeypatch.setattr(ImageFile.ImageFile, "load", lambda self: (sizes.append(self.size), load(self))[1])
    for resolution, box in ((64, None), (256, None), (1024, None), (64, (0, 0, 90, 90))):
        draw_square(path, resolution, box)
    widths = [size[0] for size in dict.fromkeys(sizes)]
    assert widths == [200, 800, 1600], "twice the resolution is left, and none of the box' pixels are lost"
