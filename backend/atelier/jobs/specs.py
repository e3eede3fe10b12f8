"""What a job is asked to do: the request as a user writes it, the spec as the job's row keeps it."""

import re
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field
from pydantic_core import PydanticCustomError

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
    start_from: str | None = Field(None, pattern=r"^[a-z0-9][a-z0-9._-]{0,63}(@([1-9]\d{0,8}|latest))?$")
    """A version, such as cats@3, whose generator's weights to begin with."""
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


class DiscoverRequest(BaseModel):
    """What to find: all that can be seen in a version's data set, so that it can be turned in its images."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    model: ModelName
    """Name of the model."""
    version: Annotated[int, Field(ge=1, lt=2**63)] | Literal["latest"] = "latest"
    """Number of the version."""
    again: bool = False
    """Train the classifier anew, also where there is one of the version's data set: a version of the same data set has the same."""


class DiscoverSpec(DiscoverRequest):
    """A validated request, for a version by its number."""

    version: int


PICTURE = r"^[0-9a-f]{32}$"


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
