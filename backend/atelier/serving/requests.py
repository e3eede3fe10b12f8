"""What a version can be asked for, and how a request becomes rows for the inference process; API and command line share it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from atelier.errors import Invalid
from atelier.models import architectures
from atelier.models.artifact import Manifest
from atelier.models.base import Conditioning
from atelier.registry.store import Store
from atelier.serving.images import BY_GRAPH
from atelier.serving.rows import DialRow, Entry, Row, Steered
from atelier.serving.steered import Sliders, projected, sliders
from atelier.steering.classifier import Description, read_description

LISTED = 24  # names that a complaint lists; of more, those that are near

AWAY = 0.5  # how far beyond itself, seen from the negative prompt, a prompt's sentence goes

Intensity = Annotated[float, Field(ge=-3, le=3)]
Prompt = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=1000)]


Coordinate = Annotated[float, Field(ge=-100, le=100, allow_inf_nan=False)]  # of a normal deviate


class Subject(BaseModel):
    """What images shall show. Of what is not said, each has what the data have, by its seed."""

    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True)

    prompt: Prompt | None = None
    """What to see, in words; for versions conditioned on text. Without it, each image is of a caption of the data."""
    negative_prompt: Prompt | None = None
    """What to keep away from: the sentence of `prompt` goes on, away from this one, by half of the way between them."""
    prompt_weights: dict[Prompt, Intensity] | None = Field(None, min_length=1, max_length=8)
    """Mixture of prompts, whose weights usually add up to 1: two with weights from 1 and 0 to 0 and 1 lead from the one to the other."""
    class_index: int | None = None
    """Class to draw, from 0; for versions conditioned on classes. The same as `class_weights` with a weight of 1."""
    class_weights: dict[str, Intensity] | None = None
    """Mixture of classes by their names, whose weights usually add up to 1; `{}` is no class. For versions conditioned on classes."""
    attributes: dict[str, Intensity] | None = None
    """Intensity of attributes by their names; in data that say yes or no, yes is 1 and no is 0, and values beyond exaggerate."""
    latent: Annotated[list[Coordinate], Field(min_length=1, max_length=4096)] | Annotated[int, Field(ge=1)] | None = None
    """Where to draw from in place of the seed's: z, as many numbers as the version's latent has, or the number of a projection, whose
    picture is drawn. What else is random, such as what the data have, follows from the seed, which then is 0 if not given."""
    directions: dict[str, Intensity] | None = None
    """How far to move along directions that a discovery has found, by their ids or names, in standard deviations; 0 leaves it alone."""


class Manner(BaseModel):
    """How images are drawn."""

    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True)

    truncation_psi: float | None = Field(None, ge=-2, le=2)
    """Distance from the mean style: 0 is the mean image, 1 all of the variety, between them better pictures that differ less."""
    truncation_cutoff: int | None = Field(None, ge=0, le=64)
    """How many layers, from the coarsest on, `truncation_psi` holds for; all of them without it."""
    noise_mode: Literal["random", "const", "none"] | None = None
    """Fine detail: each image's own, the same for all, or none."""


class Wishes(Manner, Subject):
    """What images shall show, and how they are drawn. Of what is not said, each image has what the data have, by its seed."""

    dial: dict[str, Annotated[float, Field(ge=0, le=1)]] | None = None
    """What shall be seen in the image, by the names that a discovery has found, and how surely: 0.9 turns the latent until it is seen
    by 90 %, 0.1 until it is hardly seen, and what has values between, such as a size, to that value. The rest stays as far as it can."""


@dataclass(frozen=True)
class Seer:
    """A classifier of a version's data set, as the inference process finds it."""

    folder: Path
    description: Description


CONDITIONS: Mapping[Conditioning, tuple[str, ...]] = {
    "none": (),
    "class": ("class_index", "class_weights"),
    "attributes": ("attributes",),
    "text": ("prompt", "negative_prompt", "prompt_weights"),
}


@dataclass(frozen=True)
class Abilities:
    """What images of a version can be asked for."""

    name: str  # cats@3
    conditioning: Conditioning
    class_names: Sequence[str]  # empty where it is not conditioned on classes
    attribute_names: Sequence[str]
    options: Sequence[str]
    classifier: Seer | None = None  # by which its images can be turned
    sliders: Sliders | None = None
    latent_dim: int = 0
    num_styles: int = 0  # layers with a style of their own; 0 where there is no w
    resolution: int = 0  # pixels of an image's side
    digest: str = ""  # of the version, where it is published
    projections: Path | None = None  # where the latents are that were found for pictures
    by_graph: bool = False  # whether ONNX Runtime draws it

    @property
    def takes(self) -> tuple[str, ...]:
        """The wishes that it can fulfil."""
        conditions = CONDITIONS[self.conditioning]
        found = [*(["directions"] if self.sliders else []), *(["dial"] if self.classifier else [])]
        return (*conditions, *self.options, *(["latent"] if self.digest and self.latent_dim else []), *found)

    def words(self) -> str:
        return f"{self.name} takes {', '.join(self.takes)}" if self.takes else f"{self.name} draws from seeds alone"


def abilities(name: str, manifest: Manifest, store: Store, digest: str = "") -> Abilities:
    """Of a version by its manifest; with its digest, what was found out about it since it was published, too."""
    folder = store.classifier(manifest.dataset.fingerprint)
    description = read_description(folder)
    classifier = None if description is None else Seer(folder, description)
    cls = architectures.get(manifest.architecture)
    if cls is None:  # a version may come from an Atelier that had more of them
        return Abilities(name, "none", (), (), (), classifier)
    # Not validated: of a version whose hyper-parameters are from another time, one still wants to know what it was made for.
    hp = cls.Hyperparameters.model_construct(**manifest.hyperparameters)
    conditioning = cls.conditioned_on(hp)
    return Abilities(
        name,
        conditioning,
        manifest.dataset.class_names if conditioning == "class" else (),
        manifest.dataset.attribute_names if conditioning == "attributes" else (),
        cls.options,
        classifier,
        sliders(store.directions(digest)) if digest else None,
        cls.latent_dim(hp),
        cls.num_styles(hp),
        manifest.image.resolution,
        digest,
        store.projections,
    )


@dataclass(frozen=True)
class Request:
    """Wishes that a version can fulfil, in one form whichever way they were said."""

    parameters: dict[str, Any]  # what was wished, by names; with a seed and the weights it decides an image
    chosen: list[Entry]
    options: dict[str, Any]
    steered: Steered = field(default_factory=Steered)
    runtime: dict[str, str] = field(default_factory=dict)  # what draws it, as its id says it

    def row(self, seed: int, **of_version: Any) -> Row:
        parameters = {**of_version, "seed": seed, **self.parameters}
        row = Row(seed=seed, chosen=self.chosen, options=self.options, parameters=parameters)
        return {**row, **self.steered}

    def identity(self, seed: int) -> dict[str, Any]:
        """All that decides an image's bits beside its weights."""
        return {"seed": seed, **self.parameters, **self.runtime}


def resolve(wishes: Wishes, can: Abilities) -> Request:
    """
    Raises:
        Invalid: the version can't do it; pointers to all that is wrong, and what it can do.
    """
    ask = _discovery(can)
    if wishes.dial is not None and can.classifier is None:
        raise Invalid.at("/dial", f"What can be turned in images of {can.name} is not known yet: run a discovery first ({ask}).")
    if wishes.directions and can.sliders is None:
        raise Invalid.at("/directions", f"Directions of {can.name} are not known yet: run a discovery first ({ask}).")
    request = _drawn(wishes, can)
    parameters, steered = _steered(wishes, can)
    if wishes.dial and can.classifier is not None:
        description = can.classifier.description
        names = [dial.name for dial in description.dials]
        _known(wishes.dial, names, "dial", "dial")
        if can.num_styles and ("moves" in steered or isinstance(wishes.latent, int)):
            raise Invalid.at("/dial", "it turns what a z draws, and directions and projections of this version are of w: choose one")
        targets = [(names.index(name), value) for name, value in sorted(wishes.dial.items())]
        parameters |= {"dial": wishes.dial, "classifier": description.digest[:16]}
        steered["dial"] = DialRow(folder=str(can.classifier.folder), digest=description.digest, targets=targets)
    runtime = BY_GRAPH if can.by_graph else {}
    return replace(request, parameters={**request.parameters, **parameters}, steered=steered, runtime=runtime)


def _discovery(can: Abilities) -> str:
    """How to ask for one."""
    model, _, number = can.name.partition("@")
    return f'POST /api/v1/discoveries {{"model": "{model}", "version": {number}}}, or atelier discover {can.name}'


def _steered(wishes: Wishes, can: Abilities) -> tuple[dict[str, Any], Steered]:
    """Where a latent comes from and how far it is moved: for parameters and for a row."""
    parameters, steered = dict[str, Any](), Steered()
    if isinstance(wishes.latent, list):
        if len(wishes.latent) != can.latent_dim:
            raise Invalid.at("/latent", f"{can.name} draws from {can.latent_dim} numbers, not {len(wishes.latent)}")
        parameters["latent"] = steered["latent"] = wishes.latent
    elif wishes.latent is not None:
        assert can.projections is not None
        asked = [name for name in CONDITIONS[can.conditioning] if getattr(wishes, name) is not None]
        if can.num_styles and asked:
            detail = f"the styles that draw projection {wishes.latent} are what they are: move it along directions instead"
            raise Invalid(detail, [{"pointer": f"/{name}", "detail": detail} for name in asked])
        try:
            digest, steered["latent"] = projected(can.projections / f"{wishes.latent}.safetensors", can.digest)
        except FileNotFoundError as error:
            raise Invalid.at("/latent", f"there is no projection {wishes.latent} that has found a latent") from error
        except ValueError as error:
            raise Invalid.at("/latent", f"projection {wishes.latent} can't be drawn: {error}") from error
        parameters |= {"latent": wishes.latent, "latent_digest": digest}
    if wishes.directions and can.sliders is not None:
        _known(wishes.directions, list(can.sliders.called), "directions", "direction", can.sliders.listed)
        amounts, moves = can.sliders.moves(wishes.directions)
        if amounts:
            parameters |= {"directions": amounts, "directions_digest": {name: can.sliders.digests[name] for name in amounts}}
            steered["moves"] = moves
    return parameters, steered


def _drawn(wishes: Wishes, can: Abilities) -> Request:
    """What is drawn, before it is turned."""
    given = {name: getattr(wishes, name) for name in Wishes.model_fields if getattr(wishes, name) is not None}
    if wishes.directions == {}:  # not to be moved
        del given["directions"]
    beyond = [name for name in given if name not in can.takes]
    if beyond:
        raise Invalid(f"{', '.join(beyond)}: {can.words()}", [{"pointer": f"/{name}", "detail": can.words()} for name in beyond])
    if wishes.class_index is not None and wishes.class_weights is not None:
        raise Invalid.at("/class_index", "give either class_index or class_weights")
    if wishes.truncation_cutoff is not None and wishes.truncation_psi is None:
        raise Invalid.at("/truncation_cutoff", "it says where truncation_psi holds; give that as well")

    options = {name: value for name, value in given.items() if name in can.options}
    weights = wishes.class_weights
    if wishes.class_index is not None:
        if not 0 <= wishes.class_index < len(can.class_names):
            raise Invalid.at("/class_index", f"{can.name} has the classes 0 to {len(can.class_names) - 1}")
        weights = {can.class_names[wishes.class_index]: 1.0}
    if weights is not None:
        _known(weights, can.class_names, "class_weights", "class")
        weights = {name: weight for name, weight in weights.items() if weight != 0}
        # A class that is not named is not in the mixture.
        every: list[Entry] = [(index, weights.get(name, 0.0)) for index, name in enumerate(can.class_names)]
        return Request({"class_weights": weights, **options}, every, options)
    if can.conditioning == "text":
        return _prompted(wishes, options)
    if wishes.attributes:
        _known(wishes.attributes, can.attribute_names, "attributes", "attribute")
        values: list[Entry] = [(can.attribute_names.index(name), value) for name, value in wishes.attributes.items()]
        return Request({"attributes": wishes.attributes, **options}, values, options)
    return Request(options, [], options)


def _prompted(wishes: Wishes, options: dict[str, Any]) -> Request:
    prompt, negative, weights = wishes.prompt, wishes.negative_prompt, wishes.prompt_weights
    if prompt is not None and weights is not None:
        raise Invalid.at("/prompt", "give either prompt or prompt_weights")
    if negative is not None and prompt is None:
        raise Invalid.at("/negative_prompt", "it says what prompt is to keep away from; give that as well")
    if weights is not None:
        return Request({"prompt_weights": weights, **options}, list(weights.items()), options)
    if prompt is None:
        return Request(options, [], options)
    if negative is None or negative == prompt:
        return Request({"prompt": prompt, **options}, [(prompt, 1.0)], options)
    away: list[Entry] = [(prompt, 1 + AWAY), (negative, -AWAY)]
    return Request({"prompt": prompt, "negative_prompt": negative, **options}, away, options)


def _known(given: Mapping[str, float], names: Sequence[str], field: str, noun: str, listed: Sequence[str] = ()) -> None:
    """Refuse names that there are not; `listed` are those there are as people read them, where that is something else."""
    errors = []
    for name in given:
        if name not in names:
            detail = f"there is no {noun} {name!r}; {_instead(name, names, listed or names)}"
            errors.append({"pointer": f"/{field}/" + name.replace("~", "~0").replace("/", "~1"), "detail": detail})
    if errors:
        raise Invalid("; ".join(error["detail"] for error in errors), errors)


def _instead(name: str, names: Sequence[str], listed: Sequence[str]) -> str:
    """The names there are; of many, those that are near, or some."""
    if len(listed) <= LISTED:
        return f"there are {', '.join(listed)}"
    lower = {known.lower(): known for known in names}
    near = [lower[match] for match in get_close_matches(name.lower(), lower, n=5, cutoff=0.5)]
    return f"near are {', '.join(near)}" if near else f"there are {', '.join(listed[:LISTED])} and {len(listed) - LISTED} more"
