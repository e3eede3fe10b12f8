"""What a picture is judged by: content, style and smoothness, with the gradient, computed whole or in tiles."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor
from torch.nn.functional import interpolate, pad

from atelier.styletransfer.networks import FeatureNetwork
from atelier.styletransfer.statistics import Moments, StyleLoss

MOVES = 8  # places that a picture is moved to in turn


@dataclass(frozen=True, eq=False)
class Region:
    """A part of the picture and the style that it is to have."""

    losses: Mapping[str, StyleLoss]  # of each style layer
    mask: Tensor | None = None  # [1, 1, H, W] in [0, 1], of the picture's size; None: everywhere
    weight: float = 1.0


@dataclass(frozen=True)
class Weights:
    """Of the parts of the loss. Those of layers are relative to `content` and `style`."""

    content: float
    style: float
    tv: float
    content_layers: Mapping[str, float]
    style_layers: Mapping[str, float]


@dataclass(frozen=True)
class Tile:
    """A rectangle, and what has to be seen around it; in pixels, each (first, beyond the last), rows then columns."""

    own: tuple[tuple[int, int], tuple[int, int]]
    seen: tuple[tuple[int, int], tuple[int, int]]

    def cut(self, picture: Tensor) -> Tensor:
        (top, bottom), (left, right) = self.seen
        return picture[:, :, top:bottom, left:right]


class Objective:
    """Losses and gradients of pictures [1, 1 or 3, H, W] in [-1, 1]; one of a single channel is seen in grey.

    A picture whose longer side exceeds `tile` pixels is computed in tiles of at most that, so that memory depends on the tile's size alone.
    Moments are summed up over all tiles first; then each tile gets its share of their gradient. So the result is that of the whole, to
    rounding, for 3/2 of the operations. The seams lie elsewhere in each step.
    """

    def __init__(
        self,
        network: FeatureNetwork,
        content: Tensor,
        regions: Sequence[Region],
        weights: Weights,
        *,
        content_unit: Callable[[Tensor], Tensor] | None = None,
        tile: int = 0,
    ) -> None:
        """Content [1, 1 or 3, H, W]; `content_unit` says of its activations what squared differences are measured in."""
        self.network, self.content, self.regions, self.weights = network, content, regions, weights
        self.content_unit, self.tile = content_unit, tile
        self.jitter = network.jitter
        margin = max(0, self.jitter - 1)
        self.height, self.width = content.shape[2] + margin, content.shape[3] + margin  # of what the network sees
        self.content_layers = tuple(layer for layer, weight in weights.content_layers.items() if weight and weights.content)
        self.style_layers = tuple(layer for layer, weight in weights.style_layers.items() if weight and weights.style)
        self.layers = tuple(dict.fromkeys(self.style_layers + self.content_layers))
        self._targets: dict[int, dict[str, tuple[Tensor, Tensor]]] = {}  # by the place that the picture is moved to
        self._masks: dict[tuple[int, int, str], Tensor] = {}

    def __call__(self, picture: Tensor, step: int = 0) -> tuple[dict[str, Tensor], Tensor]:
        """Losses ("loss" and its weighted parts "content", "style", "tv", scalars), and the gradient of "loss", shaped as the picture.

        `step` decides where the picture is moved to and where the seams are.
        """
        with torch.enable_grad(), torch.autocast(picture.device.type, enabled=False):
            canvas = picture.detach().requires_grad_()
            tv = self.weights.tv * total_variation(canvas)
            losses = {"content": tv.new_zeros(()), "style": tv.new_zeros(()), "tv": tv.detach()}
            (gradient,) = torch.autograd.grad(tv, canvas)
            if self.layers:
                moved = self._moved(canvas, step)
                tiles = list(tiles_of(self.network, self.layers, self.height, self.width, self.tile, step))
                self._prepare(step)
                if len(tiles) == 1:
                    parts = self._whole(moved, step)
                    (seen,) = torch.autograd.grad(parts["content"] + parts["style"], canvas)
                else:
                    parts, slope = self._in_tiles(moved.detach(), tiles, step)
                    (seen,) = torch.autograd.grad(moved, canvas, slope)
                gradient = gradient + seen
                losses |= {name: value.detach() for name, value in parts.items()}
        return {"loss": losses["content"] + losses["style"] + losses["tv"], **losses}, gradient

    # -------------------------------------------------------------------------------------------------------------------- the whole

    def _whole(self, moved: Tensor, step: int) -> dict[str, Tensor]:
        activations = self.network(moved, self.layers)
        moments = [
            {layer: Moments.of(activations[layer], self._mask(index, layer, step)) for layer in self.style_layers}
            for index in range(len(self.regions))
        ]
        content = moved.new_zeros(())
        for layer in self.content_layers:
            target, factor = self._targets[self._place(step)][layer]
            content = content + factor * (activations[layer] - target).square().sum()
        return {"content": content, "style": self._style(moments)}

    def _style(self, moments: Sequence[Mapping[str, Moments]]) -> Tensor:
        """Of the regions' moments."""
        total = sum(self.weights.style_layers[layer] for layer in self.style_layers) or 1.0
        terms = [
            region.weight * self.weights.style_layers[layer] / total * region.losses[layer](found[layer])
            for region, found in zip(self.regions, moments, strict=True)
            for layer in self.style_layers
        ]
        return self.weights.style * torch.stack(terms).sum() if terms else self.content.new_zeros(())

    # --------------------------------------------------------------------------------------------------------------------- in tiles

    def _in_tiles(self, moved: Tensor, tiles: Sequence[Tile], step: int) -> tuple[dict[str, Tensor], Tensor]:
        """Losses, and the gradient with respect to `moved`."""
        totals = [{layer: self._total(index, layer, step) for layer in self.style_layers} for index in range(len(self.regions))]
        with torch.no_grad():
            moments = self._sums(moved, tiles, totals, step)
        leaves = [
            {layer: Moments(part.mean.requires_grad_(), part.second.requires_grad_()) for layer, part in found.items()} for found in moments
        ]
        flat = [tensor for found in leaves for part in found.values() for tensor in (part.mean, part.second)]
        style = self._style(leaves)
        slopes = iter(torch.autograd.grad(style, flat, materialize_grads=True)) if flat else iter(())  # Gram matrices leave means out
        pulls = [{layer: Moments(next(slopes), next(slopes)) for layer in found} for found in leaves]

        gradient, content = torch.zeros_like(moved), moved.new_zeros(())
        for tile in tiles:
            piece = tile.cut(moved).detach().requires_grad_()
            activations = self.network(piece, self.layers)
            pull = piece.new_zeros(())
            for index, found in enumerate(pulls):
                for layer, slope in found.items():
                    own, mask = own_cells(self.network, activations[layer], layer, tile), self._mask(index, layer, step, tile)
                    part = Moments.part(own, mask, totals[index][layer])
                    pull = pull + (slope.mean * part.mean).sum() + (slope.second * part.second).sum()
            for layer in self.content_layers:
                target, factor = self._targets[self._place(step)][layer]
                difference = own_cells(self.network, activations[layer], layer, tile) - self._cut(target, layer, tile)
                loss = factor * difference.square().sum()
                content = content + loss.detach()
                pull = pull + loss
            tile.cut(gradient).add_(torch.autograd.grad(pull, piece)[0])
        return {"content": content, "style": style}, gradient

    def _sums(self, moved: Tensor, tiles: Sequence[Tile], totals: Sequence[Mapping[str, Tensor]], step: int) -> list[dict[str, Moments]]:
        sums: list[dict[str, Moments]] = [{} for _ in self.regions]
        for tile in tiles if self.style_layers else ():
            activations = self.network(tile.cut(moved), self.style_layers)
            for index, found in enumerate(sums):
                for layer in self.style_layers:
                    own, mask = own_cells(self.network, activations[layer], layer, tile), self._mask(index, layer, step, tile)
                    part = Moments.part(own, mask, totals[index][layer])
                    found[layer] = found[layer] + part if layer in found else part
        return sums

    def _total(self, index: int, layer: str, step: int) -> Tensor:
        """What the weights of the region's places sum up to."""
        mask = self._mask(index, layer, step)
        if mask is not None:
            return mask.sum()
        return self.content.new_tensor(self.network.grid(layer, self.height) * self.network.grid(layer, self.width))

    # ------------------------------------------------------------------------------------------------------ moving about, targets, masks

    def _place(self, step: int) -> int:
        return step % MOVES if self.jitter else 0

    def _moved(self, picture: Tensor, step: int) -> Tensor:
        """Three channels, with a mirrored margin that is divided between the sides as the step says."""
        picture = picture.expand(-1, 3, -1, -1)
        if not self.jitter:
            return picture
        # All eight differ, and each of odd and even rows and columns come twice.
        place = self._place(step)
        down, right = 7 * place % self.jitter, (5 * (place // 2) + 4 * (place % 2)) % self.jitter
        margin = self.jitter - 1
        return pad(picture, (right, margin - right, down, margin - down), mode="reflect")

    def _prepare(self, step: int) -> None:
        """Targets and masks for the place that the step moves pictures to, when it first comes up."""
        place = self._place(step)
        if place in self._targets:
            return
        with torch.no_grad():
            moved, found = self._moved(self.content, step), {}
            if self.content_layers:
                activations = activations_of(self.network, moved, self.content_layers, self.tile)
                for layer, target in activations.items():
                    factor = self.weights.content * self.weights.content_layers[layer] / target.numel()
                    unit = target.new_ones(()) if self.content_unit is None else self.content_unit(target)
                    found[layer] = (target, factor / unit)
            self._targets[place] = found
            for index, region in enumerate(self.regions):
                if region.mask is not None:
                    mask = self._moved(region.mask, step)[:, :1].cpu()  # Apple's GPUs can't take such means
                    for layer in self.style_layers:
                        grid = self.network.grid(layer, self.height), self.network.grid(layer, self.width)
                        self._masks[index, place, layer] = interpolate(mask, grid, mode="area").to(moved)

    def _mask(self, index: int, layer: str, step: int, tile: Tile | None = None) -> Tensor | None:
        if self.regions[index].mask is None:
            return None
        mask = self._masks[index, self._place(step), layer]
        return mask if tile is None else self._cut(mask, layer, tile)

    def _cut(self, whole: Tensor, layer: str, tile: Tile) -> Tensor:
        """The tile's own part of something that covers a whole layer."""
        rows, columns = (_cells(self.network, layer, own, size) for own, size in zip(tile.own, (self.height, self.width), strict=True))
        return whole[:, :, slice(*rows), slice(*columns)]


def total_variation(picture: Tensor) -> Tensor:
    """Mean squared difference of neighbours in a row and in a column: the same for any size."""
    across, down = picture[..., 1:] - picture[..., :-1], picture[..., 1:, :] - picture[..., :-1, :]
    return across.square().mean() + down.square().mean()


# ------------------------------------------------------------------------------------------------------------------------- tiles


def tiles_of(network: FeatureNetwork, layers: Sequence[str], height: int, width: int, tile: int, step: int = 0) -> Iterator[Tile]:
    """Tiles that cover a picture once, with as much around each as the layers see; a single one where it is no larger than `tile`."""
    if tile == 0 or max(height, width) <= tile:
        yield Tile(own=((0, height), (0, width)), seen=((0, height), (0, width)))
        return
    stride = network.stride(layers)
    halo = -(-network.reach(layers) // stride) * stride
    side = max(1, tile // stride) * stride
    for rows in _cuts(height, side, stride, step):
        for columns in _cuts(width, side, stride, step):
            seen = tuple((max(0, first - halo), min(size, last + halo)) for (first, last), size in ((rows, height), (columns, width)))
            yield Tile(own=(rows, columns), seen=seen)  # type: ignore[arg-type]


def _cuts(size: int, side: int, stride: int, step: int) -> Iterator[tuple[int, int]]:
    """Parts of equal length but for the first and the last, whose lengths the step decides; all begin at multiples of the stride."""
    cells = side // stride
    first = (1 + (step * (cells // 3 + 1) + cells - 1) % cells) * stride
    edges = [0, *range(first, size - stride + 1, side), size] if first < size else [0, size]
    yield from pairwise(edges)


def _cells(network: FeatureNetwork, layer: str, own: tuple[int, int], size: int) -> tuple[int, int]:
    first, last = own
    stride = network.strides[layer]
    return first // stride, network.grid(layer, size) if last == size else last // stride


def own_cells(network: FeatureNetwork, activations: Tensor, layer: str, tile: Tile) -> Tensor:
    """Of a tile's activations those that belong to it and not to what is around it."""
    cut = []
    for (first, last), (seen_first, seen_last) in zip(tile.own, tile.seen, strict=True):
        start, stop = _cells(network, layer, (first - seen_first, last - seen_first), seen_last - seen_first)
        cut.append(slice(start, stop))
    return activations[:, :, cut[0], cut[1]]


@torch.no_grad()
def activations_of(network: FeatureNetwork, picture: Tensor, layers: Sequence[str], tile: int) -> dict[str, Tensor]:
    """Activations of a whole picture [1, 3, H, W], computed in tiles where it is larger than `tile`."""
    height, width = picture.shape[2:]
    tiles = list(tiles_of(network, layers, height, width, tile))
    if len(tiles) == 1:
        found: dict[str, Tensor] = network(picture, layers)
        return found
    whole: dict[str, Tensor] = {}
    for part in tiles:
        for layer, activations in network(part.cut(picture), layers).items():
            if layer not in whole:
                size = network.grid(layer, height), network.grid(layer, width)
                whole[layer] = activations.new_zeros(1, activations.shape[1], *size)
            rows, columns = (_cells(network, layer, own, size) for own, size in zip(part.own, (height, width), strict=True))
            whole[layer][:, :, slice(*rows), slice(*columns)] = own_cells(network, activations, layer, part)
    return whole


@torch.no_grad()
def moments_of(network: FeatureNetwork, picture: Tensor, layers: Sequence[str], tile: int) -> dict[str, Moments]:
    """Moments of a whole picture [1, 3, H, W], layer by layer, summed up over tiles where it is larger than `tile`."""
    height, width = picture.shape[2:]
    sums: dict[str, Moments] = {}
    for part in tiles_of(network, layers, height, width, tile):
        for layer, activations in network(part.cut(picture), layers).items():
            total = activations.new_tensor(network.grid(layer, height) * network.grid(layer, width))
            moments = Moments.part(own_cells(network, activations, layer, part), None, total)
            sums[layer] = sums[layer] + moments if layer in sums else moments
    return sums
