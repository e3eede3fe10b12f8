"""FID: the Fréchet distance to the real set through Inception (Heusel et al. 2017, arXiv 1706.08500)."""

from atelier.metrics.base import Evidence, Found, error_by_parts, metric
from atelier.metrics.frechet import Gaussian, frechet_distance, influence


@metric(
    "fid",
    "FID",
    better="lower",
    paper="https://arxiv.org/abs/1706.08500",
    needs=("statistics",),
    least=10,
    original="inception",
    general="Fréchet distance",
)
def fid(evidence: Evidence) -> Found:
    """How far the generated pictures are from the real ones, as two clouds of features: the better and the more varied, the nearer.

    Biased upward by about a constant over the number of pictures. The error is that of the generated set, the real one taken as it is:
    by each picture's influence where there are more pictures than features, else by the spread over parts.
    """
    real, features = evidence.real.gaussian, evidence.generated.features
    generated = evidence.generated.gaussian
    value = frechet_distance(real, generated)
    count, dimensions = features.shape
    error: float | None
    if count > 2 * dimensions and real.rank == dimensions and (moved := influence(real, generated, features)) is not None:
        error, by = float(moved.std() / count**0.5), "influence of each image"
    else:
        error, by = error_by_parts(lambda part: frechet_distance(real, Gaussian.of(part)), features), "spread over parts"
    details = {"error_by": by} | (
        {} if count > dimensions else {"note": f"fewer images than the {dimensions} features: biased upward a lot"}
    )
    return Found(value, error, {"covariance": "N - 1"}, details)
