"""What all that draw from text share: the stage that reads, and a generator that carries its words."""

import copy
from dataclasses import replace
from typing import Literal

import pytest
import torch

from atelier.models import architectures
from atelier.models.base import Batch, ImageSpec
from atelier.models.prompted import (
    SPREAD,
    Matching,
    MatchingDiscriminator,
    PromptedGenerator,
    PromptedHyperparameters,
    Reader,
    crossed,
    spread,
    thinned,
)
from atelier.models.text_dcgan import TextDCGAN

SPEC = ImageSpec(channels=3, resolution=16)
CAPTIONS = ("a red cat", "a dog", "a red cat", "two birds")
PROMPTED = [name for name, cls in architectures.items() if issubclass(cls.Hyperparameters, PromptedHyperparameters)]


def batch() -> Batch:
    images = torch.rand(4, 3, 16, 16, generator=torch.Generator().manual_seed(0)) * 2 - 1
    return Batch(images=images, labels=torch.zeros(4, dtype=torch.int64), attributes=torch.zeros(4, 0), captions=CAPTIONS)


@pytest.fixture(params=PROMPTED)
def generator(request: pytest.FixtureRequest) -> PromptedGenerator:
    torch.manual_seed(0)
    cls = architectures[request.param]
    generator = cls(cls.hyperparameters("debug"), SPEC).generator.eval()
    assert isinstance(generator, PromptedGenerator)
    generator.learn_captions([["a red star", "a star"], ["a blue circle", "ein blauer Kreis, größer"], ["x" * 500]])
    return generator


def test_there_are_some() -> None:
    assert {"text_dcgan", "stackgan"} <= set(PROMPTED)


def test_captions_of_the_data_travel_with_the_weights(generator: PromptedGenerator) -> None:
    found = {generator.example(row) for row in range(generator.EXAMPLES)}
    assert {"a red star", "a star", "a blue circle", "ein blauer Kreis, größer", "x" * generator.BYTES} == found
    _, typical = generator.inputs(range(40))
    assert len({tuple(row) for row in typical.tolist()}) > 3


def test_prompts_are_mixed_by_their_weights(generator: PromptedGenerator) -> None:
    red, blue = generator.sentences(["a red star"])[0], generator.sentences(["a blue circle"])[0]
    z, sentences = generator.inputs([1, 2, 3], [{"a red star": 1.0}, {"a red star": 0.25, "a blue circle": 0.75}, {}])
    torch.testing.assert_close(sentences[0], red)
    torch.testing.assert_close(sentences[1], 0.25 * red + 0.75 * blue)
    assert any(torch.equal(sentences[2], generator.sentences([generator.example(row)])[0]) for row in range(generator.EXAMPLES))
    assert z.shape == (3, generator.latent_dim)


def test_sentences_are_equally_loud_whatever_encoder_made_them(generator: PromptedGenerator) -> None:
    sentences = generator.sentences(["a red star", "two"])
    torch.testing.assert_close(sentences.mean(dim=1), torch.zeros(2), atol=1e-5, rtol=0)
    torch.testing.assert_close(sentences.var(dim=1, correction=0), torch.ones(2), atol=1e-3, rtol=0)


def test_truncation_leads_to_the_image_without_noise(generator: PromptedGenerator) -> None:
    z, sentences = generator.inputs([1, 2], [{"a red star": 1.0}] * 2)
    full, none = generator(z, sentences), generator(z, sentences, truncation_psi=0.0)
    assert not torch.equal(full[0], full[1])
    torch.testing.assert_close(none[0], none[1])
    assert torch.equal(none, generator(torch.zeros_like(z), sentences))


# ---------------------------------------------------------------------------------------------------------------- matching


def test_contrast_is_the_symmetric_cross_entropy_without_equal_captions() -> None:
    matching = Matching(3, 16, 8).eval()
    matching.NOISE = 0.0
    sentences = torch.randn(4, 8, generator=torch.Generator().manual_seed(1))
    sentences[2] = sentences[0]  # the same caption
    surprise, _ = matching.surprise(matching(batch().images), sentences, CAPTIONS)
    images = torch.nn.functional.normalize(matching(batch().images))
    logits = 10 * images @ torch.nn.functional.normalize(sentences).mT
    expected = torch.zeros(())
    for row in range(4):
        others = [column for column in range(4) if column == row or CAPTIONS[column] != CAPTIONS[row]]
        expected += torch.logsumexp(logits[row, others], 0) + torch.logsumexp(logits[others, row], 0) - 2 * logits[row, row]
    torch.testing.assert_close(surprise.mean(), expected / 8)


def test_words_are_found_among_those_that_are_not_said() -> None:
    matching = Matching(3, 16, 8).eval()
    matching.NOISE = 0.0
    words = torch.randn(3, 8, generator=torch.Generator().manual_seed(1))
    said = torch.tensor([[True, True, False], [False, True, False], [True, True, True], [False, False, False]])
    logits = 10 * torch.nn.functional.normalize(matching(batch().images)) @ torch.nn.functional.normalize(words).mT
    each = [torch.logsumexp(some, 0) - some[0] for some in (logits[0, [0, 2]], logits[0, [1, 2]], logits[1, [1, 0, 2]])]  # its own first
    expected = torch.stack([(each[0] + each[1]) / 2, each[2], torch.tensor(0.0), torch.tensor(0.0)])  # where all are said, none is to find
    torch.testing.assert_close(matching.tell(matching(batch().images), words, said), expected)
    loss = matching.tell(matching(batch().images), words.requires_grad_(), torch.ones(4, 3, dtype=torch.bool)).sum()
    loss.backward()
    assert loss < 1e-30
    assert words.grad is not None
    assert words.grad.abs().max() < 1e-30


@pytest.mark.parametrize("name", PROMPTED)
def test_the_first_stage_can_do_without_words(name: str) -> None:
    cls = architectures[name]
    with_words, without = (cls(cls.hyperparameters("debug", word_weight=weight), SPEC).reader for weight in (2.0, 0.0))  # type: ignore[union-attr]
    torch.manual_seed(0)
    found = with_words.losses(batch())  # type: ignore[operator]
    without.generator.load_state_dict(with_words.generator.state_dict())  # type: ignore[union-attr, operator]
    without.matching.load_state_dict(with_words.matching.state_dict())  # type: ignore[union-attr, operator]
    torch.manual_seed(0)
    alone = without.losses(batch())  # type: ignore[operator]
    assert found["words"] > 0
    torch.testing.assert_close(found["loss"], alone["loss"] + 2 * found["words"])
    for captions in (("", "", "", ""), ("cat", "cat", "cat", "cat")):  # nothing to say, nothing to tell apart
        assert torch.isfinite(with_words.losses(replace(batch(), captions=captions))["loss"])  # type: ignore[operator]


def reader(said: list[list[str]], **chosen: object) -> Reader:
    cls = architectures["text_dcgan"]
    model = cls(cls.hyperparameters("debug", **chosen), SPEC)
    assert isinstance(model, TextDCGAN)
    model.generator.learn_captions(said)
    return model.reader


def test_wrong_sentences_are_those_of_another_caption() -> None:
    captions = ("a cat", "a cat", "a dog", "a cat")
    found = reader([["a cat"], ["a dog"]])
    wrong, differ = found.wrong(captions)
    assert torch.equal(wrong, found.sentences(captions).roll(1, dims=0))
    assert differ.flatten().tolist() == [0, 0, 1, 1]


def test_a_single_word_is_wrong_where_the_data_says_it_so() -> None:
    """Of two pairs that differ in two words, "blue cat" is said of a picture, "red dog" of none."""
    captions = ("red cat", "blue dog")
    torch.manual_seed(0)
    found = reader([["red cat"], ["blue dog", "blue cat"]], wrong_captions="one-word")
    new, cat, dog = found.sentences(["blue cat", "red cat", "blue dog"])
    seen = [found.wrong(captions)[0] for _ in range(30)]
    assert {bool(torch.equal(one[0], new)) for one in seen} == {True, False}
    assert all(any(torch.equal(one[0], allowed) for allowed in (new, dog)) for one in seen)
    assert all(any(torch.equal(one[1], allowed) for allowed in (new, cat)) for one in seen)


def test_captions_cross_by_one_word_at_its_place() -> None:
    torch.manual_seed(0)
    captions = ("a red star", "an orange circle", "a red star", "two")
    made = [crossed(captions) for _ in range(40)]
    assert {one[0] for one in made} == {"a orange star", "a red circle"}
    assert {one[1] for one in made} == {"an red circle", "an orange star"}
    assert {one[3] for one in made} == {"two"}


def test_of_a_thinned_caption_any_of_its_words_are_left_in_their_order() -> None:
    torch.manual_seed(0)
    assert {thinned("a red star") for _ in range(200)} == {"a", "red", "star", "a red", "a star", "red star", "a red star"}
    assert thinned("") == ""


def test_spread_is_how_far_pictures_are_for_how_far_z_are_up_to_a_bound() -> None:
    z = torch.zeros(2, 5)
    images = torch.zeros(2, 3, 4, 4)
    others = torch.stack([torch.full((3, 4, 4), 0.02), torch.full((3, 4, 4), 1.5)])
    torch.testing.assert_close(spread(images, others, z, z + 0.5), torch.tensor((0.02 / 0.5 + SPREAD) / 2))


@pytest.mark.parametrize("name", PROMPTED)
def test_the_first_stage_learns_words_and_the_others_leave_them(name: str) -> None:
    torch.manual_seed(0)
    cls = architectures[name]
    model = cls(cls.hyperparameters("debug"), SPEC)
    assert isinstance(model.generator, PromptedGenerator)
    text, *others = model.stages()
    assert text.name == "text"
    [phase] = text.phases
    before = copy.deepcopy(model.generator.encoder.state_dict())
    losses = []
    model.requires_grad_(False)
    for _ in range(30):
        phase.module.requires_grad_(True)
        phase.optimizer.zero_grad()
        losses.append(phase.losses(batch())["loss"])
        losses[-1].backward()
        phase.optimizer.step()
        phase.module.requires_grad_(False)
    assert losses[-1] < losses[0] / 2
    learned = copy.deepcopy(model.generator.encoder.state_dict())
    assert any(not torch.equal(before[key], learned[key]) for key in before)
    for phase in (phase for stage in others for phase in stage.phases):
        phase.module.requires_grad_(True)
        phase.optimizer.zero_grad()
        phase.losses(batch())["loss"].backward()
        phase.optimizer.step()
        phase.module.requires_grad_(False)
    assert all(torch.equal(learned[key], value) for key, value in model.generator.encoder.state_dict().items())


@pytest.mark.parametrize("name", PROMPTED)
def test_without_text_steps_the_encoder_is_as_it_came(name: str) -> None:
    cls = architectures[name]
    assert "text" not in [stage.name for stage in cls(cls.hyperparameters("debug", text_steps=0), SPEC).stages()]


def test_a_sentence_model_that_is_not_there_is_said_so() -> None:
    cls = architectures["text_dcgan"]
    with pytest.raises(ValueError, match=r"transformers|no sentence model 'no/such'"):
        cls(cls.hyperparameters("debug", text_encoder="sentence-transformer", sentence_model="no/such"), SPEC)


@pytest.mark.parametrize("name", PROMPTED)
def test_a_caption_is_read_alike_in_whatever_batch_it_first_comes(name: str) -> None:
    torch.manual_seed(0)
    cls = architectures[name]
    model = cls(cls.hyperparameters("debug"), SPEC)
    model.generator.learn_captions([[caption] for caption in CAPTIONS])  # type: ignore[operator]
    read = model.reader.sentences(["a red", "star", *CAPTIONS, "red star"])  # type: ignore[union-attr, operator]
    assert not model.generator.encoder.training  # type: ignore[union-attr]
    for caption, sentence in zip(("star", *CAPTIONS), read[1:-1], strict=True):
        assert torch.equal(sentence, model.generator.sentences([caption])[0])  # type: ignore[operator]
    assert torch.equal(read[[0, -1]], model.generator.sentences(["a red", "red star"]))  # type: ignore[operator]


@pytest.mark.parametrize("norm", ["batch", "spectral", "none"])
def test_pictures_are_judged_under_each_sentence_as_under_it_alone(norm: Literal["batch", "spectral", "none"]) -> None:
    discriminator = MatchingDiscriminator(3, 16, 8, 12, 6, norm=norm, unconditional=True).eval()
    images, own, wrong = torch.randn(4, 3, 16, 16), torch.randn(4, 12), torch.randn(4, 12)
    first, second = discriminator(images, own), discriminator(images, wrong)
    expected = torch.cat([first[:, :1], second], dim=1)  # the last is of the picture alone
    torch.testing.assert_close(discriminator(images, own, wrong), expected)
    assert not torch.allclose(first[:, 0], second[:, 0])
