"""Which metrics fit what is to be measured."""

from atelier.metrics import metrics
from atelier.metrics.base import NEEDS, Metric, Need
from atelier.serving.requests import Abilities


def lacking(metric: Metric, can: Abilities | None, *, real: bool, pictures: bool = True, classes: bool = True) -> Need | None:
    """What the metric needs and is not there: of a version that can do this, or of a set of pictures (None).

    `real` says whether there is a real set, `pictures` whether more than its mean and covariance is known, `classes` whether its classes
    are those of the version.
    """
    there: dict[Need, bool] = {
        "statistics": real,
        "real": real and pictures,
        "logits": True,
        "generator": can is not None,
        "styles": can is not None and "truncation_psi" in can.options,  # what draws from styles can be truncated, and nothing else
        "classes": can is not None and can.conditioning == "class" and classes,
        "classifier": can is not None and can.classifier is not None,
        "captions": can is not None and can.conditioning == "text" and pictures,
        "perceptual": True,
    }
    return next((need for need in NEEDS if need in metric.needs and not there[need]), None)


def unfit_for_training(name: str, can: Abilities, num_samples: int) -> str | None:
    """Why runs whose versions can do this can't be measured by the metric, with so many pictures; None where they can."""
    metric = metrics.get(name)
    if metric is None:
        return f"There is no metric {name!r}; there are {', '.join(metrics)}."
    need = lacking(metric, can, real=True)
    if need is not None:
        fitting = [other for other, metric in metrics.items() if lacking(metric, can, real=True) is None]
        return f"{name} needs {NEEDS[need]}. What fits is {', '.join(fitting)}."
    if num_samples < metric.least:
        return f"{name} says nothing of fewer than {metric.least} pictures, and {num_samples} were asked for."
    return None
