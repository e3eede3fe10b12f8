"""How fast style transfer is: an iteration against the loops that people use, and the pyramid against Gatys' L-BFGS.

First, seconds for one look at the picture (loss and gradient), the optimiser's work included, through the same VGG-19, at the same size:
- gordicaleksa: pytorch-neural-style-transfer's loop, L-BFGS with strong Wolfe, targets computed once, weights frozen
- tutorial: "Neural Transfer Using PyTorch", losses as layers within the network, L-BFGS without a line search, clamped in the closure
- recomputing: Adam, with content and style looked at again in every step and weights that were not frozen, as in many tutorials
They are written anew here, with the layers of the paper in all of them. Random weights do, for they take as long as trained ones.

Then, the loss that Gatys' method reaches after so many steps of L-BFGS, and how long the pyramid takes to get there by the very same loss.
Of a network with strides that is the mean over the places from which L-BFGS looks at the picture.

    OMP_NUM_THREADS=2 python benchmarks/style.py CONTENT STYLE [--size 512] [--looks 10] [--steps 300] [--network lite0] [--features FOLDER]
"""

import argparse
import os
import resource
import statistics
import time
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

import torch
from torch import Tensor, nn
from torch.nn.functional import mse_loss
from torchvision.models import vgg19

from atelier.models.devices import pick_device
from atelier.styletransfer.base import Style
from atelier.styletransfer.gatys import PLACES, Gatys
from atelier.styletransfer.networks import FeatureNetwork, open_network
from atelier.styletransfer.pictures import fitted, read, resize
from atelier.styletransfer.pyramid import Pyramid
from atelier.styletransfer.statistics import gatys
from atelier.styletransfer.vgg import DEVIATION, MEAN, VGG19

STYLE_AT, CONTENT_AT = (1, 6, 11, 20, 29), 22  # relu1_1 … relu5_1 and relu4_2 within torchvision's features
Looks = list[float]  # when each of them ended


# ----------------------------------------------------------------------------------------------- the loops of others, written anew


def layers_of(network: VGG19, *, frozen: bool) -> nn.Sequential:
    layers = vgg19().features[:30].eval()
    layers.load_state_dict({name.removeprefix("features."): value for name, value in network.state_dict().items()})
    for layer in layers:
        if isinstance(layer, nn.ReLU):
            layer.inplace = False
    return layers.requires_grad_(not frozen).to(network.device)


def normalised(x: Tensor) -> Tensor:
    """Pixels in [0, 1]."""
    return (x - torch.tensor(MEAN, device=x.device)[:, None, None]) / torch.tensor(DEVIATION, device=x.device)[:, None, None]


def gram(x: Tensor) -> Tensor:
    flat = x.flatten(2)[0]
    return flat @ flat.mT / x[0].numel()


def seen(layers: nn.Sequential, x: Tensor) -> tuple[Tensor, list[Tensor]]:
    """Content and style activations."""
    x, styles, content = normalised(x), [], x
    for index, layer in enumerate(layers):
        x = layer(x)
        if index in STYLE_AT:
            styles.append(x)
        if index == CONTENT_AT:
            content = x
    return content, styles


def gordicaleksa(layers: nn.Sequential, content: Tensor, style: Tensor, looks: int) -> Looks:
    target = seen(layers, content)[0].detach()
    grams = [gram(x).detach() for x in seen(layers, style)[1]]
    x = content.clone().requires_grad_()
    optimizer = torch.optim.LBFGS(
        [x], max_iter=looks, max_eval=looks, line_search_fn="strong_wolfe", tolerance_change=-1, tolerance_grad=-1
    )
    ends: Looks = [time.perf_counter()]

    def closure() -> Tensor:
        optimizer.zero_grad()
        found, styles = seen(layers, x)
        loss = 1e5 * mse_loss(found, target)
        loss = loss + 3e4 * sum(mse_loss(gram(y), wanted, reduction="sum") for y, wanted in zip(styles, grams, strict=True)) / len(grams)
        loss = loss + (x[..., 1:] - x[..., :-1]).abs().sum() + (x[..., 1:, :] - x[..., :-1, :]).abs().sum()
        loss.backward()
        ends.append(time.perf_counter())
        return loss

    optimizer.step(closure)
    return ends


class Judge(nn.Module):
    """A loss as a layer that lets everything through."""

    def __init__(self, target: Tensor, measure: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.measure, self.target = measure, measure(target).detach()

    def forward(self, x: Tensor) -> Tensor:
        self.loss = mse_loss(self.measure(x), self.target)
        return x


def tutorial(layers: nn.Sequential, content: Tensor, style: Tensor, looks: int) -> Looks:
    judged, judges = nn.Sequential(), []
    target, wanted = normalised(content), normalised(style)
    for index, layer in enumerate(layers):
        judged.append(layer)
        target, wanted = layer(target).detach(), layer(wanted).detach()
        if index in STYLE_AT:
            judges.append((1e6, Judge(wanted, gram)))
            judged.append(judges[-1][1])
        if index == CONTENT_AT:
            judges.append((1.0, Judge(target, lambda x: x)))
            judged.append(judges[-1][1])
    x = content.clone().requires_grad_()
    optimizer = torch.optim.LBFGS([x])
    ends: Looks = [time.perf_counter()]

    def closure() -> Tensor:
        with torch.no_grad():
            x.clamp_(0, 1)
        optimizer.zero_grad()
        judged(normalised(x))
        loss = torch.stack([weight * judge.loss for weight, judge in judges]).sum()
        loss.backward()
        ends.append(time.perf_counter())
        return loss

    while len(ends) <= looks:
        optimizer.step(closure)
    return ends


def recomputing(layers: nn.Sequential, content: Tensor, style: Tensor, looks: int) -> Looks:
    x = content.clone().requires_grad_()
    optimizer = torch.optim.Adam([x], lr=0.001)
    ends: Looks = [time.perf_counter()]
    for _ in range(looks):
        found, styles = seen(layers, x)
        target, wanted = seen(layers, content)[0], seen(layers, style)[1]
        loss = mse_loss(found, target) + 0.01 * sum(mse_loss(gram(y), gram(z)) for y, z in zip(styles, wanted, strict=True))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        ends.append(time.perf_counter())
    return ends


# ------------------------------------------------------------------------------------------------------------------------ and ours


def ours(network: FeatureNetwork, content: Tensor, style: Tensor, size: int, looks: int) -> Looks:
    hp = Gatys.hyperparameters(size=size, steps=looks, tile=4096)
    run = Gatys(hp, network, content, [Style(style)])
    ends: Looks = [time.perf_counter()]
    goal = run.goal

    def counted(x: Tensor, place: int = 0) -> tuple[dict[str, Tensor], Tensor]:
        result = goal(x, place)
        ends.append(time.perf_counter())
        return result

    counted.jitter = goal.jitter  # type: ignore[attr-defined]
    run.goal = counted  # type: ignore[assignment]
    while len(ends) <= looks:
        run.advance()
    return ends


def median(ends: Looks) -> float:
    """Seconds a look, without the first, which warms up."""
    return statistics.median(after - before for before, after in pairwise(ends[1:]))


def iterations(network: VGG19, content: Tensor, style: Tensor, size: int, looks: int) -> None:
    height, width = fitted(content, size)
    pixels, painted = ((resize(picture, height, width) + 1) / 2 for picture in (content, style))
    frozen, learning = layers_of(network, frozen=True), layers_of(network, frozen=False)
    ways: dict[str, Callable[[], Looks]] = {
        "ours, Gatys": lambda: ours(network, content, style, size, looks),
        "gordicaleksa": lambda: gordicaleksa(frozen, pixels, painted, looks),
        "tutorial": lambda: tutorial(frozen, pixels, painted, looks),
        "recomputing": lambda: recomputing(learning, pixels, painted, looks),
    }
    rounds = {name: [median(way()) for name, way in ways.items()] for name in ("first", "second")}  # both see the same neighbours
    seconds = {name: min(times) for name, times in zip(ways, zip(*rounds.values(), strict=True), strict=True)}
    print(f"VGG-19, {width} x {height} px, {looks} looks, twice\n\n| way | seconds a look | times ours |\n|---|---|---|")
    for name, value in seconds.items():
        print(f"| {name} | {value:.3f} | {value / seconds['ours, Gatys']:.2f} |")


def race(network: FeatureNetwork, content: Tensor, style: Tensor, size: int, steps: int) -> None:
    styles = [Style(style)]
    slow = Gatys(Gatys.hyperparameters(size=size, steps=steps, tile=4096), network, content, styles)  # type: ignore[arg-type]
    judge = slow.objective(slow.height, slow.width, gatys)
    places = PLACES if network.jitter else range(1)

    def loss(picture: Tensor) -> float:
        return sum(float(judge(picture, place)[0]["loss"]) for place in places) / len(places)

    first, began = loss(slow.x), time.perf_counter()
    for _ in slow.ticks():
        pass
    whole, goal = time.perf_counter() - began, loss(slow.picture)
    where = f", the mean of {len(places)} places" if len(places) > 1 else ""
    print(f"\n{network.title}, {slow.width} x {slow.height} px, Gatys' loss{where}")
    print(f"- L-BFGS: {first:.4g} → {goal:.4g} in {steps} steps, {whole:.1f} s")

    # The same loss: no term for smoothness, and the content's layers with Gatys' weight. Smaller steps than the default, which is tuned for
    # looks in few steps: it would not settle so deep.
    unweighted = 1 / sum(network.content_layers.values())
    hp = Pyramid.hyperparameters(
        size=size, statistics="gatys", tv_weight=0, content_weight=unweighted, tile=4096, learning_rate=0.03, adam_beta2=0.999
    )
    began, judging = time.perf_counter(), 0.0
    fast = Pyramid(hp, network, content, styles)  # type: ignore[arg-type]
    fast.plan[-1] = steps
    for _ in fast.ticks():
        if fast.level == len(fast.sizes) - 1 and fast.step % 5 == 0:
            paused = time.perf_counter()
            found = loss(fast.picture)
            judging += time.perf_counter() - paused
            if found <= goal:
                break
    took = time.perf_counter() - began - judging
    print(
        f"- pyramid: {found:.4g} in {fast.iteration} steps, {fast.step} of them at full size, {took:.1f} s: {took / whole:.2f} of the time"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("content", type=Path)
    parser.add_argument("style", type=Path)
    parser.add_argument("--size", type=int, default=512)
    parser.add_argument("--looks", type=int, default=10)
    parser.add_argument("--steps", type=int, default=300)
    parser.add_argument("--network", default="auto", choices=["auto", "vgg19", "lite0"], help="for the race")
    parser.add_argument("--features", type=Path, default=Path("models_store/features"))
    parser.add_argument("--device", default="auto")
    options = parser.parse_args()
    device = pick_device(options.device)
    content, style = (read(path, options.size * 2).to(device) for path in (options.content, options.style))
    print(f"{device}, {torch.get_num_threads()} threads")
    if options.looks:
        torch.manual_seed(0)
        iterations(VGG19().to(device), content, style, options.size, options.looks)
    if options.steps:
        race(open_network(options.network, options.features, device), content, style, options.size, options.steps)
    if device.type == "cpu":
        print(f"peak memory {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20:.2f} GiB")


if __name__ == "__main__":
    main()
