"""Pictures for scores: what they are asked for is what the data show, and each follows from its seed alone."""

from typing import Any

import pytest
import torch

from atelier.datasets.cache import PreparedDataset, prepare
from atelier.datasets.catalog import open_dataset
from atelier.metrics.sampling import Sampler
from atelier.models import architectures
from atelier.models.base import ConditionalGenerator, Conditioning
from atelier.models.prompted import PromptedGenerator


@pytest.fixture(scope="module")
def shapes(tmp_path_factory: pytest.TempPathFactory) -> PreparedDataset:
    return prepare(open_dataset("shapes", {"count": 60}), 16, tmp_path_factory.mktemp("data"))


def sampler(architecture: str, data: PreparedDataset, rows: list[int] | None = None, **chosen: Any) -> Sampler:
    cls = architectures[architecture]
    hp = cls.hyperparameters("debug", **chosen)
    torch.manual_seed(0)
    generator = cls(hp, data.spec).generator.eval().requires_grad_(False)
    if isinstance(generator, ConditionalGenerator):
        generator.learn_conditions(torch.eye(generator.condition_dim).repeat(60, 1))
    if isinstance(generator, PromptedGenerator):
        generator.learn_captions([("a word",)])
    conditioning: Conditioning = cls.conditioned_on(hp)
    return Sampler(generator, conditioning, data, list(range(len(data))) if rows is None else rows, {})


@pytest.mark.parametrize("architecture", ["dcgan", "cgan", "controlgan", "text_dcgan"])
def test_an_image_follows_from_its_seed_alone(architecture: str, shapes: PreparedDataset) -> None:
    of = sampler(architecture, shapes)
    together, alone = of(range(5, 11)), of([7])
    assert together.dtype == torch.uint8
    assert together.shape == (6, 3, 16, 16)
    assert (together[2].int() - alone[0].int()).abs().max() <= 1
    assert not torch.equal(together[0], together[1])


def test_classes_come_as_often_as_in_the_rows(shapes: PreparedDataset) -> None:
    rows = [row for row in range(60) if shapes.labels[row] in (1, 2)]
    of = sampler("cgan", shapes, rows)
    labels = of.labels(range(400))
    assert labels is not None
    assert set(labels.tolist()) == {1, 2}
    share = float((torch.from_numpy(shapes.labels[rows]) == 1).double().mean())
    assert float((labels == 1).double().mean()) == pytest.approx(share, abs=0.08)
    assert torch.equal(of.inputs(range(20))[1].argmax(dim=1), labels[:20])


def test_captions_are_those_of_the_rows_and_read_once(shapes: PreparedDataset) -> None:
    of = sampler("text_dcgan", shapes)
    captions = of.captions(range(30))
    assert captions is not None
    assert {*captions} <= {caption for some in shapes.captions for caption in some}
    sentences = of.inputs(range(30))[1]
    assert torch.allclose(sentences, of.sentences(captions))
    assert len(of._sentences) == len({*captions})
    assert torch.allclose(sentences[:1], of.generator.sentences(captions[:1]), atol=1e-5)  # type: ignore[operator]


def test_without_a_data_set_the_generator_decides(shapes: PreparedDataset) -> None:
    of = sampler("cgan", shapes, rows=[])
    labels = of.labels(range(20))
    assert labels is not None
    assert torch.equal(of.inputs(range(20))[1], of.generator.inputs(range(20))[1])
    assert torch.equal(labels, of.generator.inputs(range(20))[1].argmax(dim=1))
    assert sampler("dcgan", shapes).labels(range(3)) is None
