"""AdaIN: closed forms of what is transferred, and what every method has, by its own network."""

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from pydantic import ValidationError
from tests.styletransfer.conftest import CPU, keep_weights, picture
from torch import Tensor, nn

from atelier.styletransfer.adain import EPSILON, LAYER, AdaIN, AutoEncoder
from atelier.styletransfer.base import Style
from atelier.styletransfer.networks import FeatureNetwork, open_network
from atelier.styletransfer.pictures import to_pixels

CONTENT, STYLE, OTHER = picture(0, 72, 96), picture(1, 60, 90), picture(2, 64, 64)


def build(network: FeatureNetwork, content: Tensor = CONTENT, *styles: Style, **chosen: Any) -> AdaIN:
    return AdaIN(AdaIN.hyperparameters(**{"size": 96, **chosen}), network, content, styles or (Style(STYLE),))  # type: ignore[arg-type]


def drawn(run: AdaIN) -> np.ndarray:
    for _ in run.ticks():
        pass
    return run.pixels()


def encoded(network: FeatureNetwork, image: Tensor) -> Tensor:
    return network(image.to(network.dtype), (LAYER,))[LAYER]


# ------------------------------------------------------------------------------------------------------------------- the network


def test_the_network_is_the_published_one(tmp_path: Path) -> None:
    encoder, decoder = keep_weights("adain", tmp_path)
    net = open_network("adain", tmp_path, CPU)
    assert isinstance(net, AutoEncoder)
    assert not any(parameter.requires_grad for parameter in net.parameters())
    x = picture(3, 45, 51)  # odd at every pool
    features = nn.functional.conv2d((x + 1) / 2, encoder["0.weight"], encoder["0.bias"])
    pools = {5, 12, 25}  # convolutions that a pool follows
    for index in (2, 5, 9, 12, 16, 19, 22, 25, 29):
        padded = nn.functional.pad(features, (1, 1, 1, 1), mode="reflect")
        features = nn.functional.conv2d(padded, encoder[f"{index}.weight"], encoder[f"{index}.bias"]).relu()
        if index in pools:
            features = nn.functional.max_pool2d(features, 2, ceil_mode=True)
    found = encoded(net, x)
    assert torch.allclose(found, features, atol=1e-4 * float(features.max()))
    assert found.shape == (1, 512, 6, 7)
    for index in (1, 5, 8, 11, 14, 18, 21, 25, 28):
        padded = nn.functional.pad(features, (1, 1, 1, 1), mode="reflect")
        features = nn.functional.conv2d(padded, decoder[f"{index}.weight"], decoder[f"{index}.bias"])
        features = features if index == 28 else features.relu()
        if index in {1, 14, 21}:
            features = features.repeat_interleave(2, dim=2).repeat_interleave(2, dim=3)
    image = net.decode(found)
    assert image.shape == (1, 3, 48, 56)
    assert torch.allclose(image, features * 2 - 1, atol=1e-4 * float(features.abs().max()))


def test_it_is_there_where_its_weights_are(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"atelier features fetch adain .* vgg_normalised\.pth and decoder\.pth"):
        open_network("adain", tmp_path, CPU)
    keep_weights("adain", tmp_path)
    assert AdaIN.hyperparameters().open(tmp_path, CPU).name == "adain"
    (tmp_path / "adain-decoder.safetensors").unlink()
    with pytest.raises(FileNotFoundError, match=r"takes decoder\.pth as published"):
        open_network("adain", tmp_path, CPU)


# --------------------------------------------------------------------------------------------------------------- what is transferred


def test_features_have_the_styles_moments(adain64: FeatureNetwork) -> None:
    own, style, found = encoded(adain64, CONTENT), encoded(adain64, STYLE), build(adain64).transferred()  # neither picture is resized
    assert torch.allclose(found.mean(dim=(2, 3)), style.mean(dim=(2, 3)), atol=1e-10)
    variance = own.var(dim=(2, 3))
    assert float(variance.median()) > 0.01  # of most channels, what is added to variances is nothing
    expected = (style.var(dim=(2, 3)) + EPSILON) * variance / (variance + EPSILON)
    assert torch.allclose(found.var(dim=(2, 3)), expected, rtol=1e-9, atol=1e-12)


def test_a_style_that_is_the_content_draws_the_content(adain64: FeatureNetwork) -> None:
    own = encoded(adain64, CONTENT)
    assert torch.allclose(build(adain64, CONTENT, Style(CONTENT)).transferred(), own, atol=1e-10)
    pixels = drawn(build(adain64, CONTENT, Style(CONTENT)))
    assert abs(pixels.astype(int) - to_pixels(adain64.decode(own))[:72].astype(int)).max() <= 1


def test_alpha_goes_from_the_content_to_the_style(adain64: FeatureNetwork) -> None:
    none, half, full = (build(adain64, alpha=alpha).transferred() for alpha in (0, 0.5, 1))
    own = encoded(adain64, CONTENT)
    assert torch.equal(none, own)
    assert torch.allclose(half, (own + full) / 2, atol=1e-10)
    assert np.array_equal(drawn(build(adain64, alpha=0)), to_pixels(adain64.decode(own).clamp(-1, 1)))


def test_styles_are_interpolated_by_weight(adain64: FeatureNetwork) -> None:
    one, other = (build(adain64, CONTENT, Style(style)).transferred() for style in (STYLE, OTHER))
    mixed = build(adain64, CONTENT, Style(STYLE, 3), Style(OTHER, 1)).transferred()
    assert torch.allclose(mixed, 0.75 * one + 0.25 * other, atol=1e-10)
    for styles in ((Style(STYLE, 5), Style(OTHER, 0)), (Style(STYLE, 7),)):
        assert torch.equal(build(adain64, CONTENT, *styles).transferred(), one)


def test_each_mask_has_its_style_and_the_content_stays_elsewhere(adain64: FeatureNetwork) -> None:
    own = encoded(adain64, CONTENT)
    one, other = (build(adain64, CONTENT, Style(style)).transferred() for style in (STYLE, OTHER))
    left = torch.zeros(1, 1, 1, 2)
    left[..., 0] = 1
    both = build(adain64, CONTENT, Style(STYLE, 1, left), Style(OTHER, 3, 1 - left)).transferred()
    assert torch.allclose(both[..., :6], one[..., :6])
    assert torch.allclose(both[..., 6:], other[..., 6:])
    alone = build(adain64, CONTENT, Style(STYLE, 1, left / 2)).transferred()
    assert torch.allclose(alone[..., :6], (own + one)[..., :6] / 2)
    assert torch.equal(alone[..., 6:], own[..., 6:])
    over = build(adain64, CONTENT, Style(STYLE, 1, left), Style(OTHER)).transferred()
    assert torch.allclose(over[..., :6], (one + other)[..., :6] / 2)
    assert torch.allclose(over[..., 6:], other[..., 6:])


def test_a_mask_of_ones_equals_none(adain64: FeatureNetwork) -> None:
    masked = build(adain64, CONTENT, Style(STYLE, mask=torch.ones(1, 1, 5, 7))).transferred()
    assert torch.equal(masked, build(adain64).transferred())


# ------------------------------------------------------------------------------------------------------- what every method has


def test_one_step_is_enough_and_a_picture_is_there_before(adain: FeatureNetwork) -> None:
    run = build(adain, picture(4, 100, 50), size=80)
    assert run.pixels().shape == (80, 40, 3)
    (tick,) = run.ticks()
    assert (tick.iteration, tick.iterations, tick.progress, tick.size, tick.losses) == (1, 1, 1.0, (80, 40), {})
    assert np.array_equal(drawn(build(adain)), drawn(build(adain)))


def test_values_are_checked(adain: FeatureNetwork) -> None:
    for wrong in ({"size": 1}, {"alpha": 1.5}, {"network": "lite0"}, {"steps": 3}):
        with pytest.raises(ValidationError):
            AdaIN.hyperparameters(**wrong)
    with pytest.raises(ValueError, match="black all over"):
        build(adain, CONTENT, Style(STYLE, mask=torch.zeros(1, 1, 4, 4)))


def test_tiles_draw_the_same_picture_and_an_interrupted_run_goes_on_bit_for_bit(adain64: FeatureNetwork) -> None:
    content = picture(5, 141, 173)  # which end within a feature
    chosen = {"size": 173}
    whole = build(adain64, content, **chosen)
    drawn(whole)
    tiled, again = (build(adain64, content, tile=128, **chosen) for _ in range(2))
    ticks = [tiled.advance() for _ in range(2)]
    assert [tick.iteration for tick in ticks] == [1, 2]
    assert tiled.iterations > 2
    stream = io.BytesIO()
    torch.save(tiled.state_dict(), stream)
    stream.seek(0)
    again.load_state_dict(torch.load(stream, weights_only=True))
    assert torch.equal(again.picture, tiled.picture)
    drawn(tiled)
    drawn(again)
    assert torch.equal(again.picture, tiled.picture)
    assert torch.allclose(tiled.picture, whole.picture, atol=1e-9)
    with pytest.raises(ValueError, match="that of another picture"):
        build(adain64).load_state_dict(tiled.state_dict())


def test_luminance_alone_keeps_chroma_bit_for_bit(adain: FeatureNetwork) -> None:
    run = build(adain, colours="luminance")
    assert run.picture.shape[1] == 1
    pixels, original = drawn(run).astype(int), to_pixels(CONTENT).astype(int)
    assert not np.array_equal(pixels, original)
    for one, other in ((0, 1), (1, 2)):
        assert np.array_equal(pixels[..., one] - pixels[..., other], original[..., one] - original[..., other])


def test_it_draws_from_anything(adain: FeatureNetwork) -> None:
    grey, tiny = torch.full((1, 3, 50, 80), 0.2), picture(6, 8, 128)
    for content, style in ((grey, grey), (grey, STYLE), (CONTENT, grey), (tiny, tiny)):
        for colours in ("style", "luminance", "transfer"):
            run = build(adain, content, Style(style), colours=colours, size=64)
            drawn(run)
            assert run.picture.isfinite().all()
