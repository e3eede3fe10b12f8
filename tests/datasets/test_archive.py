"""Zip files that somebody sends: each attack is a real file, refused before anything is written, or kept within its bounds."""

import io
import os
import shutil
import stat
import struct
import tarfile
import time
import zipfile
import zlib
from collections import namedtuple
from pathlib import Path

import pytest
from PIL import Image

from atelier.datasets.archive import MAX_DIRECTORY, Limits, check, unpack
from atelier.datasets.layouts.base import Skipped


def picture():
    buffer = io.BytesIO()
    Image.new("RGB", (16, 16), (200, 100, 50)).save(buffer, "PNG")
    return buffer.getvalue()


PICTURE = picture()
LIMITS = Limits(keep_free=0)


def pack(path, files, method=zipfile.ZIP_DEFLATED):
    """A zip file of names, or zipfile's own descriptions of files, and their content."""
    with zipfile.ZipFile(path, "w", method) as archive:
        for name, content in files:
            archive.writestr(name, content, compress_type=method)
    return path


def tree(folder):
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def refused(path, tmp_path, message, limits=LIMITS):
    """By check, and by unpack alone, which then has written nothing."""
    before = set(tmp_path.rglob("*"))
    with pytest.raises(ValueError, match=message) as refusal:
        check(path, limits)
    with pytest.raises(ValueError, match=message):
        unpack(path, tmp_path / "out", limits)
    assert set(tmp_path.rglob("*")) - before <= {tmp_path / "out"}
    assert str(tmp_path) not in str(refusal.value)
    return str(refusal.value)


def test_files_come_out_as_they_went_in(tmp_path):
    files = {"cats/1.png": PICTURE, "dogs/très beau/2.png": PICTURE, "empty.png": b"", "list.txt": b"1 cats/1.png\n" * 1000}
    path = pack(tmp_path / "a.zip", [("cats/", b""), *files.items()])
    check(path, LIMITS)
    told = []
    assert unpack(path, tmp_path / "new" / "out", LIMITS, lambda *progress: told.append(progress)) == ()
    assert tree(tmp_path / "new" / "out") == files
    assert told == [(1, 4), (2, 4), (3, 4), (4, 4)]


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_stored_and_deflated(method, tmp_path):
    path = pack(tmp_path / "a.zip", [("1.png", PICTURE), ("2.png", PICTURE)], method)
    unpack(path, tmp_path / "out", LIMITS)
    assert tree(tmp_path / "out") == {"1.png": PICTURE, "2.png": PICTURE}


def test_what_systems_leave_behind_is_not_unpacked(tmp_path):
    rubbish = ["__MACOSX/._1.png", "__MACOSX/set/._2.png", ".DS_Store", "set/.DS_Store", "Thumbs.db", ".git/pack.zip", "desktop.ini"]
    path = pack(tmp_path / "a.zip", [("set/1.png", PICTURE), *((name, b"rubbish") for name in rubbish)])
    unpack(path, tmp_path / "out", LIMITS)
    assert tree(tmp_path / "out") == {"set/1.png": PICTURE}


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("../evil.png", "leads out of the folder"),
        ("a/../../evil.png", "leads out of the folder"),
        ("a/..", "leads out of the folder"),
        ("..\\..\\evil.png", "leads out of the folder"),
        ("__MACOSX/../../evil.png", "leads out of the folder"),
        ("/etc/evil.png", "is an absolute path"),
        ("\\evil.png", "is an absolute path"),
        ("\\\\server\\share\\evil.png", "is an absolute path"),
        ("C:\\evil.png", "is an absolute path"),
        ("c:evil.png", "is an absolute path"),
        ("a/\n/evil.png", "control characters"),
        ("a/" * 50 + "evil.png", "too long a path"),
        ("a" * 300 + ".png", "too long a path"),
    ],
)
def test_paths_that_lead_elsewhere(name, message, tmp_path):
    info = zipfile.ZipInfo("x.png")
    info.filename = name
    refused(pack(tmp_path / "a.zip", [("1.png", PICTURE), (info, PICTURE)]), tmp_path, message)
    assert not list(tmp_path.parent.rglob("evil.png"))


def test_a_name_with_a_zero_byte(tmp_path):
    path = pack(tmp_path / "a.zip", [("1.png", PICTURE), ("evil.png?.txt", PICTURE)])
    path.write_bytes(path.read_bytes().replace(b"evil.png?", b"evil.png\0"))
    refused(path, tmp_path, "control characters")


def test_backslashes_of_windows_are_folders(tmp_path):
    unpack(pack(tmp_path / "a.zip", [("cats\\big\\1.png", PICTURE)]), tmp_path / "out", LIMITS)
    assert tree(tmp_path / "out") == {"cats/big/1.png": PICTURE}


@pytest.mark.parametrize(
    ("mode", "message"),
    [
        (stat.S_IFLNK, "a link"),
        (stat.S_IFCHR, "a device"),
        (stat.S_IFBLK, "a device"),
        (stat.S_IFIFO, "a pipe"),
        (stat.S_IFSOCK, "a device"),
    ],
)
@pytest.mark.parametrize("system", [0, 3])
def test_links_and_devices(mode, message, system, tmp_path):
    info = zipfile.ZipInfo("set/strange.png")
    info.create_system = system
    info.external_attr = (mode | 0o777) << 16
    refused(pack(tmp_path / "a.zip", [("1.png", PICTURE), (info, b"/etc/passwd")]), tmp_path, f"'set/strange.png' is .*{message}")


def test_permissions_of_the_archive_are_not_taken_over(tmp_path):
    info = zipfile.ZipInfo("1.png")
    info.external_attr = (stat.S_IFREG | 0o6777) << 16
    unpack(pack(tmp_path / "a.zip", [(info, PICTURE)]), tmp_path / "out", LIMITS)
    assert (tmp_path / "out" / "1.png").stat().st_mode & 0o7111 == 0


@pytest.mark.parametrize("name", ["inner.zip", "deep/inner.tar.gz", "inner.TGZ", "inner.7z", "inner.rar", "train.tar", "b.bz2", "b.xz"])
def test_an_archive_in_the_archive(name, tmp_path):
    inner = io.BytesIO()
    if "tar" in name:
        with tarfile.open(fileobj=inner, mode="w:gz") as archive:
            archive.addfile(tarfile.TarInfo("1.png"))
    message = refused(pack(tmp_path / "a.zip", [("1.png", PICTURE), (name, inner.getvalue())]), tmp_path, "another archive")
    assert name in message
    assert "unpack that first" in message


def encrypt(path):
    """Say of the first file that it is encrypted, in both places."""
    content = bytearray(path.read_bytes())
    content[6] |= 1
    content[content.index(b"PK\1\2") + 8] |= 1
    path.write_bytes(content)


def test_encrypted(tmp_path):
    path = pack(tmp_path / "a.zip", [("1.png", PICTURE), ("2.png", PICTURE)])
    encrypt(path)
    refused(path, tmp_path, "a.zip is encrypted .*without a password")


def test_too_large_by_what_it_declares(tmp_path):
    path = pack(tmp_path / "a.zip", [(f"{n}.bmp", os.urandom(10_000)) for n in range(10)])
    refused(path, tmp_path, "more than 9.9e-05 GB", Limits(max_bytes=99_000, keep_free=0))
    check(path, Limits(max_bytes=100_000, keep_free=0))


def test_a_bomb_by_its_ratio(tmp_path):
    path = pack(tmp_path / "a.zip", [("1.png", PICTURE), ("zeros.bmp", bytes(50_000_000))])
    refused(path, tmp_path, "would become [0-9,]+ times as large, as a zip bomb does; 200 is the limit")


def patch_size(path, name, size):
    """Write another unpacked size for a file into both of its headers."""
    content = bytearray(path.read_bytes())
    with zipfile.ZipFile(path) as archive:
        at = archive.getinfo(name).header_offset
    struct.pack_into("<L", content, at + 22, size)
    entry = content.index(name.encode(), content.index(b"PK\1\2")) - 46
    struct.pack_into("<L", content, entry + 24, size)
    path.write_bytes(content)


def test_a_bomb_that_lies_about_its_size(tmp_path):
    """It says 1,000 bytes, and holds 50 million: no more than it says is unpacked, and then it is found damaged."""
    path = pack(tmp_path / "a.zip", [("1.png", PICTURE), ("zeros.bmp", bytes(50_000_000))])
    patch_size(path, "zeros.bmp", 1000)
    check(path, LIMITS)
    assert unpack(path, tmp_path / "out", LIMITS) == (Skipped("zeros.bmp", "it is damaged inside the archive"),)
    assert tree(tmp_path / "out") == {"1.png": PICTURE}


def test_what_is_really_written_counts(tmp_path, monkeypatch):
    """Even if the reader of zip files believed in more than was declared."""
    path = pack(tmp_path / "a.zip", [("1.png", PICTURE), ("zeros.bmp", os.urandom(5_000_000))])
    monkeypatch.setattr("atelier.datasets.archive._entries", lambda archive, *_: [(info, info.filename) for info in archive.infolist()])
    with pytest.raises(ValueError, match="would take more than"):
        unpack(path, tmp_path / "out", Limits(max_bytes=2_000_000, keep_free=0))
    assert sum(len(content) for content in tree(tmp_path / "out").values()) <= 2_000_000


def test_overlapping_files(tmp_path):
    """ "A better zip bomb": many entries of the directory share one kernel of packed bytes."""
    kernel = zlib.compress(os.urandom(1000) + bytes(100_000))[2:-4]
    local = struct.pack("<4s5H3L2H", b"PK\3\4", 20, 0, 8, 0, 0, 0, len(kernel), 101_000, 5, 0) + b"0.png" + kernel
    directory = b"".join(
        struct.pack("<4s6H3L5H2L", b"PK\1\2", 20, 20, 0, 8, 0, 0, 0, len(kernel), 101_000, 5, 0, 0, 0, 0, 0, 0) + f"{n}.png".encode()
        for n in range(10)
    )
    end = struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, 10, 10, len(directory), len(local), 0)
    (tmp_path / "a.zip").write_bytes(local + directory + end)
    refused(tmp_path / "a.zip", tmp_path, "overlaps another file", Limits(max_ratio=1e9, keep_free=0))


def test_too_many_files(tmp_path):
    path = pack(tmp_path / "a.zip", [(f"{n}.png", b"") for n in range(101)])
    refused(path, tmp_path, "more than 100 files", Limits(max_files=100, keep_free=0))
    check(path, Limits(max_files=101, keep_free=0))


def test_too_many_files_are_counted_before_the_directory_is_read(tmp_path, monkeypatch):
    path = pack(tmp_path / "a.zip", [(f"{n}.png", b"") for n in range(101)])
    content = bytearray(path.read_bytes())
    at = content.rindex(b"PK\5\6")
    struct.pack_into("<2H", content, at + 8, 1, 1)  # it says that there is one
    path.write_bytes(content)
    monkeypatch.setattr(zipfile.ZipFile, "__init__", lambda *_: pytest.fail("read"))
    with pytest.raises(ValueError, match="more than 100 files"):
        check(path, Limits(max_files=100))


def test_many_files_in_the_64_bit_form(tmp_path):
    path = pack(tmp_path / "a.zip", [(f"{n:05d}.png", b"") for n in range(66_000)])
    assert b"PK\6\6" in path.read_bytes()[-200:]
    check(path, LIMITS)
    refused(path, tmp_path, "more than 65,999 files", Limits(max_files=65_999, keep_free=0))


def test_an_endless_directory(tmp_path):
    path = tmp_path / "a.zip"
    with path.open("wb") as file:
        file.truncate(MAX_DIRECTORY + 100)
        file.seek(0, 2)
        file.write(struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, 1, 1, MAX_DIRECTORY + 100, 0, 0))
    refused(path, tmp_path, "table of contents is larger than")


def test_one_name_twice(tmp_path):
    with pytest.warns(UserWarning, match="Duplicate"):
        path = pack(tmp_path / "a.zip", [("a/1.png", PICTURE), ("a/1.png", b"other")])
    refused(path, tmp_path, "holds 'a/1.png' twice")
    refused(pack(tmp_path / "b.zip", [("a/1.png", PICTURE), ("a//./1.png", b"other")]), tmp_path, "holds 'a/1.png' twice")


def test_a_file_that_is_a_folder_as_well(tmp_path):
    refused(pack(tmp_path / "a.zip", [("a", b"file"), ("a/b/1.png", PICTURE)]), tmp_path, "'a' is a file and a folder")


def test_names_that_differ_in_capital_letters_alone(tmp_path):
    path = pack(tmp_path / "a.zip", [("a/1.png", PICTURE), ("A/1.PNG", PICTURE), ("a/1.PNG", b"")])
    unpack(path, tmp_path / "out", LIMITS)
    assert tree(tmp_path / "out") == {"a/1.png": PICTURE, "A/1.PNG": PICTURE, "a/1.PNG": b""}


def test_a_disk_that_can_not_tell_names_apart(tmp_path):
    """As one that ignores capital letters: nothing is ever overwritten."""
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "1.png").write_bytes(b"old")
    with pytest.raises(ValueError, match=r"can't tell '1\.png' from another file"):
        unpack(pack(tmp_path / "a.zip", [("1.png", PICTURE)]), tmp_path / "out", LIMITS)
    assert (tmp_path / "out" / "1.png").read_bytes() == b"old"


def test_names_in_utf8_that_do_not_say_so(tmp_path):
    """As the Finder of macOS writes them."""
    path = pack(tmp_path / "a.zip", [("ffffff/1.png", PICTURE)])
    path.write_bytes(path.read_bytes().replace(b"ffffff", "größ".encode()))
    unpack(path, tmp_path / "out", LIMITS)
    assert list(tree(tmp_path / "out")) == ["größ/1.png"]


def test_names_of_no_known_encoding_are_kept_apart(tmp_path):
    path = pack(tmp_path / "a.zip", [("ff/1.png", PICTURE), ("gg/1.png", PICTURE)])
    path.write_bytes(path.read_bytes().replace(b"ff/", b"\x83\x65/").replace(b"gg/", b"\x83\x66/"))  # Shift JIS
    unpack(path, tmp_path / "out", LIMITS)
    assert len(tree(tmp_path / "out")) == 2


def test_names_that_claim_to_be_utf8_and_are_not(tmp_path):
    path = pack(tmp_path / "a.zip", [("ää/1.png", PICTURE)])
    path.write_bytes(path.read_bytes().replace("ää".encode(), b"\xff\xfe\xfd\xfc"))
    refused(path, tmp_path, "claims to be UTF-8 and is not")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is empty"),
        (b"no archive at all" * 100, "is not a zip file"),
        (PICTURE, "is not a zip file"),
        (b"Rar!\x1a\x07" + bytes(1000), "is a RAR archive: pack the pictures into a zip file"),
        (b"7z\xbc\xaf\x27\x1c" + bytes(1000), "is a 7z archive"),
        (b"\x1f\x8b" + bytes(1000), "is a gzip archive"),
    ],
)
def test_other_files(content, message, tmp_path):
    (tmp_path / "a.zip").write_bytes(content)
    refused(tmp_path / "a.zip", tmp_path, f"a.zip {message}")


@pytest.mark.parametrize("keep", [0.1, 0.5, 0.98])
def test_a_zip_file_that_was_cut_off(keep, tmp_path):
    path = pack(tmp_path / "a.zip", [(f"{n}.png", PICTURE) for n in range(100)])
    os.truncate(path, int(keep * path.stat().st_size))
    refused(path, tmp_path, "damaged or not complete; was it cut off")


def test_an_empty_zip_file_and_one_without_pictures(tmp_path):
    refused(pack(tmp_path / "a.zip", []), tmp_path, "there are no pictures in a.zip: it is empty")
    refused(pack(tmp_path / "b.zip", [("a.txt", b""), ("b.npy", b""), ("c.npy", b"")]), tmp_path, "it holds 2 .npy, 1 .txt")
    refused(pack(tmp_path / "c.zip", [("__MACOSX/._1.png", b"")]), tmp_path, "it is empty")


@pytest.mark.parametrize(("method", "name"), [(zipfile.ZIP_BZIP2, "bzip2"), (zipfile.ZIP_LZMA, "LZMA")])
def test_methods_that_can_not_be_kept_within_bounds(method, name, tmp_path):
    path = pack(tmp_path / "a.zip", [("1.png", PICTURE)], method)
    refused(path, tmp_path, f"'1.png' is packed by {name}: pack it the ordinary way")


def test_a_damaged_file_is_left_out_and_named(tmp_path):
    content = os.urandom(5000)
    path = pack(tmp_path / "a.zip", [("1.png", PICTURE), ("set/2.png", content), ("3.png", PICTURE)], zipfile.ZIP_STORED)
    packed = bytearray(path.read_bytes())
    packed[packed.index(content) + 2500] ^= 1
    path.write_bytes(packed)
    assert unpack(path, tmp_path / "out", LIMITS) == (Skipped("set/2.png", "it is damaged inside the archive"),)
    assert tree(tmp_path / "out") == {"1.png": PICTURE, "3.png": PICTURE}


Usage = namedtuple("Usage", "total used free")


def test_the_disk_keeps_some_room(tmp_path, monkeypatch):
    path = pack(tmp_path / "a.zip", [("1.bmp", os.urandom(100_000))])
    monkeypatch.setattr(shutil, "disk_usage", lambda _: Usage(10**10, 0, 10**9 + 50_000))
    with pytest.raises(ValueError, match=r"the disk has 1\.0 GB left, and 1\.0 GB are needed"):
        unpack(path, tmp_path / "out", Limits())
    assert tree(tmp_path / "out") == {}
    monkeypatch.setattr(shutil, "disk_usage", lambda _: Usage(10**10, 0, 10**9 + 200_000))
    unpack(path, tmp_path / "out", Limits())


def test_the_disk_is_looked_at_again_while_it_fills(tmp_path, monkeypatch):
    path = pack(tmp_path / "a.zip", [(f"{n}.bmp", bytes(40 << 20)) for n in range(4)])
    free = iter([10**10, 10**5, 10**5])
    monkeypatch.setattr(shutil, "disk_usage", lambda _: Usage(10**11, 0, next(free)))
    with pytest.raises(ValueError, match="the disk has"):
        unpack(path, tmp_path / "out", Limits(max_ratio=2000))
    assert len(tree(tmp_path / "out")) < 4


def test_what_progress_raises_ends_the_work(tmp_path):
    def cancel(done, total):
        raise KeyboardInterrupt

    path = pack(tmp_path / "a.zip", [(f"{n}.png", PICTURE) for n in range(1000)])
    with pytest.raises(KeyboardInterrupt):
        unpack(path, tmp_path / "out", LIMITS, cancel)
    assert len(tree(tmp_path / "out")) == 10


def test_ten_thousand_small_files_take_seconds(tmp_path):
    path = pack(tmp_path / "a.zip", [(f"{n % 100}/{n}.png", PICTURE) for n in range(10_000)])
    told = []
    start = time.monotonic()
    check(path, LIMITS)
    unpack(path, tmp_path / "out", LIMITS, lambda *progress: told.append(progress))
    took = time.monotonic() - start
    assert len(told) == 100
    assert sum(len(files) for _, _, files in os.walk(tmp_path / "out")) == 10_000
    assert took < 20, took
    print(f"{took:.1f} s")


def test_nothing_is_written_outside_whatever_the_names(tmp_path):
    """All the tricks at once, each alone in an archive with a good picture."""
    (tmp_path / "inside").mkdir()
    names = ["..", "../x.png", "a/../../x.png", "/x.png", "//x.png", "./../x.png", "a\\..\\..\\x.png", "C:/x.png", "~/x.png", "a/./b/x.png"]
    for number, name in enumerate(names):
        info = zipfile.ZipInfo("y")
        info.filename = name
        path = pack(tmp_path / "inside" / f"{number}.zip", [("1.png", PICTURE), (info, PICTURE)])
        out = tmp_path / "inside" / "out" / str(number)
        try:
            unpack(path, out, LIMITS)
        except ValueError:
            assert not out.exists() or tree(out) == {}
    outside = {path for path in tmp_path.rglob("*") if path.is_file() and tmp_path / "inside" / "out" not in path.parents}
    assert {path.suffix for path in outside} == {".zip"}
    assert not Path("/x.png").exists()
