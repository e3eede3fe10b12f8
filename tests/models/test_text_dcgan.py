"""Text2Image DCGAN: matching-aware, interpolating, and penalised as its papers say."""

from dataclasses import replace
from typing import Any
from unittest.mock import patch

import pytest
import torch
from torch import Tensor
from torch.nn.functional import relu, softplus

from atelier.models.base import Batch, ImageSpec
from atelier.models.prompted import spoken, spread
from atelier.models.text_dcgan import TextDCGAN, TextDCGANHyperparameters

SPEC = ImageSpec(channels=3, resolution=16)
CAPTIONS = ("a red cat", "a dog", "a red cat", "two birds", "a tree", "a tree", "the sea", "a cup")  # two alike side by side


def build(**chosen: Any) -> TextDCGAN:
    torch.manual_seed(0)
    hp = TextDCGAN.hyperparameters("debug", **{"augment": "none", "thinning": 0, **chosen})
    assert isinstance(hp, TextDCGANHyperparameters)
    return TextDCGAN(hp, SPEC).train()


def batch() -> Batch:
    images = torch.rand(8, 3, 16, 16, generator=torch.Generator().manual_seed(0)) * 2 - 1
    return Batch(images=images, labels=torch.zeros(8, dtype=torch.int64), attributes=torch.zeros(8, 0), captions=CAPTIONS)


def test_the_discriminator_refuses_drawn_images_and_real_ones_under_wrong_captions() -> None:
    model = build(mismatch=0.7).eval()  # spectral norm's power iterations stand still
    model.generator_losses(batch())
    sentences, drawn = model.game.drawn[0]
    with torch.no_grad():
        real, wrong, alone = model.game.judge(batch().images, sentences, sentences.roll(1, dims=0)).chunk(3, dim=1)
        fake, fake_alone = model.game.judge(drawn, sentences).chunk(2, dim=1)
    differs = torch.tensor([mine != other for mine, other in zip(CAPTIONS, [CAPTIONS[-1], *CAPTIONS], strict=False)])
    expected = relu(0.25 - real).mean() + relu(0.25 + fake).mean() + 0.7 * (relu(0.25 + wrong).flatten() * differs).mean()
    expected += relu(0.25 - alone).mean() + relu(0.25 + fake_alone).mean()
    torch.testing.assert_close(model.discriminator_losses(batch())["loss"], expected)
    assert not model.game.drawn


def test_the_papers_loss_is_logistic() -> None:
    model = build(variant="gan-cls", matching_weight=0, diversity_weight=0).eval()
    losses = model.generator_losses(batch())
    sentences, drawn = model.game.drawn[0]
    torch.testing.assert_close(losses["loss"], softplus(-model.game.judge(drawn, sentences)).mean())
    real, wrong = model.game.judge(batch().images, sentences, sentences.roll(1, dims=0)).chunk(2, dim=1)
    fake = model.game.judge(drawn, sentences)
    differs = torch.tensor([1.0, 1, 1, 1, 1, 0, 1, 1])[:, None]
    expected = softplus(-real).mean() + softplus(fake).mean() + 0.5 * (softplus(wrong) * differs).mean()
    torch.testing.assert_close(model.discriminator_losses(batch())["loss"], expected)


def test_between_captions_is_drawn_too_and_never_shown_to_the_discriminator() -> None:
    model = build(interpolation=2.0, matching_weight=0, diversity_weight=0).eval()
    asked = model.game.asked(batch())
    assert asked.counts == [8, 4, 0]
    torch.testing.assert_close(asked.sentences[9], (asked.sentences[1] + asked.sentences[5]) / 2)
    torch.manual_seed(5)
    loss = model.generator_losses(batch())["loss"]
    [(sentences, drawn)] = model.game.drawn
    assert len(sentences) == len(drawn) == 8
    torch.manual_seed(5)
    asked = model.game.asked(batch())
    logits = model.game.judge(model.generator(torch.randn(12, 100), asked.sentences), asked.sentences).sum(dim=1)
    torch.testing.assert_close(loss, -logits[:8].mean() - 2 * logits[8:].mean())


def test_of_some_captions_both_sides_hear_but_a_few_words() -> None:
    model = build(thinning=0.5, thinning_warmup=0, word_dropout=0).eval()
    torch.manual_seed(3)
    heard = model.game.asked(batch()).captions
    assert 0 < sum(one != whole for one, whole in zip(heard, CAPTIONS, strict=True)) < 8
    assert all(set(one.split()) <= set(whole.split()) for one, whole in zip(heard, CAPTIONS, strict=True))
    torch.manual_seed(3)
    with patch.object(model.reader, "match", wraps=model.reader.match) as match:
        model.generator_losses(batch())
    [(sentences, _)] = model.game.drawn
    assert torch.equal(sentences, model.reader.sentences(heard))
    assert match.call_args.args[3] == heard  # what was not told can't be found
    assert torch.equal(match.call_args.args[2], sentences)
    with patch.object(model.reader, "wrong", wraps=model.reader.wrong) as wrong:
        model.discriminator_losses(batch())
    assert wrong.call_args.args == (CAPTIONS,)  # "a" would be wrong of nothing
    assert build(thinning=0, thinning_warmup=0).game.asked(batch()).captions == CAPTIONS


def test_captions_are_heard_whole_at_first() -> None:
    game = build(thinning=1.0, thinning_warmup=9, batch_size=200).game
    many = replace(batch(), captions=("one two three four five six seven",) * 200)  # of seven words all are kept once in 128
    shares = [sum(heard != many.captions[0] for heard in game.asked(replace(many, step=step)).captions) / 200 for step in (0, 4, 9, 99)]
    assert shares == pytest.approx([0.1, 0.5, 1, 1], abs=0.1)


def test_words_add_up_where_the_projection_is_linear() -> None:
    one, two = torch.randn(2, 3, 32)
    for slope, added in ((1.0, True), (0.2, False)):
        drawing = build(projection_slope=slope).generator.drawing
        seen: list[Tensor] = []
        drawing.norms[0].register_forward_pre_hook(lambda _, inputs, seen=seen: seen.append(inputs[1]))
        for sentences in (one, two, (one + two) / 2):
            drawing(torch.zeros(3, 100), sentences)
        assert torch.allclose(seen[2], (seen[0] + seen[1]) / 2, atol=1e-5) == added


def test_the_penalty_is_the_sixth_power_of_the_slope_in_image_and_sentence() -> None:
    model = build(gradient_penalty=3.0, penalty_interval=2)
    assert not any(hasattr(layer, "parametrizations") for layer in model.discriminator.modules())
    [*_, penalty] = list(model.stages())[-1].phases
    assert (penalty.name, penalty.interval) == ("penalty", 2)
    model.discriminator.forward = lambda images, sentences: 2 * images.sum(dim=(1, 2, 3)) + sentences.sum(dim=1)  # type: ignore[method-assign, assignment]
    losses = model.penalty_losses(batch())
    length = (4 * 3 * 16 * 16 + 32) ** 0.5
    torch.testing.assert_close(losses["penalty"], torch.tensor(length**6))
    torch.testing.assert_close(losses["loss"], 3.0 * 2 * losses["penalty"])


def test_matching_pulls_each_drawing_to_its_caption_as_near_as_real_pictures_are() -> None:
    model = build(matching_weight=2.0, word_weight=3.0, diversity_weight=0).eval()
    model.matching.NOISE = 0.0
    losses = model.generator_losses(batch())
    sentences, drawn = model.game.drawn[0]
    words, said = spoken(CAPTIONS)
    seen = [model.matching(images) for images in (drawn, batch().images)]
    matched, real = (
        model.matching.surprise(some, sentences, CAPTIONS)[0] + 3 * model.matching.tell(some, model.reader.sentences(words), said)
        for some in seen
    )
    assert 0 < (matched < real).sum() < 8  # those gain nothing, and make good for none of the others
    unconvincing = -model.game.judge(drawn, sentences).sum(dim=1).mean()
    torch.testing.assert_close(losses["loss"], unconvincing + 2 * (matched - real).clamp(min=0).mean())


@pytest.mark.parametrize("share", [0.0, 1.0])
def test_whole_captions_alone_are_pulled_to_the_picture_that_they_were_written_for(share: float) -> None:
    model = build(reconstruction_weight=4.0, matching_weight=0, diversity_weight=0, thinning=share, thinning_warmup=0).eval()
    torch.manual_seed(3)
    losses = model.generator_losses(batch())
    [(sentences, drawn)] = model.game.drawn
    torch.manual_seed(3)
    whole = [told == written for told, written in zip(model.game.asked(batch()).captions, CAPTIONS, strict=True)]
    assert all(whole) if share == 0 else 0 < sum(whole) < 8
    differences = (drawn - batch().images)[whole].abs().mean() * sum(whole) / 8
    torch.testing.assert_close(losses["reconstruction"], differences)
    torch.testing.assert_close(losses["loss"], 4 * differences - model.game.judge(drawn, sentences).sum(dim=1).mean())


def test_other_pictures_of_a_caption_are_asked_for_and_not_judged() -> None:
    model = build(matching_weight=0, diversity_weight=3.0).eval()
    torch.manual_seed(5)
    losses = model.generator_losses(batch())
    [(sentences, drawn)] = model.game.drawn
    assert len(drawn) == 8
    torch.manual_seed(5)
    model.game.asked(batch())
    z = torch.randn(10, 100)
    images = model.generator(z, torch.cat([sentences, sentences[:2]]))
    torch.testing.assert_close(losses["spread"], spread(images[:2], images[8:], z[:2], z[8:]))
    torch.testing.assert_close(losses["loss"], -model.game.judge(drawn, sentences).sum(dim=1).mean() - 3 * losses["spread"])


@pytest.mark.parametrize("variant", ["affine", "gan-cls"])
def test_both_inputs_reach_the_image(variant: str) -> None:
    generator = build(variant=variant).generator.train()
    z, sentences = torch.randn(8, 100), torch.randn(8, 32)
    with torch.no_grad():
        for module in generator.modules():
            if module.__class__.__name__ == "ConditionalBatchNorm2d":
                module.weight.normal_(std=0.5)  # type: ignore[operator, union-attr]
        images = generator(z, sentences)
        assert (generator(torch.randn(8, 100), sentences) - images).abs().mean() > 1e-3
        assert (generator(z, torch.randn(8, 32)) - images).abs().mean() > 1e-3
