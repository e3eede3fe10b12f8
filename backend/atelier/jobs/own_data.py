"""What a version was trained on, for the jobs that look at it again."""

from atelier.datasets.cache import PreparedDataset, prepare
from atelier.datasets.catalog import Catalog
from atelier.jobs.recorder import Recorder
from atelier.models.artifact import Manifest
from atelier.registry.store import Store


def own_data(manifest: Manifest, recorder: Recorder, store: Store) -> PreparedDataset:
    """What the version was trained on: as it was prepared then, or prepared again.

    Raises:
        ValueError: the data set is gone, or another one has its name by now.
    """
    of, image = manifest.dataset, manifest.image
    try:
        return PreparedDataset.open(store.datasets / of.fingerprint)
    except (FileNotFoundError, ValueError):
        source = Catalog(store.sources).open(of.name, of.options)
    # Drawn by another release of Pillow, say, its fingerprint is another one, and the pictures are as good as the same.
    named = source.class_names == tuple(of.class_names) and (not of.attribute_names or source.attribute_names == tuple(of.attribute_names))
    if source.channels != image.channels or not named:
        raise ValueError(f"The data set {of.name} is another one than that which the version was trained on.")
    return prepare(source, image.resolution, store.datasets, lambda done, total: recorder.beat("prepare", done, total))
