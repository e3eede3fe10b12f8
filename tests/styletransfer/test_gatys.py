"""What Gatys' method alone has."""

from itertools import pairwise
from typing import Any

import torch
from tests.styletransfer.conftest import picture

from atelier.styletransfer.base import Style
from atelier.styletransfer.gatys import Gatys
from atelier.styletransfer.networks import FeatureNetwork


def run(network: FeatureNetwork, **chosen: Any) -> Gatys:
    hp = Gatys.hyperparameters(**{"size": 64, "steps": 25, **chosen})
    return Gatys(hp, network, picture(0), [Style(picture(1))])  # type: ignore[arg-type]


def test_the_loss_of_lbfgs_never_rises(vgg: FeatureNetwork) -> None:
    losses = [tick.losses["loss"] for tick in run(vgg, initial="noise").ticks()]
    assert all(after <= before for before, after in pairwise(losses))
    assert losses[-1] < losses[0] / 10


def test_a_step_begins_with_what_the_last_one_saw(vgg: FeatureNetwork) -> None:
    started = run(vgg, initial="noise")
    looks = []
    goal = started.goal
    started.goal = lambda x: looks.append(x.detach().clone()) or goal(x)  # type: ignore[assignment, func-returns-value]
    for _ in started.ticks():
        pass
    assert len(looks) < 1.5 * 25
    assert all(not torch.equal(before, after) for before, after in pairwise(looks))


def test_more_history_is_another_way_down_and_adam_yet_another(vgg: FeatureNetwork) -> None:
    short, long, adam, slow = (
        [tick.losses["loss"] for tick in run(vgg, initial="noise", **chosen).ticks()][-1]
        for chosen in ({"history": 1}, {}, {"optimiser": "adam"}, {"optimiser": "adam", "learning_rate": 0.001})
    )
    assert len({short, long, adam, slow}) == 4
    assert long < short
    assert adam < slow


def test_layers_count_alike_and_lie_where_the_paper_has_them(vgg: FeatureNetwork, lite: FeatureNetwork) -> None:
    started = run(vgg)
    assert started.content_layers == {"relu4_2": 1}
    assert started.style_layers == {f"relu{block}_1": 1 for block in range(1, 6)}
    assert run(lite).goal.jitter == 0
