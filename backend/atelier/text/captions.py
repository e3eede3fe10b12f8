"""What a data set says of its pictures in words: its captions, or sentences made of its classes and attributes."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from atelier.datasets.cache import PreparedDataset

Source = Literal["captions", "classes", "attributes"]

CLASS_TEMPLATES = ("a photo of a {}", "a picture of a {}", "{}")
ATTRIBUTE_TEMPLATES = ("a picture with {}", "{}")
MOST_ATTRIBUTES = 6  # that a sentence names


def source_of(has_captions: bool, class_names: Sequence[str], attribute_names: Sequence[str]) -> Source | None:
    """What sentences would come from; None where there is nothing to say."""
    if has_captions:
        return "captions"
    if len(class_names) > 1:
        return "classes"
    return "attributes" if attribute_names else None


def templates_of(source: Source) -> tuple[str, ...]:
    """Sentences that what a picture shows is put in; none where the data have captions."""
    return {"captions": (), "classes": CLASS_TEMPLATES, "attributes": ATTRIBUTE_TEMPLATES}[source]


def captions_of(dataset: "PreparedDataset") -> list[tuple[str, ...]]:
    """Those of each picture, at least one.

    Raises:
        ValueError: neither captions nor classes nor attributes say anything of the pictures.
    """
    captions = dataset.captions
    if any(captions):
        return [some or ("",) for some in captions]
    words = [name.replace("_", " ") for name in dataset.class_names]
    if len(words) > 1:
        return [tuple(template.format(words[label]) for template in CLASS_TEMPLATES) for label in dataset.labels]
    if dataset.attribute_names:
        names = [name.replace("_", " ").lower() for name in dataset.attribute_names]
        return [_of_attributes([name for name, value in zip(names, row, strict=True) if value > 0.5]) for row in dataset.attributes]
    raise ValueError("the pictures have neither captions nor classes nor attributes, so there are no words to learn")


def _of_attributes(names: Sequence[str]) -> tuple[str, ...]:
    """A few sentences that share the names out among them, as a person would not name forty at once."""
    if not names:
        return ("a picture",)
    parts = [names[start : start + MOST_ATTRIBUTES] for start in range(0, len(names), MOST_ATTRIBUTES)]
    return tuple(template.format(_listed(part)) for part in parts for template in ATTRIBUTE_TEMPLATES)


def _listed(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
