"""An image is a function of its weights and its seed, whatever is drawn beside it."""

from collections.abc import Callable

import pytest
import torch

from atelier.models import architectures
from atelier.models.base import Generator
from atelier.serving.worker import draw

CPU = torch.device("cpu")
SEEDS = list(range(67))  # the last pass is not full


@pytest.mark.parametrize("architecture", architectures)
@pytest.mark.parametrize("channels", [1, 3])
def test_every_image_of_a_batch_equals_the_image_drawn_alone(
    generators: Callable[[str, int], Generator], architecture: str, channels: int
) -> None:
    generator = generators(architecture, channels)
    together = draw(generator, SEEDS, CPU)  # uint8 [N, H, W, C]
    assert together.shape == (len(SEEDS), 32, 32, channels)
    assert together.dtype == torch.uint8
    assert together.float().std() > 30

    alone = torch.cat([draw(generator, [seed], CPU) for seed in SEEDS])
    assert torch.equal(together, alone)
    assert torch.equal(together.flip(0), draw(generator, SEEDS[::-1], CPU))
    assert not torch.equal(alone[0], alone[1])
