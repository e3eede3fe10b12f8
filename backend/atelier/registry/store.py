"""The folder beside the database: paths, and the publishing of versions."""

import hashlib
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from atelier.registry.tables import Job, Model, Version


class Store:
    """Where things are; every name below the root is made by Atelier, never by a client."""

    def __init__(self, root: Path) -> None:
        self.root = root.resolve()
        self.classifiers = self.root / "classifiers"
        self.projections = self.root / "projections"  # of pictures that people have sent: the latents that draw them
        self.datasets = self.root / "datasets"
        self.images = self.root / "images"
        self.logs = self.root / "logs"
        self.pictures = self.root / "pictures"  # that people have sent
        self.sources = self.root / "sources"  # the pictures that people brought
        self.trash = self.root / "trash"  # what is being deleted
        self.uploads = self.root / "uploads"
        for folder in (
            self.classifiers,
            self.projections,
            self.datasets,
            self.images,
            self.logs,
            self.pictures,
            self.sources,
            self.trash,
            self.uploads,
        ):
            folder.mkdir(parents=True, exist_ok=True)

    def version(self, model: str, number: int) -> Path:
        return self.root / "versions" / model / f"v{number}"

    def classifier(self, fingerprint: str) -> Path:
        """Of the versions trained on the prepared data set with this fingerprint: what sees attributes in their images."""
        named = re.fullmatch(r"[0-9a-f]{64}", fingerprint) is not None  # by us; else it comes from a manifest that anybody wrote
        return self.classifiers / (fingerprint if named else hashlib.sha256(fingerprint.encode()).hexdigest())

    def directions(self, digest: str) -> Path:
        """Of the version with that digest: directions of its latents. Beside the version, whose own folder its digest is of."""
        return self.root / "directions" / digest

    def graph(self, digest: str) -> Path:
        """Of the version with that digest: its generator as an ONNX graph."""
        return self.root / "compiled" / f"{digest}.onnx"

    def projection(self, job_id: int) -> Path:
        """The latent that a projection ended with."""
        return self.projections / f"{job_id}.safetensors"

    def job(self, job_id: int) -> Path:
        """The job's own folder, made when it is missing."""
        folder = self.root / "jobs" / str(job_id)
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    def checkpoint(self, job_id: int) -> Path:
        return self.job(job_id) / "checkpoint.pt"

    def preview(self, job_id: int, step: int) -> Path:
        return self.root / "jobs" / str(job_id) / "previews" / f"{step}.png"

    def result(self, job_id: int) -> Path:
        """The picture that a style transfer ended with."""
        return self.root / "jobs" / str(job_id) / "result.png"

    @property
    def statistics(self) -> Path:
        """Features of real sets that were looked at."""
        return self.root / "statistics"

    @property
    def films(self) -> Path:
        """Moving pictures that were made."""
        return self.root / "films"

    @property
    def features(self) -> Path:
        """Feature networks that were fetched or added."""
        return self.root / "features"

    def create_log(self, prefix: str) -> Path:
        """A new empty log named after the prefix and this moment, the job's alone."""
        while True:
            path = self.logs / f"{prefix}-{datetime.now(UTC):%Y%m%d-%H%M%S-%f}"[:-3]
            path = path.with_name(path.name + ".txt")
            try:
                path.touch(exist_ok=False)
            except FileExistsError:  # another job started within this millisecond
                continue
            return path

    @contextmanager
    def staging(self, job_id: int) -> Iterator[Path]:
        """A folder to fill before it is published; what is not published leaves with the block."""
        folder = Path(mkdtemp(prefix="version-", dir=self.job(job_id)))
        folder.chmod(0o755)
        try:
            yield folder
        finally:
            if folder.exists():
                for file in folder.iterdir():
                    file.unlink()
                folder.rmdir()

    def publish(self, session: Session, staging: Path, job: Job | None, model_name: str, manifest: dict[str, Any]) -> Version:
        """Move a filled staging folder to its place as the model's next version and add the row. One that was brought has no job.

        Must run inside a write transaction. When that does not commit, the folder stays as an orphan: no row
        points at it, nobody sees it, and its number is not used again.
        """
        model = session.scalar(select(Model).where(Model.name == model_name))
        if model is None:
            model = Model(name=model_name)
            session.add(model)
            session.flush()
        published = session.scalar(select(func.max(Version.number)).where(Version.model_id == model.id)) or 0
        parent = self.root / "versions" / model_name
        parent.mkdir(parents=True, exist_ok=True)
        taken = [int(match[1]) for entry in parent.iterdir() if (match := re.fullmatch(r"v(\d+)", entry.name))]
        number = max(published, *taken, 0) + 1

        digest = digest_of(staging)
        for file in staging.iterdir():
            with file.open("rb") as stream:
                os.fsync(stream.fileno())
        target = self.version(model_name, number)
        staging.rename(target)
        for folder in (target, parent):
            _fsync(folder)

        version = Version(
            model=model,
            number=number,
            job_id=job and job.id,
            architecture=manifest["architecture"],
            dataset=manifest["dataset"]["name"],
            manifest=manifest,
            digest=digest,
        )
        session.add(version)
        session.flush()
        return version


def digest_of(version: Path) -> str:
    """SHA-256 over the weights and the manifest in a version's folder, by the order of their names."""
    digest = hashlib.sha256()
    for file in sorted(version.iterdir()):
        if file.suffix in (".json", ".safetensors"):
            with file.open("rb") as stream:
                digest.update(hashlib.file_digest(stream, "sha256").digest())
    return digest.hexdigest()


def _fsync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
