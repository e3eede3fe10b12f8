"""What bringing data costs, and that nothing of it is lost.

(a) A zip file of 10,000 pictures of every mode, 200 of them bad in every way: prepared by a job. Checks that exactly the 200 are named
    as skipped and that all others are in the data set; prints how long each stage took.
(b) Memory of the process that prepares 50,000 pictures, sampled while it works: resident (RSS) and its own (USS), by stages.
(c) The same for a process that trains a small DCGAN on them at 64 px for a minute.

    python benchmarks/data.py [a] [b] [c] [--pictures 10000] [--bad 200] [--many 50000] [--minutes 1]
"""

import argparse
import statistics
import struct
import sys
import tempfile
import time
import zipfile
import zlib
from collections import Counter, defaultdict
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

import numpy as np
import psutil
from PIL import Image

from atelier.datasets.brought import Brought
from atelier.datasets.catalog import Catalog
from atelier.jobs.local_run import run_job
from atelier.jobs.queue import submit_preparation, submit_training
from atelier.jobs.specs import PrepareRequest, TrainRequest
from atelier.registry.database import Database, migrate
from atelier.registry.store import Store
from atelier.registry.tables import Job
from atelier.settings import Settings

MB = 1 << 20
SAMPLE_SECONDS = 1.0
FLAT = 640  # bytes a picture, by which memory may grow between the second and the last quarter of a stage: what the scan keeps

# ---------------------------------------------------------------------------------------------------------------- pictures


def photograph(seed: int, size: tuple[int, int] = (160, 120)) -> Image.Image:
    cells = np.random.default_rng(seed).integers(0, 256, (7, 7, 3), np.uint8)
    return Image.fromarray(cells).resize(size, Image.Resampling.BICUBIC)


def encoded(image: Image.Image, kind: str, **options: object) -> bytes:
    stream = BytesIO()
    image.save(stream, kind, **options)
    return stream.getvalue()


def good(index: int) -> tuple[str, bytes]:
    """Suffix and content of a picture; the kinds take turns."""
    image = photograph(index, (96 + index % 160, 90 + index % 130))
    exif = Image.Exif()
    exif[0x0112] = 1 + index % 8
    match index % 14:
        case 0:
            return ".png", encoded(image, "PNG")
        case 1:
            image.putalpha(128)
            return ".png", encoded(image, "PNG")
        case 2:
            return ".png", encoded(image.convert("L"), "PNG")
        case 3:
            return ".png", encoded(Image.fromarray(np.asarray(image.convert("L")).astype(np.uint16) * 257), "PNG")
        case 4:
            return ".jpg", encoded(image.convert("CMYK"), "JPEG")
        case 5:
            return ".gif", encoded(image.convert("P"), "GIF")
        case 6:
            return ".gif", encoded(image, "GIF", save_all=True, append_images=[photograph(index + 1, image.size)])
        case 7:
            return ".webp", encoded(image, "WEBP")
        case 8:
            return ".tif", encoded(image, "TIFF")
        case 9:
            return ".bmp", encoded(image, "BMP")
        case 10:
            return ".png", encoded(image.convert("LA"), "PNG")
        case 11:
            return ".png", encoded(image.convert("P"), "PNG", transparency=0)
        case _:
            return ".jpg", encoded(image, "JPEG", exif=exif)


def declared(width: int, height: int) -> bytes:
    """A PNG that says it has this size, and has next to nothing in it."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">L", len(data)) + kind + data + struct.pack(">L", zlib.crc32(kind + data))

    header = chunk(b"IHDR", struct.pack(">LLBBBBB", width, height, 8, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", zlib.compress(bytes(1000))) + chunk(b"IEND", b"")


BAD_KINDS = (
    *("truncated jpg", "truncated png", "damaged png", "empty", "zeros", "text", "html", "noise", "dot", "line", "bomb", "heic"),
    "damaged in zip",
)


def bad(index: int) -> tuple[str, bytes]:
    image = photograph(10**6 + index)
    match BAD_KINDS[index % len(BAD_KINDS)]:
        case "truncated jpg":
            return ".jpg", encoded(image, "JPEG")[:1500]
        case "truncated png":
            return ".png", encoded(image, "PNG")[:5000]
        case "damaged png":
            content = bytearray(encoded(image, "PNG"))
            content[len(content) // 2] ^= 255
            return ".png", bytes(content)
        case "empty":
            return ".jpg", b""
        case "zeros":
            return ".jpg", bytes(5000)
        case "text":
            return ".png", b"this is no picture"
        case "html":
            return ".jpg", b"<!doctype html><html><body>404 Not Found</body></html>"
        case "noise":
            return ".jpg", np.random.default_rng(index).bytes(4000)
        case "dot":
            return ".png", encoded(photograph(index, (1, 1)), "PNG")
        case "line":
            return ".png", encoded(photograph(index, (3000, 9)), "PNG")
        case "bomb":
            return ".png", declared(50_000, 50_000)
        case "heic":
            return ".heic", b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + bytes(500)
        case _:
            return ".bmp", encoded(image, "BMP")


def write_zip(path: Path, pictures: int, num_bad: int) -> tuple[set[str], dict[str, str]]:
    """Names of the good ones, and of the bad ones with what they are."""
    every = pictures // num_bad
    names: set[str] = set()
    wrong: dict[str, str] = {}
    with zipfile.ZipFile(path, "w") as archive:
        for index in range(pictures):
            number = index // every
            is_bad = index % every == 0 and number < num_bad
            suffix, content = bad(number) if is_bad else good(index)
            name = f"set/class {index % 10}/{index:06}{suffix}"
            archive.writestr(name, content)
            if is_bad:
                wrong[name] = BAD_KINDS[number % len(BAD_KINDS)]
            else:
                names.add(name)
        infos = [info for info in archive.infolist() if wrong.get(info.filename) == "damaged in zip"]
    with path.open("r+b") as file:
        for info in infos:
            file.seek(info.header_offset + 30 + len(info.filename.encode()) + info.file_size // 2)
            file.write(b"\xaa\x55\xaa\x55")
    return names, wrong


def write_folder(folder: Path, count: int) -> None:
    """Small JPEGs in ten classes, each unlike the others."""
    for index in range(count):
        path = folder / f"class {index % 10}" / f"{index:06}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(encoded(photograph(index, (100, 80)), "JPEG", quality=80))


# -------------------------------------------------------------------------------------------------------------------- jobs


class Studio:
    def __init__(self, folder: Path) -> None:
        self.settings = Settings(store_dir=folder / "store", device="cpu", _env_file=None)
        self.store = Store(self.settings.store_dir)
        migrate(self.settings.resolved_database_url)
        self.database = Database(self.settings.resolved_database_url)
        self.catalog = Catalog(self.store.sources)

    def prepare(self, **request: object) -> Job:
        with self.database.write() as session:
            return submit_preparation(session, PrepareRequest.model_validate(request), self.catalog)

    def train(self, **request: object) -> Job:
        with self.database.write() as session:
            return submit_training(session, TrainRequest.model_validate(request), self.catalog)

    def follow(self, job: Job) -> Iterator[Job]:
        for row in run_job(self.settings, job.id):
            job = row
            yield row
        if job.status != "succeeded":
            sys.exit(f"The job has {job.status}: {job.error}\n{(self.store.logs / (job.log or '')).read_text()}")


def nothing_is_lost(folder: Path, pictures: int, num_bad: int) -> None:
    studio = Studio(folder)
    upload = studio.store.uploads / f"{'a' * 32}.zip"
    names, wrong = write_zip(upload, pictures, num_bad)
    size, ways = upload.stat().st_size / 1e6, len(set(wrong.values()))
    print(f"(a) {pictures:,} pictures, {len(wrong)} of them bad in {ways} ways, in a zip file of {size:.0f} MB")

    started = time.perf_counter()
    seconds: Counter[str] = Counter()
    before = started
    for row in studio.follow(studio.prepare(name="mixed", upload=upload.name, file_name="mixed.zip")):
        now = time.perf_counter()
        seconds[row.stage or "start"] += now - before
        before = now
    took = time.perf_counter() - started

    dataset = studio.catalog.open("mixed", {})
    assert isinstance(dataset, Brought)
    # an archive that wraps all in one folder: names below it
    found = {f"set/{record.path.removeprefix('set/')}" for record in dataset.records}
    skipped = {f"set/{one.path.removeprefix('set/')}": one.reason for one in dataset.skipped(0, 10**6)}
    print(f"    prepared in {took:.1f} s ({', '.join(f'{stage} {spent:.1f} s' for stage, spent in seconds.items())})")
    print(f"    in the set: {len(found):,}; lost: {len(names - found)}; bad ones in it: {len(found - names)}")
    print(f"    skipped: {len(skipped)}; not named: {len(wrong.keys() - skipped.keys())}; wrongly: {len(skipped.keys() - wrong.keys())}")
    reasons: defaultdict[str, set[str]] = defaultdict(set)
    for name, reason in skipped.items():
        reasons[wrong.get(name, "?")].add(reason)
    for kind, said in reasons.items():
        print(f"    {kind:>15}: {min(said)}")
    if found != names or skipped.keys() != wrong.keys():
        sys.exit("    something was lost, or not named")


def memory(studio: Studio, job: Job, pictures: int) -> None:
    """Follow the job and print what its process takes, by stages."""
    rows: list[tuple[str, int, int]] = []
    started = sampled = time.monotonic()
    for row in studio.follow(job):
        now = time.monotonic()
        if row.status == "running" and row.stage and now - sampled >= SAMPLE_SECONDS:
            sampled = now
            try:
                info = psutil.Process(row.pid).memory_full_info()
            except psutil.NoSuchProcess:
                continue
            rows.append((row.stage, info.rss, info.uss))
    print(f"    it took {time.monotonic() - started:.0f} s; MB every {SAMPLE_SECONDS:g} s:")
    of_each = f"{'min':>8} {'median':>8} {'max':>8}"
    print(f"    {'stage':>10} {'samples':>8}   {of_each}   {of_each}   (RSS, then USS; growth of USS)")
    flat = True
    for stage in dict.fromkeys(stage for stage, *_ in rows):
        columns = [[row[column] for row in rows if row[0] == stage] for column in (1, 2)]
        own = columns[1]
        quarter = max(1, len(own) // 4)
        growth = statistics.median(own[-quarter:]) - statistics.median(own[quarter : 2 * quarter] or own)  # the first quarter warms up
        flat = flat and growth < FLAT * pictures
        figures = "   ".join(" ".join(f"{f(values) / MB:8.0f}" for f in (min, statistics.median, max)) for values in columns)
        print(f"    {stage:>10} {len(own):8}   {figures}   {growth / MB:+.1f}")
    for name, column in (("RSS", 1), ("USS", 2)):
        course = [row[column] for row in rows]
        tenths = [course[len(course) * tenth // 10] / MB for tenth in range(10)] + [course[-1] / MB]
        print(f"    {name} over the course: {' '.join(f'{value:.0f}' for value in tenths)}")
    print(f"    {'flat' if flat else 'NOT FLAT'} (growth within a stage below {FLAT} bytes a picture, {FLAT * pictures / MB:.0f} MB)")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("parts", nargs="*", choices=["a", "b", "c"], default=["a", "b", "c"])
    parser.add_argument("--pictures", type=int, default=10_000)
    parser.add_argument("--bad", type=int, default=200)
    parser.add_argument("--many", type=int, default=50_000)
    parser.add_argument("--minutes", type=float, default=1.0)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        if "a" in arguments.parts:
            nothing_is_lost(Path(temporary, "a"), arguments.pictures, arguments.bad)
        if {"b", "c"} & set(arguments.parts):
            write_folder(Path(temporary, "pictures"), arguments.many)
            studio = Studio(Path(temporary, "b"))
            print(f"(b) the preparation of {arguments.many:,} pictures at 64 px")
            memory(studio, studio.prepare(name="many", folder=str(Path(temporary, "pictures"))), arguments.many)
            if "c" in arguments.parts:
                print(f"(c) a training on them for {arguments.minutes:g} minutes")
                hyperparameters = {"resolution": 64, "batch_size": 64, "minutes": arguments.minutes}
                run = {"architecture": "dcgan", "dataset": "many", "model": "memory", "preset": "debug", "hyperparameters": hyperparameters}
                memory(studio, studio.train(**run), arguments.many)


if __name__ == "__main__":
    main()
