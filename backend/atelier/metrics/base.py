"""What a metric is: what it needs, what it sees, and what it says; one file each, known by a decorator that only records."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal, get_args

import torch
from torch import Tensor

from atelier.metrics.features import FeatureNetwork
from atelier.metrics.frechet import Gaussian
from atelier.models.base import Generator

Better = Literal["lower", "higher"]
Need = Literal["statistics", "real", "logits", "generator", "styles", "classes", "classifier", "captions", "perceptual"]

NEEDS: Mapping[Need, str] = {
    "statistics": "a real set, of which mean and covariance are enough",
    "real": "a real set",
    "logits": "a feature network that tells classes",
    "generator": "a version: sets of pictures are not enough",
    "styles": "a version that draws from a space of styles, w",
    "classes": "a version conditioned on classes",
    "classifier": "a classifier of the real set, which a discovery trains",
    "captions": "a version conditioned on text",
    "perceptual": "a network of perceptual distances: LPIPS beside inception, lite0 beside lite0",
}
assert tuple(NEEDS) == get_args(Need)

PERCEPTUAL: Mapping[str, str] = {"lite0": "lite0", "inception": "vgg16"}
"""The feature networks that pictures can be scored through, and beside each the one of its perceptual distances."""

STRIDE = 1_000_000
"""Between the seeds of the first images of two evaluations whose seeds follow each other; in 32 bits, for torch looks at no more."""

PARTS = 5  # of a set, for the spread of a value


@dataclass(frozen=True)
class Found:
    """What a metric says."""

    value: float
    error: float | None = None  # standard error of the value
    conventions: Mapping[str, Any] = field(default_factory=dict)  # what the number depends on, and must agree where two are compared
    details: Mapping[str, Any] = field(default_factory=dict)  # what else was found
    images: int | None = None  # that were drawn for it, where that was not the generated set


class Seen:
    """A set of pictures as the network sees it.

    Of one that is known by its Gaussian alone, as from a file of pytorch-fid's, `features` is None.
    """

    def __init__(
        self,
        features: Tensor | None,
        *,
        gaussian: Gaussian | None = None,
        labels: Tensor | None = None,
        captions: Sequence[str] | None = None,
        told: Tensor | None = None,
    ) -> None:
        self.known = features  # [N, D] float32 on the CPU
        self.given = gaussian
        self.labels = labels  # [N]: of what class each is, or was asked to be
        self.captions = captions  # N: what each shows, or was asked to show
        self.told = told  # [N]: what class a classifier takes each for

    @property
    def features(self) -> Tensor:
        """
        Raises:
            ValueError: only mean and covariance are known.
        """
        if self.known is None:
            raise ValueError("of the real set only mean and covariance are known, and this needs its pictures")
        return self.known

    @cached_property
    def gaussian(self) -> Gaussian:
        return Gaussian.of(self.features) if self.given is None else self.given

    @property
    def count(self) -> int | None:
        """Of pictures; None where a file did not say."""
        return self.gaussian.count if self.known is None else len(self.known)


@dataclass(eq=False)
class Evidence:
    """What metrics see, made when the first of them asks for it."""

    network: FeatureNetwork
    seed: int
    num_samples: int
    see_generated: Callable[[], Seen]
    see_real: Callable[[], Seen] | None = None
    open_perceptual: Callable[[], FeatureNetwork] | None = None
    draw_pictures: Callable[[int], Tensor] | None = None  # so many of the generated ones, uint8 [N, C, H, W]
    generator: Generator | None = None
    inputs: Callable[[Sequence[int]], tuple[Tensor, ...]] | None = None  # what the generator takes for images with these seeds
    options: Mapping[str, Any] = field(default_factory=dict)  # what else it takes, such as truncation_psi
    read: Callable[[Sequence[str]], Tensor] | None = None  # captions → sentences [N, E]
    reader: str = ""  # who reads them
    on_images: Callable[[int], None] = lambda count: None  # told of so many images more that were looked at; what it raises ends the work

    @cached_property
    def generated(self) -> Seen:
        return self.see_generated()

    @cached_property
    def real(self) -> Seen:
        assert self.see_real is not None, "the metric did not say that it needs a real set"
        return self.see_real()

    @cached_property
    def perceptual(self) -> FeatureNetwork:
        assert self.open_perceptual is not None, "the metric did not say that it needs a perceptual distance"
        return self.open_perceptual()


Measure = Callable[[Evidence], Found]


@dataclass(frozen=True)
class Metric:
    """A score by its name. `least` images are needed for it to say anything."""

    name: str
    title: str
    summary: str
    paper: str
    better: Better
    needs: frozenset[Need]
    least: int
    original: str | None  # the network through which the title is what the field understands by it
    general: str  # what it is called through another network, before that one's name
    measure: Measure

    def title_through(self, network: str) -> str:
        """A distance through another network than Inception is never called FID."""
        return self.title if self.original in (None, network) else f"{self.general} ({network})"

    @property
    def real(self) -> bool:
        """Whether it compares with real pictures."""
        return bool(self.needs & {"statistics", "real"})


metrics: dict[str, Metric] = {}


def metric(
    name: str,
    title: str,
    *,
    better: Better,
    paper: str,
    needs: Sequence[Need] = (),
    least: int,
    original: str | None = None,
    general: str = "",
) -> Callable[[Measure], Measure]:
    """Register a function under its public name; its docstring's first paragraph says what it tells."""

    def register(measure: Measure) -> Measure:
        if name in metrics:
            raise ValueError(f"metric {name!r} is already defined in {metrics[name].measure.__module__}")
        summary = " ".join((measure.__doc__ or "").split("\n\n")[0].split())
        metrics[name] = Metric(name, title, summary, paper, better, frozenset(needs), least, original, general or title, measure)
        return measure

    return register


def error_by_parts(measure: Callable[[Tensor], float], features: Tensor) -> float | None:
    """Standard error of what is measured of features [N, D], by its spread over `PARTS` parts of them; None where those are too small.

    What of a part is biased, as it is smaller, is so of all of them alike, and leaves their spread alone. With five parts the error is
    known to about a third of itself.
    """
    if len(features) < 10 * PARTS:
        return None
    values = torch.tensor([measure(part) for part in features.tensor_split(PARTS)], dtype=torch.float64)
    return float(values.std() / PARTS**0.5)
