"""Preparations: all or nothing, from the beginning however often, and every file accounted for."""

import json
import os
import secrets
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import timedelta

import numpy as np
import pytest

from atelier.datasets.base import SPLITS
from atelier.datasets.brought import Brought
from atelier.datasets.cache import STAGING, PreparedDataset, fingerprint
from atelier.datasets.catalog import Catalog
from atelier.errors import Conflict, Invalid, NotFound
from atelier.jobs import prepare, sources
from atelier.jobs.queue import retry, submit_preparation
from atelier.jobs.recorder import JobCancelled, JobInterrupted, Recorder
from atelier.jobs.specs import PrepareRequest
from atelier.models import artifact
from atelier.registry.tables import FINISHED, DatasetRow, Job, now

RESOLUTION = 16


class Bench:
    """A studio, and what brings pictures into it."""

    def __init__(self, studio, pack, put):
        self.studio, self.store, self.pack, self.put = studio, studio.store, pack, put
        self.catalog = Catalog(studio.store.sources)

    def zipped(self, files, **changes) -> Job:
        upload = self.store.uploads / f"{secrets.token_hex(16)}.zip"
        self.pack(upload, files)
        return self.submit(upload=upload.name, file_name="my birds.zip", **changes)

    def submit(self, **changes) -> Job:
        request = PrepareRequest.model_validate({"name": "birds", "resolution": RESOLUTION} | changes)
        with self.studio.database.write() as session:
            return submit_preparation(session, request, self.catalog)

    def start(self, job) -> Recorder:
        self.studio.change(job, lambda job: job.claim("log.txt", os.getpid(), time.time()))
        self.studio.change(job, lambda job: job.start())
        return Recorder(self.studio.database, job.id)

    def run(self, job) -> Job:
        prepare.run(job.spec, self.start(job), self.store, self.studio.settings)
        return self.studio.row(job)

    def process(self, job, environment=None) -> subprocess.Popen:
        """The job in a process of its own, as the supervisor would start it; without one, nobody takes it up again."""
        path = self.store.create_log("prepare")
        with self.studio.database.write() as session, path.open("ab") as output:
            row = session.get_one(Job, job.id)
            command = [sys.executable, "-m", "atelier.jobs", str(job.id)]
            settings = {
                "ATELIER_STORE_DIR": str(self.store.root),
                "ATELIER_DATABASE_URL": self.studio.settings.resolved_database_url,
            }
            process = subprocess.Popen(command, env=os.environ | settings | (environment or {}), stdout=output, stderr=output)
            row.claim(path.name, process.pid, time.time())
        return process

    def left_overs(self) -> list[str]:
        """Whatever is neither a data set nor prepared pictures."""
        hidden = [*self.store.sources.glob(f"{STAGING}*"), *self.store.datasets.glob(f"{STAGING}*"), *self.store.uploads.iterdir()]
        return [path.name for path in hidden]

    def prepared(self, name="birds") -> PreparedDataset:
        dataset = self.catalog.open(name, {})
        return PreparedDataset.open(self.store.datasets / fingerprint(dataset, RESOLUTION))


@pytest.fixture
def bench(studio, pack, put) -> Bench:
    return Bench(studio, pack, put)


def in_classes(files):
    return {f"{('cats', 'dogs')[index % 2]}/{name}": content for index, (name, content) in enumerate(files.items())}


def test_a_zip_file_becomes_a_data_set(bench, good, bad):
    job = bench.run(bench.zipped(in_classes(good | bad), title="Cats and dogs"))
    assert (job.status, job.stage, job.step, job.total_steps, job.dataset) == ("succeeded", "prepare", 11, 11, "birds")
    assert bench.left_overs() == []

    dataset = bench.catalog.open("birds", {})
    assert isinstance(dataset, Brought)
    assert (dataset.title, dataset.class_names, dataset.channels, len(dataset)) == ("Cats and dogs", ("cats", "dogs"), 3, len(good))
    skipped = {one.path.partition("/")[2]: one.reason for one in dataset.skipped(0, 100)}
    assert skipped.keys() == bad.keys()
    assert all(skipped.values())
    assert {record.path.partition("/")[2] for record in dataset.records} == set(good)

    prepared = bench.prepared()
    assert len(prepared) == len(good)
    assert np.array_equal(prepared.images[3], dataset.draw(3, RESOLUTION))
    assert sum(len(prepared.rows(split)) for split in SPLITS) == len(good)


def test_a_folder_is_read_where_it_lies(bench, photographs, tmp_path):
    folder = bench.put(tmp_path / "pictures", photographs(5))
    before = sorted(folder.iterdir())
    assert bench.run(bench.submit(folder=str(folder))).status == "succeeded"
    assert sorted(folder.iterdir()) == before
    assert not (bench.store.sources / "birds" / "files").exists()
    assert bench.catalog.open("birds", {}).manifest.origin == "a folder of the server"
    assert len(bench.prepared()) == 5


def test_links_out_of_the_allowed_folders(bench, photographs, tmp_path):
    folder, outside = bench.put(tmp_path / "in", photographs(3)), bench.put(tmp_path / "out", photographs(4) | {"secret.txt": b"secret"})
    (folder / "link.jpg").symlink_to(outside / "00003.jpg")
    within = (str(folder.resolve()),)
    bench.run(bench.submit(folder=str(folder), within=within))
    dataset = bench.catalog.open("birds", {})
    assert (len(dataset), [one.path for one in dataset.skipped(0, 9)]) == (3, ["link.jpg"])

    (folder / "00000.txt").symlink_to(outside / "secret.txt")
    with pytest.raises(ValueError, match=r"00000.txt is a link that leads out of the folders of ATELIER_DATA_ROOTS"):
        bench.run(bench.submit(folder=str(folder), within=within, name="other"))
    assert "other" not in bench.catalog


@pytest.mark.parametrize(
    ("files", "complaint"),
    [
        ({"a.jpg": b"no picture"}, r"none of the 1 pictures can be used \(a.jpg: "),
        ({"../a.jpg": b""}, "my birds.zip: '../a.jpg' leads out of the folder"),
        ({"notes.txt": b"x"}, "there are no pictures in my birds.zip"),
        (None, "the zip file is gone"),
    ],
)
def test_what_can_not_be_used_says_why_and_leaves_only_its_upload(files, complaint, bench):
    job = bench.zipped(files or {})
    if files is None:
        (bench.store.uploads / job.spec["upload"]).unlink()
    with pytest.raises(ValueError, match=complaint):
        bench.run(job)
    assert bench.left_overs() == ([] if files is None else [job.spec["upload"]])  # which a retry may need
    assert bench.catalog.names() == Catalog(None).names()


def test_a_layout_that_does_not_fit_is_said_in_the_users_words(bench, photographs):
    with pytest.raises(ValueError, match=r"^birds is not laid out as CUB"):
        bench.run(bench.zipped(photographs(2), layout="cub"))


def stop_at(recorder: Recorder, stage: str, act: Callable[[], None]) -> None:
    beat = recorder.beat

    def stopping(now: str, step: int | None = None, total_steps: int | None = None) -> None:
        beat(now, step, total_steps)
        if now == stage:
            act()

    recorder.beat = stopping  # type: ignore[method-assign]


@pytest.mark.parametrize("stage", ["unpack", "read", "scan", "write", "prepare"])
def test_a_cancelled_one_leaves_nothing(stage, bench, photographs):
    job = bench.zipped(photographs(20))
    recorder = bench.start(job)

    def cancel():
        bench.studio.change(job, lambda job: job.request_cancel())
        raise JobCancelled

    stop_at(recorder, stage, cancel)
    with pytest.raises(JobCancelled):
        prepare.run(job.spec, recorder, bench.store, bench.studio.settings)
    assert bench.left_overs() == []
    assert list(bench.store.datasets.iterdir()) == []
    assert "birds" not in bench.catalog


def test_a_cancellation_in_the_last_moment_is_heard(bench, photographs, monkeypatch):
    job = bench.zipped(photographs(3))
    recorder = bench.start(job)
    monkeypatch.setattr(recorder, "_listen", lambda job: None)  # asked for after the last beat
    stop_at(recorder, "prepare", lambda: bench.studio.change(job, lambda job: job.request_cancel()))
    with pytest.raises(JobCancelled):
        prepare.run(job.spec, recorder, bench.store, bench.studio.settings)
    assert "birds" not in bench.catalog
    assert bench.left_overs() == []


def test_an_interrupted_one_keeps_the_upload_to_begin_again(bench, photographs):
    job = bench.zipped(photographs(20))
    recorder = bench.start(job)
    stop_at(recorder, "scan", lambda: setattr(recorder, "interrupted", True))
    with pytest.raises(JobInterrupted):
        prepare.run(job.spec, recorder, bench.store, bench.studio.settings)
    assert "birds" not in bench.catalog
    prepare.run(job.spec, Recorder(bench.studio.database, job.id), bench.store, bench.studio.settings)
    assert len(bench.prepared()) == 20
    assert bench.left_overs() == []


@pytest.mark.parametrize("stage", ["unpack", "scan", "prepare", "published"])
def test_a_killed_one_begins_again_and_ends_as_if_undisturbed(stage, bench, photographs, good, bad, tmp_path):
    files = in_classes(photographs(60) | good | bad)
    undisturbed = bench.run(bench.zipped(files, name="undisturbed"))
    assert undisturbed.status == "succeeded"

    # Python runs this file as it starts: the process kills itself in the middle of the stage.
    (tmp_path / "kill").mkdir()
    (tmp_path / "kill" / "sitecustomize.py").write_text(
        f"""
import os, signal, sys
if sys.argv[1:2] != ["-c"]:
    def arm():
        from atelier.jobs.recorder import Recorder
        from atelier.registry.tables import Job
        beat = Recorder.beat
        def deadly(self, stage, step=None, total_steps=None):
            beat(self, stage, step, total_steps)
            if stage == {stage!r} and (step or 0) * 2 >= (total_steps or 0):
                os.kill(os.getpid(), signal.SIGKILL)
        Recorder.beat = deadly
        if {stage!r} == "published":
            Job.succeed = lambda self, version=None: os.kill(os.getpid(), signal.SIGKILL)
    class Finder:
        def find_spec(self, name, path=None, target=None):
            if name == "atelier.jobs.prepare":
                sys.meta_path.remove(self)
                arm()
    sys.meta_path.insert(0, Finder())
"""
    )
    job = bench.zipped(files)
    process = bench.process(job, {"PYTHONPATH": f"{tmp_path / 'kill'}{os.pathsep}{os.environ.get('PYTHONPATH', '')}"})
    assert process.wait(timeout=120) == -signal.SIGKILL, bench.studio.log(job)
    assert ("birds" in bench.catalog) == (stage == "published"), "all or nothing"
    assert [path.name for path in bench.store.uploads.iterdir()] == [job.spec["upload"]]

    prepare.run(job.spec, Recorder(bench.studio.database, job.id), bench.store, bench.studio.settings)
    assert bench.studio.row(job).status == "succeeded"
    one, other = bench.catalog.open("birds", {}), bench.catalog.open("undisturbed", {})
    assert isinstance(one, Brought)
    assert isinstance(other, Brought)
    assert (one.manifest.digest, one.skipped(0, 99), one.report()) == (other.manifest.digest, other.skipped(0, 99), other.report())
    assert np.array_equal(bench.prepared().images, bench.prepared("undisturbed").images)
    for left_over in bench.store.datasets.glob(f"{STAGING}*"):  # of the killed process, swept when the next set is prepared
        os.utime(left_over, (0, 0))
    bench.run(bench.submit(folder=str(bench.put(tmp_path / "next", photographs(1))), name="next"))
    assert bench.left_overs() == []


def test_the_supervisor_takes_a_killed_one_up_again_by_itself(bench, photographs):
    job = bench.zipped(photographs(400))
    supervisor = bench.studio.supervisor()
    supervisor._fill()
    row = bench.studio.wait(job, lambda row: row.stage is not None)
    os.kill(row.pid, signal.SIGKILL)

    def ended(row: Job) -> bool:
        supervisor._round()
        return row.status in FINISHED

    row = bench.studio.wait(job, ended)
    assert (row.status, row.restarts) == ("succeeded", 1), bench.studio.log(job)
    assert len(bench.prepared()) == 400
    assert row.log.startswith("prepare-")


def test_training_on_it_gives_a_version_that_outlives_it(bench, photographs):
    bench.run(bench.zipped(in_classes(photographs(12)), resolution=24))
    job = bench.studio.submit(dataset="birds", dataset_options={}, hyperparameters={"steps": 2, "batch_size": 4})
    with bench.studio.database.write() as session, pytest.raises(Conflict, match=rf"birds is needed by job {job.id} \(queued\)"):
        sources.remove_dataset(session, bench.store, "birds")
    supervisor = bench.studio.supervisor()

    def ended(row: Job) -> bool:
        supervisor._round()
        return row.status in FINISHED

    row = bench.studio.wait(job, ended)
    assert row.status == "succeeded", bench.studio.log(job)
    manifest = row.version.manifest
    assert (manifest["dataset"]["class_names"], manifest["dataset"]["num_images"]) == (["cats", "dogs"], 12)

    assert len(list(bench.store.datasets.iterdir())) == 2, "at the resolution it was added for, and at the training's"
    with bench.studio.database.write() as session:
        folders = sources.remove_dataset(session, bench.store, "birds")
    assert "birds" not in bench.catalog
    sources.delete_folders(folders)
    assert list(bench.store.datasets.iterdir()) == list(bench.store.sources.iterdir()) == []
    assert bench.studio.read(lambda session: session.query(DatasetRow).count()) == 0
    assert (bench.store.version("first", 1) / artifact.WEIGHTS).exists()


def test_the_same_pictures_may_come_twice_under_another_name(bench, photographs):
    for name in ("birds", "again"):
        assert bench.run(bench.zipped(photographs(3), name=name)).status == "succeeded"
    assert np.array_equal(bench.prepared().images, bench.prepared("again").images)
    with bench.studio.database.write() as session:
        sources.delete_folders(sources.remove_dataset(session, bench.store, "birds"))
    assert len(bench.prepared("again")) == 3


def test_names_are_given_once(bench, photographs):
    with pytest.raises(Conflict, match="emoji is the name of a built-in data set"):
        bench.zipped(photographs(1), name="emoji")
    job = bench.zipped(photographs(1))
    with pytest.raises(Conflict, match=rf"Job {job.id} is preparing a data set birds"):
        bench.zipped(photographs(1))
    bench.run(job)
    with pytest.raises(Conflict, match="There is a data set birds already"):
        bench.zipped(photographs(1))
    late = bench.zipped(photographs(1), name="late")
    shutil.copytree(bench.store.sources / "birds", bench.store.sources / "late")
    with pytest.raises(ValueError, match="there is a data set late already"):
        bench.run(late)
    assert len(bench.catalog.open("late", {})) == 1, "of the other one, nothing is lost"


def test_a_retry_of_what_has_succeeded_harms_nothing(bench, photographs, tmp_path):
    folder = bench.put(tmp_path / "pictures", photographs(3))
    job = bench.run(bench.submit(folder=str(folder)))
    with bench.studio.database.write() as session:
        again = retry(session, session.get_one(Job, job.id))
    with pytest.raises(ValueError, match="there is a data set birds already"):
        bench.run(again)
    assert len(bench.prepared()) == 3


def test_of_two_that_prepare_the_same_the_first_publishes(bench, photographs, tmp_path):
    folder = bench.put(tmp_path / "pictures", photographs(3))
    job = bench.submit(folder=str(folder))
    bench.studio.change(job, lambda job: job.claim("log.txt", os.getpid(), time.time()))
    bench.studio.change(job, lambda job: job._rest("interrupted", "It died."))
    with bench.studio.database.write() as session:
        again = retry(session, session.get_one(Job, job.id))
    bench.studio.change(job, lambda job: job.resume(checkpoint=False))
    recorder = bench.start(job)
    stop_at(recorder, "prepare", lambda: bench.run(again) if "birds" not in bench.catalog else None)
    with pytest.raises(ValueError, match="there is a data set birds already"):
        prepare.run(job.spec, recorder, bench.store, bench.studio.settings)
    assert bench.catalog.open("birds", {}).manifest.job == again.id
    assert len(bench.prepared()) == 3
    assert bench.left_overs() == []


@pytest.mark.parametrize(("changes", "pointer"), [({"layout": "piles"}, "/layout"), ({"download": "imagenet"}, "/download")])
def test_what_does_not_exist_is_refused_before_it_is_queued(changes, pointer, bench):
    with pytest.raises(Invalid) as refused:
        bench.submit(**changes)
    assert [error["pointer"] for error in refused.value.errors] == [pointer]


def test_only_what_was_brought_can_be_removed(bench):
    with bench.studio.database.write() as session:
        with pytest.raises(Conflict, match="emoji is built in"):
            sources.remove_dataset(session, bench.store, "emoji")
        with pytest.raises(NotFound, match="There is no data set 'birds'"):
            sources.remove_dataset(session, bench.store, "birds")


def test_a_full_disk_is_foreseen_and_the_same_upload_tried_again_later(bench, photographs, monkeypatch):
    job = bench.zipped(photographs(4))
    with monkeypatch.context() as patch:
        patch.setattr(prepare, "KEEP_FREE", 10**18)
        with pytest.raises(ValueError, match=r"the disk has .* GB left, too little"):
            bench.run(job)
    assert bench.left_overs() == [job.spec["upload"]]
    bench.studio.change(job, lambda job: job.fail("the disk is full"))
    with bench.studio.database.write() as session:
        again = retry(session, session.get_one(Job, job.id))
    assert bench.run(again).status == "succeeded"
    assert len(bench.prepared()) == 4
    assert bench.left_overs() == []


def test_the_upload_of_what_failed_stays_for_a_day(bench, photographs):
    job = bench.zipped(photographs(1))
    bench.start(job)
    bench.studio.change(job, lambda job: job.fail("the disk is full"))
    kept = []
    for hours in (23, 25):
        bench.studio.change(job, lambda job, hours=hours: setattr(job, "finished_at", now() - timedelta(hours=hours)))
        with bench.studio.database.read() as session:
            sources.sweep(session, bench.store)
        kept.append(len(bench.left_overs()))
    assert kept == [1, 0]


@pytest.mark.parametrize("status", ["queued", "running", "interrupted"])
def test_the_upload_is_not_taken_from_under_a_retry(status, bench, photographs):
    job = bench.zipped(photographs(1))
    bench.start(job)
    bench.studio.change(job, lambda job: job.fail("the disk is full"))
    bench.studio.change(job, lambda job: setattr(job, "finished_at", now() - timedelta(days=2)))
    with bench.studio.database.write() as session:
        again = retry(session, session.get_one(Job, job.id))
    if status != "queued":
        bench.start(again)
    if status == "interrupted":
        bench.studio.change(again, lambda job: job._rest("interrupted", "It died."))
    with bench.studio.database.read() as session:
        sources.sweep(session, bench.store)
    assert bench.left_overs() == [job.spec["upload"]]
    bench.studio.change(again, lambda job: setattr(job, "status", "failed"))
    bench.studio.change(again, lambda job: setattr(job, "finished_at", now() - timedelta(days=2)))
    with bench.studio.database.read() as session:
        sources.sweep(session, bench.store)
    assert bench.left_overs() == []


def test_left_overs_are_swept_and_nothing_else(bench, photographs):
    store, studio = bench.store, bench.studio
    waiting, ended = bench.zipped(photographs(1)), bench.zipped(photographs(1), name="ended")
    studio.change(ended, lambda job: job.request_cancel())
    old, new = store.uploads / f"{'0' * 32}.part", store.uploads / f"{'1' * 32}.part"
    for file in (old, new):
        file.touch()
    os.utime(old, (0, 0))
    (store.sources / f"{STAGING}999").mkdir()
    (store.sources / f"{STAGING}removed-0123").mkdir()
    running = bench.zipped(photographs(1), name="running")
    bench.start(running)
    kept = sources.staging(store, running.id)
    kept.mkdir()
    (store.uploads / "README").touch()
    with studio.database.read() as session:
        sources.sweep(session, store)
    assert list(store.sources.iterdir()) == [kept]
    assert {path.name for path in store.uploads.iterdir()} == {waiting.spec["upload"], running.spec["upload"], new.name, "README"}


def test_the_log_names_what_was_skipped(bench, good, bad, caplog):
    with caplog.at_level("INFO"):
        bench.run(bench.zipped(good | {f"{index:02}.jpg": b"x" for index in range(30)}))
    assert "Skipped 00.jpg: " in caplog.text
    assert "… and 10 more" in caplog.text
    assert json.dumps(bench.catalog.open("birds", {}).report().model_dump())
