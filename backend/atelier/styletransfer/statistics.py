"""What a style is: mean and second moment of a layer's activations, wherever they are; and how far two of them are apart."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Self

import torch
from torch import Tensor


@dataclass(frozen=True, eq=False)
class Moments:
    """Mean [C] and second moment [C, C] of activations; the latter is what Gatys et al. call the Gram matrix, of the mean over places."""

    mean: Tensor
    second: Tensor

    @classmethod
    def of(cls, activations: Tensor, weights: Tensor | None = None) -> Self:
        """Of activations [1, C, h, w], over all places, or with their weights [1, 1, h, w].

        The weighted mean is that of the guided Gram matrices in Gatys et al. 2017 (arXiv 1611.07865), section 4: theirs has the roots.
        """
        total = activations.new_tensor(activations[0, 0].numel()) if weights is None else weights.sum()
        return cls.part(activations, weights, total)

    @classmethod
    def part(cls, activations: Tensor, weights: Tensor | None, total: Tensor) -> Self:
        """The share of these activations in the moments of a whole, over which the weights sum up to `total`."""
        places = activations.flatten(2)[0]  # [C, h w]
        weighted = places if weights is None else places * weights.flatten()
        return cls(weighted.sum(dim=1) / total, weighted @ (places.mT / total))

    def __add__(self, other: "Moments") -> "Moments":
        return Moments(self.mean + other.mean, self.second + other.second)

    @property
    def covariance(self) -> Tensor:
        return self.second - torch.outer(self.mean, self.mean)


def blend(moments: Sequence[Moments], weights: Sequence[float]) -> Moments:
    """Of a mixture of styles, in which each has its share of places. (Blended pictures would be another picture.)"""
    shares = [weight / sum(weights) for weight in weights]
    pairs = list(zip(moments, shares, strict=True))
    return Moments(sum_of([share * part.mean for part, share in pairs]), sum_of([share * part.second for part, share in pairs]))


def sum_of(tensors: Sequence[Tensor]) -> Tensor:
    return torch.stack(list(tensors)).sum(dim=0)


StyleLoss = Callable[[Moments], Tensor]  # how far they are from the style's, a scalar


def gatys(style: Moments) -> StyleLoss:
    """Mean squared difference of Gram matrices, by 1000/C².

    Gatys et al. 2015 (arXiv 1508.06576), eq. 4: as published by the authors, who divide by the places, so that the weights
    hold for any size.
    """
    weight = 1000 / len(style.mean) ** 2
    return lambda moments: weight * (moments.second - style.second).square().mean()


def gram(style: Moments) -> StyleLoss:
    """Squared difference of Gram matrices as a share of the style's own square: no units, so layers of all networks are alike."""
    unit = style.second.square().sum().clamp_min(torch.finfo(style.second.dtype).tiny)
    return lambda moments: (moments.second - style.second).square().sum() / unit


def wasserstein(style: Moments) -> StyleLoss:
    """Squared 2-Wasserstein distance of normal distributions with these moments, as a share of the style's mean square.

    d² = |m - m'|² + tr C + tr C' - 2 tr (C C')^½, as in K. Crowson's style-transfer-pytorch. Only the trace of the root is
    needed: with R Rᵀ = C' it is the sum of the roots of the eigenvalues of the symmetric Rᵀ C R, of which there are no more than the
    style has directions, and whose gradient needs no root of a matrix.
    """
    target, mean = style.covariance, style.mean
    values, vectors = torch.linalg.eigh(target.cpu().double())  # once; Apple's GPUs have neither float64 nor eigenvalues
    kept = values > len(values) * torch.finfo(target.dtype).eps * values[-1].clamp_min(0)
    root = (vectors[:, kept] * values[kept].sqrt()).to(target)  # R [C, r]
    unit = style.second.trace().clamp_min(torch.finfo(target.dtype).tiny)
    # A root has a kink at 0, where rounding would decide which way a picture with fewer places than the style has directions goes.
    smooth = torch.finfo(target.dtype).eps * target.trace().square()
    own = target.trace() - (values[kept].to(target).square() + smooth).sqrt().sum()  # what smoothing makes of the style itself

    def loss(moments: Moments) -> Tensor:
        covariance = moments.covariance
        product = root.mT @ covariance @ root
        product = (product + product.mT) / 2
        try:
            eigenvalues = torch.linalg.eigvalsh(product.cpu() if product.device.type == "mps" else product).to(product.device)
        except torch.linalg.LinAlgError as error:  # type: ignore[attr-defined]
            raise FloatingPointError("activations are no numbers any more: weights or the learning rate are too large") from error
        roots = (eigenvalues.clamp_min(0) + smooth).sqrt().sum() + own
        distance: Tensor = ((moments.mean - mean).square().sum() + covariance.trace() + target.trace() - 2 * roots) / unit
        return distance

    return loss


STYLE_LOSSES: dict[str, Callable[[Moments], StyleLoss]] = {"wasserstein": wasserstein, "gram": gram, "gatys": gatys}
