"""Scores of what is conditioned on classes: whether a picture is of the class it was asked for, and as good as the real ones of it.

Accuracy is that of a classifier that has learned from real pictures alone: conditional versions are often judged so, for a generator
that forgets its condition can have the best FID. Per-class FID is the intra-FID of Miyato and Koyama (2018, arXiv 1802.05637).
"""

from atelier.metrics.base import Evidence, Found, metric
from atelier.metrics.frechet import Gaussian, frechet_distance

LEAST = 10  # images of a class


@metric(
    "class_fid",
    "Per-class FID",
    better="lower",
    paper="https://arxiv.org/abs/1802.05637",
    needs=("real", "classes"),
    least=10,
    original="inception",
    general="Per-class Fréchet distance",
)
def class_fid(evidence: Evidence) -> Found:
    """The mean over classes of the Fréchet distance of their pictures to the real ones of the same class.

    Classes of fewer than ten pictures on either side are left out. With few pictures of each class it is biased upward a lot.
    """
    real, generated = evidence.real, evidence.generated
    assert real.labels is not None
    assert generated.labels is not None
    distances, counts = {}, {}
    for label in sorted(set(generated.labels.tolist())):
        there, drawn = real.features[real.labels == label], generated.features[generated.labels == label]
        if len(there) >= LEAST and len(drawn) >= LEAST:
            distances[str(label)] = frechet_distance(Gaussian.of(there), Gaussian.of(drawn))
            counts[str(label)] = [len(there), len(drawn)]
    if not distances:
        raise ValueError(f"no class has {LEAST} pictures among the real ones and the generated ones; ask for more samples")
    value = sum(distances.values()) / len(distances)
    return Found(value, None, {"classes": len(distances)}, {"distances": distances, "real_and_generated": counts})


@metric(
    "class_accuracy",
    "Classifier accuracy",
    better="higher",
    paper="https://arxiv.org/abs/1610.09585",
    needs=("classes", "classifier"),
    least=10,
    original=None,
)
def class_accuracy(evidence: Evidence) -> Found:
    """The share of pictures that a classifier of real pictures takes for the class they were asked for."""
    labels, told = evidence.generated.labels, evidence.generated.told
    assert labels is not None
    assert told is not None
    right = (labels == told).double()
    of_classes = {str(label): float(right[labels == label].mean()) for label in sorted(set(labels.tolist()))}
    value = float(right.mean())
    error = (value * (1 - value) / len(right)) ** 0.5
    return Found(value, error, {}, {"of_classes": of_classes, "error_by": "binomial"})
