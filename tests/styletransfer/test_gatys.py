"""What Gatys' method alone has."""

from itertools import pairwise
from typing import Any

import pytest
import torch
from tests.styletransfer.conftest import picture
from torch import Tensor

from atelier.styletransfer.base import Style
from atelier.styletransfer.gatys import Gatys
from atelier.styletransfer.networks import FeatureNetwork
from atelier.styletransfer.objective import Objective


def run(network: FeatureNetwork, **chosen: Any) -> Gatys:
    hp = Gatys.hyperparameters(**{"size": 64, "steps": 25, **chosen})
    return Gatys(hp, network, picture(0), [Style(picture(1))])  # type: ignore[arg-type]


@pytest.mark.parametrize("name", ["vgg", "lite"])
def test_the_loss_of_lbfgs_never_rises(name: str, request: pytest.FixtureRequest) -> None:
    losses = [tick.losses["loss"] for tick in run(request.getfixturevalue(name), initial="noise").ticks()]
    assert all(after <= before for before, after in pairwise(losses))
    assert losses[-1] < losses[0] / 10


@pytest.fixture
def looks(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Tensor, int]]:
    """Each picture that was looked at, and from which place."""
    found: list[tuple[Tensor, int]] = []
    look = Objective.__call__

    def noted(self: Objective, picture: Tensor, step: int = 0) -> tuple[dict[str, Tensor], Tensor]:
        found.append((picture.detach().clone(), step))
        return look(self, picture, step)

    monkeypatch.setattr(Objective, "__call__", noted)
    return found


def test_a_step_begins_with_what_the_last_one_saw(vgg: FeatureNetwork, looks: list[tuple[Tensor, int]]) -> None:
    list(run(vgg, initial="noise").ticks())
    assert len(looks) < 1.5 * 25
    assert {place for _, place in looks} == {0}
    assert all(not torch.equal(before, after) for (before, _), (after, _) in pairwise(looks))


def test_a_network_with_strides_is_looked_through_from_places_that_see_all_pixels_alike(
    lite: FeatureNetwork, looks: list[tuple[Tensor, int]]
) -> None:
    def unlike(gradient: Tensor) -> float:
        """How much more is seen of some pixels than of others, by odd and even rows and columns."""
        seen = torch.stack([gradient[..., row::2, column::2].square().mean() for row in range(2) for column in range(2)])
        return float(seen.max() / seen.min())

    started = run(lite, size=128)
    assert unlike(started.goal(started.x, 0)[1]) > 1.4
    looks.clear()
    started.look()
    assert started.x.grad is not None
    assert unlike(started.x.grad) < 1.2
    assert [place for _, place in looks] == [0, 1, 2, 3]
    looks.clear()
    list(run(lite, optimiser="adam", steps=10).ticks())
    assert [place for _, place in looks] == list(range(10))


def test_more_history_is_another_way_down_and_adam_yet_another(vgg: FeatureNetwork) -> None:
    short, long, adam, slow = (
        [tick.losses["loss"] for tick in run(vgg, initial="noise", **chosen).ticks()][-1]
        for chosen in ({"history": 1}, {}, {"optimiser": "adam"}, {"optimiser": "adam", "learning_rate": 0.001})
    )
    assert len({short, long, adam, slow}) == 4
    assert long < short
    assert adam < slow


def test_layers_count_alike_and_lie_where_the_paper_has_them(vgg: FeatureNetwork) -> None:
    started = run(vgg)
    assert started.content_layers == {"relu4_2": 1}
    assert started.style_layers == {f"relu{block}_1": 1 for block in range(1, 6)}
