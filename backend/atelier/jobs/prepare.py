"""The preparation of pictures that people bring: an upload, a folder or a download → a data set, drawn at one resolution."""

import logging
import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from atelier.datasets import archive, bring, brought, cache, scan
from atelier.datasets.brought import Brought, BroughtOptions, Manifest
from atelier.datasets.catalog import Catalog
from atelier.datasets.downloads import downloads, fetch
from atelier.datasets.layouts.base import Skipped, is_picture, locate, walk
from atelier.jobs import sources
from atelier.jobs.recorder import JobCancelled, JobInterrupted, JobPaused, Recorder
from atelier.jobs.specs import PrepareRequest
from atelier.registry.store import Store
from atelier.settings import Settings

KEEP_FREE = 10**9  # bytes of the disk
NAMED = 20  # skipped files, in the log

log = logging.getLogger("atelier.jobs")


def run(json_spec: dict[str, Any], recorder: Recorder, store: Store, settings: Settings) -> None:
    """From the beginning, however often: the data set appears by one rename when all is there, and nothing of it before."""
    spec = PrepareRequest.model_validate(json_spec)
    staging = sources.staging(store, recorder.job_id)
    upload = store.uploads / spec.upload if spec.upload else None
    with recorder.database.read() as session:
        sources.sweep(session, store)
    shutil.rmtree(staging, ignore_errors=True)  # of this very job, when its process was killed
    try:
        published = _published(spec, recorder, store)
        if not published:
            staging.mkdir()
            _build(spec, upload, staging, recorder, store)
        with recorder.transaction() as (_, job):
            if job.cancel_requested and not published:
                raise JobCancelled
            if not _published(spec, recorder, store):  # asked again: a retry of this job may have been faster
                staging.rename(store.sources / spec.name)
            job.stage, job.step = "prepare", job.total_steps
            job.succeed()
        log.info("The data set %s is there.", spec.name)
    except (JobPaused, JobInterrupted):
        raise  # it begins again, and needs the upload
    except BaseException as error:
        sources.delete_folders([staging])
        if spec.name not in Catalog(store.sources):  # else they belong to the set that another job has published
            sources.delete_folders(sources.prepared_from(store, spec.name))
        if isinstance(error, JobCancelled):  # what fails may be tried again, so its upload stays for a while
            _forget(upload)
        raise
    _forget(upload)


def _forget(upload: Path | None) -> None:
    if upload is not None:
        upload.unlink(missing_ok=True)


def _published(spec: PrepareRequest, recorder: Recorder, store: Store) -> bool:
    """Whether this job has published the set, and was killed before it could say so.

    Raises:
        ValueError: somebody else has published one by that name.
    """
    if spec.name not in Catalog(store.sources):
        return False
    other = Manifest.model_validate_json((store.sources / spec.name / brought.SOURCE).read_bytes())
    if other.job != recorder.job_id:
        raise ValueError(f"there is a data set {spec.name} already")
    return True


def _build(spec: PrepareRequest, upload: Path | None, staging: Path, recorder: Recorder, store: Store) -> None:
    """Put the data set together in the staging folder, and draw its pictures."""
    licence = "not stated"
    skipped: Sequence[Skipped] = ()
    if upload is not None:
        folder = staging / brought.FILES
        skipped = _unpack(spec, upload, folder, recorder)
        origin = f"the zip file {spec.file_name or spec.name}"
    elif spec.download is not None:
        folder = staging / brought.FILES
        licence = downloads[spec.download].licence
        fetch(spec.download, folder, lambda done, total: recorder.beat("download", done, total))
        origin = f"a download ({downloads[spec.download].title})"
    else:
        assert spec.folder is not None
        folder = Path(spec.folder)
        origin = "a folder of the server"

    within = None if spec.within is None else tuple(map(Path, spec.within))
    recorder.beat("read")
    try:
        if within is not None:
            _check_links(folder, within, recorder)
        root, layout = locate(folder, spec.layout)
        listing = layout().read(root)
    except ValueError as error:  # the user does not know our folder
        raise ValueError(str(error).replace(brought.FILES, spec.name) if folder.is_relative_to(staging) else str(error)) from error
    listing = replace(listing, skipped=(*skipped, *listing.skipped))
    log.info("%s: %d pictures laid out as %s.", spec.name, len(listing.entries), layout.title)

    index = scan.scan(root, listing, lambda done, total: recorder.beat("scan", done, total), within=within)
    manifest = bring.write(
        staging,
        listing,
        index,
        lambda done, total: recorder.beat("write", done, total),
        name=spec.name,
        title=spec.title or spec.name,
        layout=layout.name,
        licence=licence,
        origin=origin,
        root=root.relative_to(staging).as_posix() if root.is_relative_to(staging) else str(root.resolve()),
        mirrorable=spec.mirrorable and (spec.download is None or downloads[spec.download].mirrorable),
        job=recorder.job_id,
    )
    _log_skipped([*listing.skipped, *index.skipped])
    log.info("%d pictures in %s; %d of them are like another one.", manifest.num_images, manifest.splits, manifest.num_duplicates)
    del listing, index  # a few hundred bytes a picture, which drawing does not need

    needed = manifest.num_images * spec.resolution**2 * manifest.channels
    free = shutil.disk_usage(store.root).free
    if free < needed + KEEP_FREE:
        raise ValueError(f"the disk has {free / 1e9:.1f} GB left, too little for {needed / 1e9:.1f} GB of prepared pictures")
    dataset = Brought(staging, BroughtOptions())
    with recorder.transaction() as (_, job):
        job.stage, job.step, job.total_steps = "prepare", 0, len(dataset)
    cache.prepare(dataset, spec.resolution, store.datasets, lambda done, total: recorder.beat("prepare", done, total))


def _unpack(spec: PrepareRequest, upload: Path, folder: Path, recorder: Recorder) -> Sequence[Skipped]:
    if not upload.exists():  # of a job that has ended, which somebody retries
        raise ValueError("the zip file is gone: it is deleted when its job has ended, a day later if it failed; send it again")
    try:
        return archive.unpack(upload, folder, archive.Limits(), lambda done, total: recorder.beat("unpack", done, total))
    except ValueError as error:
        raise ValueError(str(error).replace(upload.name, spec.file_name or "the zip file")) from error


def _check_links(folder: Path, within: tuple[Path, ...], recorder: Recorder) -> None:
    """Pictures that are links out of the allowed folders are skipped one by one; what is read as text must not be one."""
    for path in walk(folder):
        recorder.beat("read")
        if not is_picture(path) and not any((folder / path).resolve().is_relative_to(root) for root in within):
            raise ValueError(f"{path} is a link that leads out of the folders of ATELIER_DATA_ROOTS")


def _log_skipped(skipped: Sequence[Skipped]) -> None:
    for left_out in skipped[:NAMED]:
        log.info("Skipped %s: %s.", left_out.path, left_out.reason)
    if len(skipped) > NAMED:
        log.info("… and %d more; the data set's report lists all of them.", len(skipped) - NAMED)
