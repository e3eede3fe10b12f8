"""InterFaceGAN: Y. Shen et al.: "Interpreting the Latent Space of GANs for Semantic Face Editing" (2020, arXiv 1907.10786).

A classifier scores drawn images; those that show an attribute most and least are told apart by a plane in the latent space, whose unit
normal is the direction (section 3.2). Where we differ: the plane is that of a logistic regression with a ridge, which a few Newton steps
solve exactly, and not of a linear SVM; the accuracy is of images that it was not fitted to.
"""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn

from atelier.models.base import Generator
from atelier.steering.classifier import Dial
from atelier.steering.directions import Direction, Facts
from atelier.steering.latents import draw, points, sample, space_of

SAMPLES, BATCH = 4096, 64
EXTREMES = 0.08  # share of the images at each end; the paper takes the 2 % of half a million
HELD = 4  # of so many extreme images, one is kept from the fit
RIDGE = 1e-2  # weight of the normal's squared length against the mean loss, with entries of variance 1
ITERATIONS = 20
LEAST = 0.6  # accuracy below which an attribute is none of the latent's: where a condition decides it, say

Progress = Callable[[int, int], None]


def find(generator: Generator, classifier: nn.Module, dials: Sequence[Dial], *, on_progress: Progress | None = None) -> list[Direction]:
    """A direction for each dial that the latent decides. `classifier` gives log-odds [N, D] of images [N, C, H, W].

    `on_progress(images, total)` is called after every batch; what it raises ends the search.
    """
    latents = sample(generator, SAMPLES, seed=2)
    scores = []
    with torch.no_grad():
        for start in range(0, SAMPLES, BATCH):
            scores.append(classifier(draw(generator, latents.rows(slice(start, start + BATCH)))).cpu())
            if on_progress is not None:
                on_progress(min(start + BATCH, SAMPLES), SAMPLES)
    data, space = points(generator, latents).cpu(), space_of(generator)
    found = []
    for index, (dial, of_dial) in enumerate(zip(dials, torch.cat(scores).mT, strict=True), 1):
        vector, accuracy = normal(data, of_dial)
        if accuracy < LEAST:
            continue
        facts = Facts(
            id=f"interfacegan-{index}",
            name=dial.name[:100],
            method="interfacegan",
            space=space,
            scale=1.0 if space == "z" else float((data @ vector).std()),
            dial=dial.name,
            accuracy=round(accuracy, 4),
        )
        found.append(Direction(facts, vector))
    return found


def normal(data: Tensor, scores: Tensor) -> tuple[Tensor, float]:
    """Points [N, K] and their scores [N] → the unit vector [K] that leads from low scores to high ones, and its accuracy.

    Only the points with the highest and the lowest scores are looked at.
    """
    count = max(HELD, round(EXTREMES * len(scores)))
    order = scores.argsort(stable=True)
    x = torch.cat([data[order[:count]], data[order[-count:]]]).double()
    y = torch.cat([torch.zeros(count), torch.ones(count)]).double()
    held = torch.arange(2 * count) % HELD == 0
    unit = data.double().std().clamp_min(1e-12)
    weights = _logistic(torch.cat([x[~held] / unit, torch.ones(int((~held).sum()), 1)], dim=1), y[~held])
    said = x[held] / unit @ weights[:-1] + weights[-1] > 0
    vector = weights[:-1] / weights[:-1].norm().clamp_min(1e-12)
    return vector.float(), float((said == y[held].bool()).double().mean())


def _logistic(x: Tensor, y: Tensor) -> Tensor:
    """Weights [K + 1] of a logistic regression of y [N] on x [N, K + 1], whose last column is 1 and without ridge; by Newton's method."""
    weights = x.new_zeros(x.shape[1])
    ridge = torch.full_like(weights, RIDGE)
    ridge[-1] = 1e-9
    for _ in range(ITERATIONS):
        p = (x @ weights).sigmoid()
        slope = x.mT @ (p - y) / len(x) + ridge * weights
        bend = (x * (p * (1 - p) / len(x))[:, None]).mT @ x + ridge.diag()
        step = torch.linalg.solve(bend, slope)
        weights = weights - step
        if step.abs().max() < 1e-9:
            break
    return weights
