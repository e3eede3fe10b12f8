"""What a job is asked to do: the request as a user writes it, the spec as the job's row keeps it."""

import re
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator
from pydantic_core import PydanticCustomError

from atelier.registry.naming import ALIAS, MAX_NUMBER

NAME = r"^[a-z0-9][a-z0-9._-]{0,63}$"


def _name(name: str) -> str:
    if not re.fullmatch(NAME, name):
        raise PydanticCustomError(
            "name", "use up to 64 lower-case letters, digits, dots, dashes and underscores, with a letter or a digit first"
        )
    return name


# The schema tells programs the pattern; people are told in words.
ModelName = Annotated[str, AfterValidator(_name), Field(json_schema_extra={"pattern": NAME})]
DatasetName = ModelName
VersionChoice = Annotated[int, Field(ge=1, le=MAX_NUMBER)] | Annotated[str, Field(pattern=ALIAS)]


class Scoring(BaseModel):
    """How a training run is measured on its way, through lite0, with the averaged generator."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    metric: str = "fid"
    """Name of a metric."""
    every_steps: int | None = Field(None, ge=1, le=10_000_000)
    """Steps from one measurement to the next."""
    every_minutes: float | None = Field(None, gt=0, le=1_000_000)
    """Minutes from the end of one measurement to the next; without either, ten."""
    num_samples: int = Field(1000, ge=2, le=1_000_000)
    """Pictures drawn each time: few, so that the training goes on, and therefore with a bias."""
    num_real: int = Field(5000, ge=2, le=10_000_000)
    """Real pictures to compare with, at most."""
    keep_best: bool = True
    """Publish the generator of the step that was measured to be the best, instead of the last one."""

    @model_validator(mode="after")
    def _one_interval(self) -> Self:
        if self.every_steps is not None and self.every_minutes is not None:
            raise ValueError("give every_steps or every_minutes, not both")
        return self


class TrainRequest(BaseModel):
    """A training run as the API's body and the command line describe it."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    architecture: str
    """Name of an architecture."""
    dataset: str
    """Name of a data set."""
    dataset_options: dict[str, Any] = Field(default_factory=dict)
    """The data set's options that differ from their defaults."""
    model: ModelName
    """Name of the model that gets the version: lower case letters, digits, dots, dashes and underscores."""
    preset: str = "quick"
    """The architecture's preset that the hyper-parameters start from."""
    hyperparameters: dict[str, Any] = Field(default_factory=dict)
    """Hyper-parameters that differ from the preset."""
    seed: int = Field(0, ge=0, lt=2**63)
    """Same seed, same machine: same weights."""
    start_from: str | None = Field(None, pattern=r"^[a-z0-9][a-z0-9._-]{0,63}(@([1-9]\d{0,8}|[a-z][a-z0-9._-]{0,31}))?$")
    """A version, such as cats@3 or cats@production, whose generator's weights to begin with."""
    scoring: Scoring | None = None
    """Measure the run on its way, and publish its best generator; without it, nothing is measured."""
    evaluate: list[str] = Field(default_factory=list, max_length=32)
    """Metrics by which the version is evaluated as soon as it is published, through lite0, with the defaults of evaluations."""
    priority: int = Field(0, ge=-100, le=100)
    """Runs of a higher priority leave the queue first."""


class TrainSpec(TrainRequest):
    """A validated request: options and hyper-parameters are complete, `start_from` names its version."""

    continues: int | None = None
    """A finished run, whose last checkpoint to go on from."""
    more_steps: int | None = None
    """How many steps to train beyond that checkpoint."""


class PrepareRequest(BaseModel):
    """Pictures to bring, as the API's form and the command line describe them: from one of `upload`, `folder` and `download`."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    name: DatasetName
    """What the data set is called by: lower case letters, digits, dots, dashes and underscores."""
    title: str = Field("", max_length=200)
    """What people read; the name, when it is empty."""
    layout: str | None = None
    """How the files lie in their folders; found out when it is not given."""
    resolution: int = Field(64, ge=8, le=512)
    """Height and width at which the pictures are prepared now; a training at another one prepares them again."""
    mirrorable: bool = True
    """Whether a picture seen in a mirror is as true as itself: not so with letters and digits."""
    upload: str | None = None
    """Name of a zip file among the store's uploads."""
    file_name: str | None = None
    """What that file was called by whoever sent it."""
    folder: str | None = None
    """An absolute path on this machine."""
    within: tuple[str, ...] | None = None
    """Folders that the pictures must not lie outside of, whatever links there are; None: anywhere."""
    download: str | None = None
    """Name of a published set."""


Finding = Literal["classifier", "sefa", "pca", "interfacegan"]


class DiscoverRequest(BaseModel):
    """What to find: all that can be seen in a version's data set, so that it can be turned in its images, and directions of its latents."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    model: ModelName
    """Name of the model."""
    version: VersionChoice = "latest"
    """Number of the version, `latest`, or an alias."""
    methods: tuple[Finding, ...] | None = Field(None, min_length=1)
    """How to look: by a classifier of the data set, for `dial`; in the generator's weights (sefa), in how its latents vary (pca), or by
    what the classifier sees in its images (interfacegan), for directions. All that fit the version, unless they are named."""
    again: bool = False
    """Find anew what was found before, also the classifier, which a version of the same data set has the same."""


class DiscoverSpec(DiscoverRequest):
    """A validated request, for a version by its number."""

    version: int
    methods: tuple[Finding, ...] = ("classifier",)


PICTURE = r"^[0-9a-f]{32}$"


class ProjectRequest(BaseModel):
    """A picture, and the version among whose latents to look for the one that draws it."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    model: ModelName
    """Name of the model."""
    version: VersionChoice = "latest"
    """Number of the version, `latest`, or an alias."""
    picture: str
    """Id of a picture that was sent or drawn: its square in the middle is looked for."""
    prompt: str | None = None
    """What it shows, for versions conditioned on text. Without it, as without the next ones, what fits best is found out."""
    class_index: int | None = None
    """Its class, for versions conditioned on classes."""
    class_weights: dict[str, float] | None = None
    """A mixture of classes by their names."""
    attributes: dict[str, float] | None = None
    """Intensity of attributes by their names, for versions conditioned on them."""
    steps: int = Field(200, ge=0, le=5000)
    """Steps of the search; 0 takes what it begins with: an autoencoder's own guess, or the nearest of some random images."""
    seed: int = Field(0, ge=0, lt=2**63)
    """Same seed, same machine: same latent."""
    priority: int = Field(0, ge=-100, le=100)
    """Jobs of a higher priority leave the queue first."""


class ProjectSpec(ProjectRequest):
    """A validated request, for a version by its number; and once it is done, how near it came."""

    version: int
    chosen: list[tuple[int | str, float]] = []
    """Entries of the condition, by their places in it, or prompts."""
    network: str | None = None
    """The network by which it was told how alike pictures look."""
    distance: float | None = None
    """Between the picture and what the latent draws, through that network."""
    psnr: float | None = None
    """Of the same two, in decibels."""


class StyleIn(BaseModel):
    """A picture whose style is wanted."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    picture: str
    """Id of a picture that was sent or drawn, or the name of a built-in style."""
    weight: float = Field(1.0, gt=0, le=1000)
    """How much of it, compared with the other styles."""
    mask: str | None = Field(None, pattern=PICTURE)
    """Id of a picture that is white where the style is wanted and black where it is not; without one, everywhere."""


class StylizeRequest(BaseModel):
    """A style transfer as the API's body and the command line describe it."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    method: str = "pyramid"
    """Name of a method."""
    content: str
    """Id of a picture that was sent or drawn: what is shown."""
    styles: list[StyleIn] = Field(min_length=1, max_length=8)
    """How it is shown: several styles are blended, or each has its place by a mask."""
    hyperparameters: dict[str, Any] = Field(default_factory=dict)
    """The method's hyper-parameters that differ from their defaults."""
    priority: int = Field(0, ge=-100, le=100)
    """Jobs of a higher priority leave the queue first."""


class StylizeSpec(StylizeRequest):
    """A validated request: hyper-parameters are complete."""

    network: str | None = None
    """The feature network that draws it, once that is known."""


class PictureSetIn(BaseModel):
    """A data set, or a part of one."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    dataset: str
    """Name of a data set."""
    options: dict[str, Any] = Field(default_factory=dict)
    """The data set's options that differ from their defaults."""
    split: Literal["train", "val", "test", "all"] = "all"
    """Part of it."""
    resolution: int | None = Field(None, ge=8, le=512)
    """Height and width at which its pictures are looked at; those of the version, or else 64."""


class PictureSet(BaseModel):
    """A data set or a part of one; for the command line also a folder of pictures, or a file of statistics."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    dataset: str | None = None
    options: dict[str, Any] = Field(default_factory=dict)
    split: Literal["train", "val", "test", "all"] = "all"
    resolution: int | None = Field(None, ge=8, le=512)
    folder: str | None = None
    """An absolute path on this machine."""
    statistics: str | None = None
    """An absolute path of a `.npz` of pytorch-fid's, which stands for a real set."""


class Evaluation(BaseModel):
    """What to measure, and how."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    model: ModelName | None = None
    """Name of the model whose version draws the pictures."""
    version: VersionChoice = "latest"
    """Number of the version, `latest`, or an alias."""
    metrics: list[str] = Field(["fid", "kid", "precision", "recall"], min_length=1, max_length=32)
    """Names of metrics."""
    num_samples: int = Field(5000, ge=2, le=1_000_000)
    """Pictures to draw, of the seeds `seed` · 1,000,000 and on, with conditions as often as the data have them."""
    num_real: int = Field(5000, ge=2, le=10_000_000)
    """Real pictures to compare with, at most; of more, a choice that stays the same."""
    split: Literal["train", "val", "test", "all"] | None = None
    """Part of the version's own data set to compare with; without it, the one that the version was trained on."""
    network: str = "lite0"
    """The feature network: lite0 is always there; inception gives an FID that can be compared with published ones."""
    seed: int = Field(0, ge=0, le=2000)
    """Another seed draws other pictures."""
    truncation_psi: float | None = Field(None, ge=-2, le=2)
    """Distance from the mean style, for versions that take it: below 1 better pictures that differ less."""
    priority: int = Field(0, ge=-100, le=100)
    """Jobs of a higher priority leave the queue first."""


class EvaluateRequest(Evaluation):
    """An evaluation as the API's body describes it: of a version (`model`), or of a set of pictures (`generated`)."""

    generated: PictureSetIn | None = None
    """Pictures to measure in place of a version's."""
    real: PictureSetIn | None = None
    """Pictures to compare with, in place of the version's own data set."""


class EvaluateSpec(Evaluation):
    """An evaluation as its job keeps it."""

    generated: PictureSet | None = None
    real: PictureSet | None = None
    subject: str = ""
    """What is measured, in words."""
    scores: list[dict[str, Any]] = Field(default_factory=list)
    """What has been found so far."""
