"""Where evaluations are put into the queue: what they are asked for, held against what there is and what fits the version."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from sqlalchemy.orm import Session

from atelier.datasets.catalog import Catalog
from atelier.errors import Invalid, NotFound
from atelier.featurefiles import missing
from atelier.jobs.fitting import lacking
from atelier.jobs.queue import once
from atelier.jobs.specs import EvaluateSpec, PictureSet
from atelier.metrics import metrics
from atelier.metrics.base import NEEDS, PERCEPTUAL, Need
from atelier.models.artifact import Manifest
from atelier.registry import queries
from atelier.registry.store import Store
from atelier.registry.tables import Job, Version
from atelier.serving.requests import Abilities, abilities


def submit_evaluation(session: Session, asked: EvaluateSpec, catalog: Catalog, store: Store, *, idempotency_key: str | None = None) -> Job:
    """Queue an evaluation; must run inside a write transaction.

    Raises:
        NotFound: there is no such version.
        Invalid: with a pointer to everything that is wrong.
    """

    def job() -> Job:
        version = None if asked.model is None else _version(session, asked)
        check = _Check(asked, catalog, store, version)
        check.all()
        if check.errors:
            raise Invalid("; ".join(error["detail"] for error in check.errors), check.errors)
        named = {} if version is None else {"version": version.number}
        subject = f"{asked.model}@{version.number}" if version else words(asked.generated)
        spec = asked.model_copy(update={"metrics": list(dict.fromkeys(asked.metrics)), "subject": subject, **named})
        return Job(
            kind="evaluate",
            spec=spec.model_dump(mode="json"),
            architecture=version and version.architecture,
            dataset=version.dataset if version else asked.generated and asked.generated.dataset,
            model=asked.model,
            priority=asked.priority,
        )

    return once(session, job, {"evaluate": asked.model_dump(mode="json")}, idempotency_key)


def words(pictures: PictureSet | None) -> str:
    """A set of pictures as people call it."""
    assert pictures is not None
    if pictures.folder or pictures.statistics:
        return Path(pictures.folder or pictures.statistics or "").name
    return f"{pictures.dataset}" if pictures.split == "all" else f"{pictures.dataset} ({pictures.split})"


@dataclass
class _Check:
    asked: EvaluateSpec
    catalog: Catalog
    store: Store
    version: Version | None
    errors: list[dict[str, str]] = field(default_factory=list)

    def wrong(self, pointer: str, detail: str) -> None:
        self.errors.append({"pointer": pointer, "detail": detail})

    def all(self) -> None:
        asked = self.asked
        if (asked.model is None) == (asked.generated is None):
            self.wrong("/model", "Give either model, whose version is to draw, or generated, a set of pictures.")
            return
        for pointer, pictures in (("/generated", asked.generated), ("/real", asked.real)):
            if pictures is not None:
                self.pictures(pointer, pictures)
        if asked.split is not None and (asked.model is None or asked.real is not None):
            self.wrong("/split", "It is a part of the version's own data set; a set of pictures has its own split.")
        can = None
        if self.version is not None:
            can = abilities(f"{self.version.model.name}@{self.version.number}", Manifest.model_validate(self.version.manifest), self.store)
        if asked.truncation_psi is not None and (can is None or "truncation_psi" not in can.options):
            self.wrong("/truncation_psi", f"{can.words()}." if can else "Sets of pictures are as they are; leave it out.")
        self.metrics(can)
        self.networks()

    def pictures(self, pointer: str, pictures: PictureSet) -> None:
        if sum(source is not None for source in (pictures.dataset, pictures.folder, pictures.statistics)) != 1:
            self.wrong(pointer, "Give one of a data set, a folder and a file of statistics.")
        elif pictures.folder is not None and not Path(pictures.folder).is_dir():
            self.wrong(pointer, f"There is no folder {Path(pictures.folder).name}.")
        elif pictures.statistics is not None and (pointer == "/generated" or not Path(pictures.statistics).is_file()):
            self.wrong(pointer, "Statistics stand for a real set alone; there must be such a file.")
        elif pictures.dataset is not None and pictures.dataset not in self.catalog:
            detail = f"There is no data set {pictures.dataset!r}; there are {', '.join(self.catalog.names())}."
            self.wrong(f"{pointer}/dataset", detail)
        elif pictures.dataset is not None:
            try:
                self.catalog.open(pictures.dataset, pictures.options)
            except ValidationError as error:
                self.errors += Invalid.of(error, f"{pointer}/options").errors
            except ValueError as error:
                self.wrong(f"{pointer}/options", str(error))

    def own_data(self) -> bool:
        """Whether the version's own data set is at hand: prepared, or where it came from."""
        assert self.version is not None
        of = Manifest.model_validate(self.version.manifest).dataset
        if (self.store.datasets / of.fingerprint).is_dir():
            return True
        try:
            self.catalog.open(of.name, of.options)
        except ValueError:
            return False
        return True

    def metrics(self, can: Abilities | None) -> None:
        asked = self.asked
        own = self.version is not None and asked.real is None
        gone = own and not self.own_data()
        real = asked.real is not None or (own and not gone)
        pictures = asked.real is None or asked.real.statistics is None
        of: dict[str, Any] = {"real": real, "pictures": pictures, "classes": own}
        fitting = [name for name, metric in metrics.items() if lacking(metric, can, **of) is None]
        for index, name in enumerate(asked.metrics):
            pointer, metric = f"/metrics/{index}", metrics.get(name)
            if metric is None:
                self.wrong(pointer, f"There is no metric {name!r}; there are {', '.join(metrics)}.")
            elif (need := lacking(metric, can, **of)) is not None:
                self.wrong(pointer, f"{name} needs {self._said(need, gone, can)}. What fits is {', '.join(fitting)}.")
            elif asked.num_samples < metric.least:
                detail = f"{name} says nothing of fewer than {metric.least} pictures, and {asked.num_samples} were asked for."
                self.wrong("/num_samples", detail)

    def _said(self, need: Need, gone: bool, can: Abilities | None) -> str:
        if gone and need in ("statistics", "real"):
            return (
                f"real pictures, and the data set {self.version and self.version.dataset}, which it was trained on, is not there any more"
            )
        if need == "real" and self.asked.real is not None:
            return f"{NEEDS[need]}, of which more than mean and covariance is known"
        if need == "classifier" and can is not None:
            return f"{NEEDS[need]}: run atelier discover {can.name}, or POST /api/v1/discoveries, first"
        if need == "classes" and can is not None and can.conditioning == "class":
            return "the version's own data set, whose classes it draws"
        return NEEDS[need]

    def networks(self) -> None:
        """That their weights are here; a score is never computed with others."""
        network = self.asked.network
        if network not in PERCEPTUAL:
            self.wrong("/network", f"There is no network {network!r} for scores; there are {', '.join(PERCEPTUAL)}.")
            return
        needed = [metrics[name] for name in self.asked.metrics if name in metrics]
        through = dict.fromkeys(PERCEPTUAL[network] if "perceptual" in metric.needs else network for metric in needed)
        for name in through:
            absent = missing(name, self.store.features)
            if absent is not None:
                self.wrong("/network", absent)


def _version(session: Session, asked: EvaluateSpec) -> Version:
    assert asked.model is not None
    version = session.scalar(queries.version(asked.model, asked.version))
    if version is None:
        raise NotFound(f"There is no version {asked.model}@{asked.version}.")
    return version
