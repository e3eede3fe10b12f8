"""What holds for every method of style transfer, and for every one that makes a loss smaller; a new one is covered unasked."""

import inspect
import io
from typing import Any

import grimp
import numpy as np
import pytest
import torch
from pydantic import ValidationError
from tests.styletransfer.conftest import picture
from torch import Tensor

from atelier.styletransfer import methods
from atelier.styletransfer.base import Style, StyleMethod, method
from atelier.styletransfer.networks import FeatureNetwork
from atelier.styletransfer.optimised import OptimisedMethod
from atelier.styletransfer.pictures import to_pixels

FOR_METHODS = {"atelier.featurefiles"} | {
    f"atelier.styletransfer.{name}" for name in ("base", "colour", "networks", "objective", "optimised", "pictures", "statistics")
}
CONTENT, STYLE = picture(0, 48, 64), picture(1, 60, 90)


@pytest.fixture(params=methods.values(), ids=methods.keys())
def every(request: pytest.FixtureRequest) -> type[StyleMethod]:
    found: type[StyleMethod] = request.param
    return found


@pytest.fixture(params=[name for name in methods if issubclass(methods[name], OptimisedMethod)])
def cls(request: pytest.FixtureRequest) -> type[StyleMethod]:
    return methods[request.param]


@pytest.fixture(scope="module")
def graph() -> grimp.ImportGraph:
    return grimp.build_graph("atelier", exclude_type_checking_imports=True)


def build(cls: type[StyleMethod], network: FeatureNetwork, content: Tensor = CONTENT, *styles: Style, **chosen: Any) -> StyleMethod:
    smaller = {"smallest": 64} if "smallest" in cls.Hyperparameters.model_fields else {}
    return cls(cls.hyperparameters(**{"size": 96, "steps": 4, **smaller, **chosen}), network, content, styles or (Style(STYLE),))


def drawn(run: StyleMethod) -> np.ndarray:
    for _ in run.ticks():
        pass
    return run.pixels()


def judged(run: Any) -> dict[str, float]:
    """What the first picture is judged by."""
    return {name: float(value) for name, value in run.goal(run.x)[0].items()}


def loss_of(run: StyleMethod, name: str = "loss") -> float:
    return list(run.ticks())[-1].losses[name]


def test_a_class_says_what_it_is(every: type[StyleMethod]) -> None:
    assert every.title
    assert every.paper.startswith("https://")
    assert every.summary()
    assert every.__module__ == f"atelier.styletransfer.{inspect.getfile(every).rsplit('/', 1)[-1].removesuffix('.py')}"


def test_methods_stand_alone(every: type[StyleMethod], graph: grimp.ImportGraph) -> None:
    assert graph.find_modules_directly_imported_by(every.__module__) <= FOR_METHODS


def test_every_hyperparameter_has_a_sentence_a_default_and_bounds(every: type[StyleMethod]) -> None:
    for name, field in every.Hyperparameters.model_json_schema()["properties"].items():
        assert field.get("description", "").endswith("."), name
        assert "default" in field, name
        if field.get("type") in ("integer", "number"):
            assert "minimum" in field or "exclusiveMinimum" in field, name
            assert "maximum" in field or "exclusiveMaximum" in field, name
        assert field.get("type") != "array" or "maxItems" in field, name


def test_values_are_checked(cls: type[StyleMethod], vgg: FeatureNetwork) -> None:
    for wrong in ({"size": 1}, {"colour": "red"}, {"style_layer_weights": [1.0]}, {"tolerance": 1}):
        with pytest.raises(ValidationError):
            cls.hyperparameters(**wrong)
    for weights in ([0.0], [-1.0], [float("nan")]):
        with pytest.raises(ValidationError):
            cls.hyperparameters(style_layers=["relu1_1"], style_layer_weights=weights)
    with pytest.raises(ValueError, match=r"VGG-19 has no layer 'relu9_1'; it has relu1_1, "):
        build(cls, vgg, content_layers=["relu9_1"])
    with pytest.raises(ValueError, match="there is no style"):
        cls(cls.hyperparameters(), vgg, CONTENT, [])
    with pytest.raises(ValueError, match="weights of styles"):
        build(cls, vgg, CONTENT, Style(STYLE, weight=0))
    with pytest.raises(ValueError, match="black all over"):
        build(cls, vgg, CONTENT, Style(STYLE, mask=torch.zeros(1, 1, 4, 4)))
    with pytest.raises(ValueError, match="is already defined in"):
        method(cls.name)(cls)


def test_ticks_say_how_far_it_is_and_a_picture_is_there_at_any_time(cls: type[StyleMethod], vgg: FeatureNetwork) -> None:
    run = build(cls, vgg)
    before = run.pixels()
    assert before.shape == (72, 96, 3)
    progress = []
    for number, tick in enumerate(run.ticks(), start=1):
        assert tick.iteration == number
        assert tick.losses["loss"] == pytest.approx(sum(tick.losses[name] for name in ("content", "style", "tv")), rel=1e-4)
        assert run.pixels().shape == (72, 96, 3)
        progress.append(tick.progress)
    assert number == tick.iterations == run.iterations
    assert progress == sorted(set(progress))
    assert progress[-1] == 1
    assert not np.array_equal(run.pixels(), before)


def test_a_style_that_is_the_content_leaves_nothing_to_do(cls: type[StyleMethod], vgg64: FeatureNetwork) -> None:
    content = picture(2, 72, 96)
    for statistics in ("wasserstein", "gram", "gatys") if "statistics" in cls.Hyperparameters.model_fields else (None,):
        chosen = {} if statistics is None else {"statistics": statistics}
        run = build(cls, vgg64, content, Style(content), tv_weight=0, **chosen)
        assert abs(run.advance().losses["loss"]) < 1e-12


def test_the_same_seed_gives_the_same_picture_and_another_another(cls: type[StyleMethod], vgg: FeatureNetwork) -> None:
    first, again, other = (drawn(build(cls, vgg, initial="noise", seed=seed)) for seed in (1, 1, 2))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


@pytest.mark.parametrize("name", ["vgg", "lite"])
@pytest.mark.parametrize("stop", [2, 8])
def test_an_interrupted_run_goes_on_bit_for_bit(cls: type[StyleMethod], name: str, stop: int, request: pytest.FixtureRequest) -> None:
    network = request.getfixturevalue(name)
    chosen = {"steps": 9, "tolerance": 1e-6}
    whole, first = build(cls, network, **chosen), build(cls, network, **chosen)
    for _ in range(stop):
        first.advance()
    stream = io.BytesIO()
    torch.save(first.state_dict(), stream)
    stream.seek(0)
    second = build(cls, network, **chosen)
    second.load_state_dict(torch.load(stream, weights_only=True))
    assert np.array_equal(second.pixels(), first.pixels())
    del first
    ticks = list(whole.ticks())[stop:]
    assert [(tick.iteration, tick.progress, tick.losses) for tick in second.ticks()] == [(t.iteration, t.progress, t.losses) for t in ticks]
    assert torch.equal(second.picture, whole.picture)


def test_a_state_is_a_copy_and_that_of_another_picture_is_refused(cls: type[StyleMethod], vgg: FeatureNetwork) -> None:
    run = build(cls, vgg)
    run.advance()
    state = run.state_dict()
    kept = state["x"].clone()
    run.advance()
    assert torch.equal(state["x"], kept)
    with pytest.raises(ValueError, match="that of another picture"):
        build(cls, vgg, size=80).load_state_dict(state)


def test_it_ends_early_where_nothing_gets_better(cls: type[StyleMethod], vgg: FeatureNetwork) -> None:
    content = torch.zeros(1, 3, 64, 64)
    chosen: dict[str, Any] = {"size": 64, "steps": 80, "style_weight": 0}
    assert sum(1 for _ in build(cls, vgg, content, tolerance=0.01, **chosen).ticks()) == 51
    assert sum(1 for _ in build(cls, vgg, content, **chosen).ticks()) == 80


# --------------------------------------------------------------------------------------------------- what each hyper-parameter does


def test_size_and_shape(cls: type[StyleMethod], vgg: FeatureNetwork) -> None:
    assert build(cls, vgg, picture(3, 100, 50), size=80).pixels().shape == (80, 40, 3)


def test_weights_decide_what_counts(cls: type[StyleMethod], vgg: FeatureNetwork) -> None:
    losses = judged(build(cls, vgg, initial="noise", content_weight=2, style_weight=3, tv_weight=5))
    plain = judged(build(cls, vgg, initial="noise", tv_weight=1))
    assert [losses[name] / plain[name] for name in ("content", "style", "tv")] == pytest.approx([2, 3, 5], rel=1e-4)
    assert judged(build(cls, vgg, initial="noise", content_weight=0))["content"] == 0
    nothing = build(cls, vgg, content_weight=0, style_weight=0, tv_weight=0)
    start = nothing.pixels().astype(int)
    assert abs(drawn(nothing) - start).max() <= 1


def test_layers_are_those_that_are_named(cls: type[StyleMethod], vgg: FeatureNetwork) -> None:
    run = build(cls, vgg, content_layers=["relu3_1", "relu3_2"], style_layers=["relu1_1", "relu2_1"], style_layer_weights=[3, 1])
    assert list(run.content_layers) == ["relu3_1", "relu3_2"]
    assert run.style_layers == {"relu1_1": 3, "relu2_1": 1}
    first, second = (judged(build(cls, vgg, style_layers=[name]))["style"] for name in ("relu1_1", "relu2_1"))
    assert judged(run)["style"] == pytest.approx((3 * first + second) / 4, rel=1e-4)


def test_initial_pictures(cls: type[StyleMethod], vgg: FeatureNetwork) -> None:
    content, noise, style = (build(cls, vgg, initial=initial).picture for initial in ("content", "noise", "style"))
    assert np.array_equal(build(cls, vgg, picture(4, 72, 96)).original, to_pixels(picture(4, 72, 96)))
    assert not torch.allclose(content, noise)
    assert abs(float(noise.mean())) < 0.02
    assert torch.allclose(style.mean(dim=(2, 3)), STYLE.mean(dim=(2, 3)), atol=0.05)
    assert float(torch.corrcoef(style.flatten(2)[0])[0, 1]) == pytest.approx(float(torch.corrcoef(STYLE.flatten(2)[0])[0, 1]), abs=0.1)


def test_style_scale_measures_the_style_by_the_result(cls: type[StyleMethod], vgg: FeatureNetwork) -> None:
    large = Style(picture(5, 200, 300))
    for scale, shape in ((0.5, (64, 96)), (1.0, (128, 192)), (4.0, (200, 300))):
        assert build(cls, vgg, CONTENT, large, style_scale=scale)._style(large, 192).shape[2:] == shape


def test_luminance_alone_keeps_chroma_bit_for_bit(cls: type[StyleMethod], vgg: FeatureNetwork) -> None:
    run = build(cls, vgg, picture(6, 72, 96), colours="luminance")
    assert run.picture.shape[1] == 1
    pixels, original = drawn(run).astype(int), to_pixels(picture(6, 72, 96)).astype(int)
    assert not np.array_equal(pixels, original)
    for one, other in ((0, 1), (1, 2)):
        assert np.array_equal(pixels[..., one] - pixels[..., other], original[..., one] - original[..., other])


def test_transferred_colours_are_like_the_contents(cls: type[StyleMethod], vgg: FeatureNetwork) -> None:
    red = CONTENT * 0.2 + torch.tensor([0.6, -0.6, -0.6])[:, None, None]
    run = build(cls, vgg, red, colours="transfer")
    moved = run._style(run.styles[0], 96)
    assert torch.allclose(moved.mean(dim=(2, 3)), red.mean(dim=(2, 3)), atol=0.02)


def test_several_styles_are_blended_by_weight(cls: type[StyleMethod], vgg64: FeatureNetwork) -> None:
    one, other = picture(7), picture(8)
    alone = drawn(build(cls, vgg64, CONTENT, Style(one)))
    assert np.array_equal(drawn(build(cls, vgg64, CONTENT, Style(one, 5), Style(other, 0))), alone)
    assert np.array_equal(drawn(build(cls, vgg64, CONTENT, Style(one, 2), Style(one, 7))), alone)
    assert not np.array_equal(drawn(build(cls, vgg64, CONTENT, Style(one, 2), Style(other, 1))), alone)


def test_a_mask_of_ones_equals_none(cls: type[StyleMethod], vgg64: FeatureNetwork) -> None:
    whole = drawn(build(cls, vgg64))
    assert np.array_equal(drawn(build(cls, vgg64, CONTENT, Style(STYLE, mask=torch.ones(1, 1, 5, 7)))), whole)


def test_each_mask_has_its_style(cls: type[StyleMethod], vgg64: FeatureNetwork) -> None:
    left = torch.zeros(1, 1, 1, 8)
    left[..., :4] = 1
    content, black, white = torch.zeros(1, 3, 64, 256), -torch.ones(1, 3, 64, 64), torch.ones(1, 3, 64, 64)
    run = build(cls, vgg64, content, Style(black, mask=left), Style(white, mask=1 - left), size=256, steps=5, content_weight=0, tv_weight=0)
    start = run.pixels().astype(int)
    change = drawn(run).astype(int) - start
    assert change[:, :64].mean() < 0 < change[:, -64:].mean()


def test_a_loss_that_is_no_number_ends_the_run(cls: type[StyleMethod], vgg: FeatureNetwork) -> None:
    with pytest.raises(FloatingPointError, match="too large"):
        drawn(build(cls, vgg, CONTENT * torch.nan))


def test_a_region_counts_by_its_area_and_its_styles_weight(cls: type[StyleMethod], vgg: FeatureNetwork) -> None:
    quarter = torch.zeros(1, 1, 2, 2)
    quarter[..., 0, 0] = 1
    run: Any = build(cls, vgg, CONTENT, Style(STYLE, 1, quarter), Style(STYLE, 3))
    assert [region.weight for region in run.goal.regions] == pytest.approx([3 / 2, 1 / 2 / 4])


def test_tiles_draw_the_same_picture(cls: type[StyleMethod], vgg64: FeatureNetwork) -> None:
    chosen: dict[str, Any] = {"size": 200, "steps": 2}
    whole, tiled = (drawn(build(cls, vgg64, tile=tile, **chosen)).astype(int) for tile in (None, 128))
    assert abs(whole - tiled).max() <= 1


def test_it_begins_anywhere(cls: type[StyleMethod], lite: FeatureNetwork) -> None:
    grey, tiny = torch.full((1, 3, 50, 80), 0.2), picture(9, 8, 128)
    for content, style in ((grey, grey), (grey, STYLE), (CONTENT, grey), (tiny, tiny)):
        for colours in ("style", "luminance", "transfer"):
            run = build(cls, lite, content, Style(style), colours=colours, steps=2, size=64)
            assert np.isfinite(loss_of(run))
            assert run.picture.isfinite().all()
