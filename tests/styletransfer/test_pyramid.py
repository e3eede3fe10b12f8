"""What the pyramid alone has."""

from typing import Any

import pytest
import torch
from tests.styletransfer.conftest import picture

from atelier.styletransfer.base import Style
from atelier.styletransfer.networks import FeatureNetwork
from atelier.styletransfer.pictures import resize
from atelier.styletransfer.pyramid import Pyramid


def run(network: FeatureNetwork, **chosen: Any) -> Pyramid:
    hp = Pyramid.hyperparameters(**{"size": 128, "smallest": 64, "steps": 6, **chosen})
    return Pyramid(hp, network, picture(0), [Style(picture(1))])  # type: ignore[arg-type]


def test_sizes_grow_by_the_root_of_two_and_steps_become_fewer(vgg: FeatureNetwork) -> None:
    assert [max(size) for size in run(vgg, size=512, smallest=128).sizes] == [128, 181, 256, 362, 512]
    assert [max(size) for size in run(vgg, size=384, smallest=128).sizes] == [136, 192, 272, 384]
    assert [max(size) for size in run(vgg, size=100, smallest=128).sizes] == [100]
    assert run(vgg, steps=100, decay=0.5).plan == [100, 50, 25]
    sizes = [tick.size for tick in run(vgg, decay=0.5).ticks()]
    assert sizes == [(48, 64)] * 6 + [(68, 91)] * 3 + [(96, 128)] * 2


def test_a_size_begins_with_the_average_of_the_one_before_and_its_moments(vgg: FeatureNetwork) -> None:
    started = run(vgg)
    for _ in range(6):
        started.advance()
    before, mean, square = started.picture, started.mean.clone(), started.square.clone()
    started._enlarge()
    assert torch.equal(started.x, resize(before, 68, 91))
    for small, large in ((before, started.picture), (mean, started.mean), (square, started.square)):
        reduced = torch.nn.functional.interpolate(large, (48, 64), mode="area")
        assert float(torch.corrcoef(torch.stack([reduced.flatten(), small.flatten()]))[0, 1]) > 0.7
        assert 0.5 < float(large.square().mean() / small.square().mean()) < 1.1
    assert (started.square >= 0).all()


def test_the_result_is_the_average_of_the_last_pictures(vgg: FeatureNetwork) -> None:
    started = run(vgg, size=64, average=0.5, steps=3)
    seen = [started.x.clone() for _ in started.ticks()]
    assert torch.allclose(started.picture, (seen[0] + 2 * seen[1] + 4 * seen[2]) / 7, atol=1e-6)
    last = run(vgg, size=64, average=0)
    for _ in last.ticks():
        pass
    assert torch.equal(last.picture, last.x)


def test_steps_are_those_of_adam(vgg64: FeatureNetwork) -> None:
    started = run(vgg64, size=64, steps=5, adam_beta1=0.8, adam_beta2=0.95, learning_rate=0.03)
    x = started.x.clone().requires_grad_()
    theirs = torch.optim.Adam([x], 0.03, betas=(0.8, 0.95))
    for step in range(5):
        x.grad = started.goal(x, step)[1] * x[0, 0].numel()
        theirs.step()
        x.data.clamp_(-1, 1)
        started.advance()
        assert torch.allclose(started.x, x, atol=1e-6)


@pytest.mark.parametrize("statistics", ["wasserstein", "gram", "gatys"])
def test_it_gets_nearer_to_the_style_by_all_statistics(vgg: FeatureNetwork, statistics: str) -> None:
    losses = [tick.losses["style"] for tick in run(vgg, size=64, steps=40, statistics=statistics, content_weight=0).ticks()]
    assert losses[-1] < losses[0] / 2


def test_a_size_that_is_finished_early_gives_way_to_the_next(vgg: FeatureNetwork) -> None:
    ticks = list(run(vgg, size=91, steps=60, decay=1, tolerance=0.5).ticks())
    assert len(ticks) < 2 * 60
    assert [tick.progress for tick in ticks] == sorted(tick.progress for tick in ticks)
    assert ticks[-1].progress == 1
    assert ticks[-1].size == (68, 91)
