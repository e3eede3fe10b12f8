"""Starter versions: they come with the sources as folders of the store, and get their rows when a store is opened."""

import json

from sqlalchemy import select
from sqlalchemy.orm import Session

from atelier.registry.store import Store, digest_of
from atelier.registry.tables import Model, Version


def adopt(session: Session, store: Store) -> list[Version]:
    """Add the rows of starters that have none yet; must run inside a write transaction, as it may in several processes at once.

    Only folders whose manifest says `starter` are taken: others without a row are what a crash left of a publication.
    """
    adopted = []
    for path in sorted((store.root / "versions").glob("*/v*/manifest.json")):
        manifest = json.loads(path.read_text())
        if not manifest.get("starter"):
            continue
        name, number = path.parent.parent.name, int(path.parent.name.removeprefix("v"))
        model = session.scalar(select(Model).where(Model.name == name))
        if model is None:
            model = Model(name=name)
            session.add(model)
            session.flush()
        if session.scalar(select(Version.id).where(Version.model_id == model.id, Version.number == number)) is not None:
            continue
        version = Version(
            model=model,
            number=number,
            architecture=manifest["architecture"],
            dataset=manifest["dataset"]["name"],
            manifest=manifest,
            digest=digest_of(path.parent),
        )
        session.add(version)
        session.flush()
        adopted.append(version)
    return adopted
