"""Directions, on toys whose answer is known in closed form, on real generators of random weights, and on disk."""

from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from atelier.models import architectures
from atelier.models.base import ConditionalGenerator, Generator, ImageSpec
from atelier.models.prompted import PromptedGenerator
from atelier.steering import interfacegan, pca, sefa
from atelier.steering.classifier import Dial
from atelier.steering.directions import (
    Direction,
    Facts,
    change,
    hold,
    move,
    publish,
    read,
    read_description,
    seen,
    signed,
    update,
)
from atelier.steering.latents import Latents, draw, points, sample, space_of
from atelier.steering.probe import first_map, style_maps

SIZE = 12


class Linear(Generator):
    """z → one row of pixels, by a linear map that stretches each direction differently."""

    latent_dim = SIZE

    def __init__(self) -> None:
        super().__init__()
        random = torch.Generator().manual_seed(0)
        left, right = (torch.linalg.qr(torch.randn(SIZE, SIZE, generator=random))[0] for _ in range(2))
        self.stretches = torch.linspace(2, 0.1, SIZE)
        self.right = right.mT  # rows: what is stretched, the most first
        self.layer = nn.Linear(SIZE, SIZE)
        self.layer.weight.data = left @ self.stretches.diag() @ self.right
        self.eval().requires_grad_(False)

    def forward(self, z: Tensor) -> Tensor:
        images: Tensor = self.layer(z)[:, None, None]
        return images


class Late(Linear):
    """Takes z behind something else, and the second half first."""

    def __init__(self) -> None:
        super().__init__()
        self.wide = nn.Linear(SIZE + 3, 5)

    def forward(self, z: Tensor) -> Tensor:
        images: Tensor = self.wide(torch.cat([torch.ones(len(z), 3), z[:, SIZE // 2 :], z[:, : SIZE // 2]], dim=1))[:, None, None]
        return images


class Squared(Generator):
    """No linear map takes its z."""

    latent_dim = SIZE

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(SIZE, SIZE)

    def forward(self, z: Tensor) -> Tensor:
        images: Tensor = self.layer(z.square())[:, None, None]
        return images


@pytest.fixture(params=architectures)
def generator(request: pytest.FixtureRequest) -> Generator:
    return build(request.param)


def build(name: str) -> Generator:
    cls = architectures[name]
    torch.manual_seed(0)
    generator = cls(cls.hyperparameters("debug"), ImageSpec(3, 16, 3, 2)).generator
    for parameter in generator.parameters():
        parameter.data.mul_(3).add_(0.01)
    if isinstance(generator, ConditionalGenerator):
        generator.learn_conditions(torch.eye(generator.condition_dim).repeat(100, 1))
    if isinstance(generator, PromptedGenerator):
        generator.learn_captions([("a red star",), ("a square",)])
    return generator.eval().requires_grad_(False)


def direction(vector: Tensor, space: str = "z", **facts: object) -> Direction:
    given = {"id": "some", "name": "some", "method": "sefa", "space": space, "scale": 1.0} | facts
    return Direction(Facts.model_validate(given), vector / vector.norm())


# ------------------------------------------------------------------------------------------------------------- how they are found


def test_sefa_of_a_linear_generator_gives_the_singular_vectors() -> None:
    toy = Linear()
    found = sefa.find(toy)
    assert len(found) == sefa.COUNT
    vectors = torch.stack([one.vector for one in found])
    torch.testing.assert_close(vectors, signed(toy.right)[: len(found)], atol=1e-5, rtol=0)
    shares = toy.stretches.square() / toy.stretches.square().sum()
    assert [one.facts.share for one in found] == pytest.approx(shares[: len(found)].tolist(), abs=1e-5)
    assert [one.facts.id for one in found][:2] == ["sefa-1", "sefa-2"]
    assert {(one.facts.space, one.facts.scale, one.facts.layers) for one in found} == {("z", 1.0, None)}


def test_the_first_map_is_found_wherever_z_stands_in_what_it_takes() -> None:
    toy = Late()
    weights = toy.wide.weight
    expected = torch.cat([weights[:, 3 + SIZE // 2 :], weights[:, 3 : 3 + SIZE // 2]], dim=1)
    found = first_map(toy)
    assert found is not None
    torch.testing.assert_close(found, expected, atol=1e-5, rtol=0)


def test_sefa_says_what_it_lacks() -> None:
    with pytest.raises(ValueError, match="needs a linear map that takes the latent first"):
        sefa.find(Squared())


def test_every_architecture_has_a_map_that_sefa_can_read(generator: Generator) -> None:
    found = sefa.find(generator)
    space = space_of(generator)
    assert {one.facts.space for one in found} == {space}
    if space == "w":
        maps = style_maps(generator)
        assert len(maps) == generator.styles(*generator.inputs([0])).shape[1]  # type: ignore[operator]
        assert all(len(weights) for weights in maps)
        assert {one.facts.layers for one in found} == {None, (0, 2), (2, 4), (4, 6)}
    for one in found:
        assert one.vector.norm() == pytest.approx(1, abs=1e-5)
        assert one.facts.scale > 0
        assert one.facts.share is not None
    weights = first_map(generator) if space != "w" else torch.cat(style_maps(generator))
    assert weights is not None
    assert (weights @ found[0].vector).norm() == pytest.approx(float(torch.linalg.svdvals(weights)[0]), rel=1e-4)


def test_maps_of_styles_are_those_of_the_layers_that_take_them() -> None:
    generator = build("stylegan")
    layer = generator.layers[2].convolution.affine  # type: ignore[index, union-attr]
    torch.testing.assert_close(style_maps(generator)[2], layer.weight * layer.scale, atol=1e-5, rtol=0)


def test_pca_finds_the_axes_of_an_anisotropic_gaussian() -> None:
    random = torch.Generator().manual_seed(1)
    axes = torch.linalg.qr(torch.randn(5, 5, generator=random))[0].mT
    deviations = torch.tensor([5.0, 3, 2, 1, 0.5])
    data = torch.randn(20_000, 5, generator=random) * deviations @ axes + 7
    vectors, found, shares = pca.components(data, 3)
    torch.testing.assert_close(vectors, signed(axes)[:3], atol=0.03, rtol=0)
    torch.testing.assert_close(found.float(), deviations[:3], atol=0, rtol=0.03)
    assert shares.tolist() == pytest.approx((deviations.square() / deviations.square().sum())[:3].tolist(), abs=0.01)


def test_pca_is_of_styles_and_codes_and_says_so() -> None:
    with pytest.raises(ValueError, match="z itself varies alike in all directions"):
        pca.find(build("dcgan"))
    generator = build("stylegan")
    found = pca.find(generator)
    data = points(generator, sample(generator, pca.SAMPLES))
    assert found[0].facts.scale == pytest.approx(float((data @ found[0].vector).std()), rel=1e-3)
    assert found[0].facts.scale > found[-1].facts.scale


class Rule(nn.Module):
    """Scores that are linear in z, of pictures that are z turned; and one that is noise."""

    def __init__(self, toy: Linear, normal: Tensor) -> None:
        super().__init__()
        self.back = torch.linalg.inv(toy.layer.weight)
        self.bias, self.normal = toy.layer.bias, normal

    def forward(self, images: Tensor) -> Tensor:
        z = (images.flatten(1) - self.bias) @ self.back.mT
        return torch.stack([z @ self.normal + 1, (100 * z).sin().sum(dim=1)], dim=1)


def test_interfacegan_finds_the_normal_of_a_linear_rule_and_nothing_in_noise() -> None:
    toy, normal = Linear(), torch.nn.functional.normalize(torch.arange(SIZE) - 4.0, dim=0)
    dials = [Dial(name=name, kind="attribute", measured=False, accuracy=None) for name in ("smiling", "noise")]
    told: list[tuple[int, int]] = []
    (found,) = interfacegan.find(toy, Rule(toy, normal), dials, on_progress=lambda *done: told.append(done))
    assert float(found.vector @ normal) > 0.98, "towards more of it, not less"
    assert (found.facts.id, found.facts.name, found.facts.dial) == ("interfacegan-1", "smiling", "smiling")
    assert found.facts.accuracy is not None
    assert found.facts.accuracy > 0.97
    assert told[-1] == (interfacegan.SAMPLES, interfacegan.SAMPLES)


def test_signs_and_vectors_are_the_same_each_time(generator: Generator) -> None:
    for one, again in zip(sefa.find(generator), sefa.find(generator), strict=True):
        assert torch.equal(one.vector, again.vector)
        assert one.vector[one.vector.abs().argmax()] > 0


# ------------------------------------------------------------------------------------------------------------------ moving along them


def test_moving_by_nothing_is_the_identity_bit_for_bit(generator: Generator) -> None:
    one, two = sefa.find(generator)[:2]
    latents = Latents(generator.inputs([1, 2, 3]))
    assert move(generator, latents, [[(one, 0.0)], [], [(two, 0), (one, 0)]]) is latents
    some = move(generator, latents, [[(one, 2.0)], [], [(two, 0.0)]])
    before, after = draw(generator, latents), draw(generator, some)
    assert torch.equal(before[1:], after[1:])
    assert not torch.equal(before[0], after[0])


def test_an_amount_moves_by_so_many_deviations(generator: Generator) -> None:
    one, two = sefa.find(generator)[:2]
    latents = Latents(generator.inputs([1, 2]))
    moved = move(generator, latents, [[(one, 2.0), (two, -1.0)], []])
    offset = points(generator, moved) - points(generator, latents)
    expected = 2 * one.facts.scale * one.vector - two.facts.scale * two.vector
    torch.testing.assert_close(offset[0], expected, atol=2e-3, rtol=0)
    if len(moved.inputs) > 1:
        assert torch.equal(moved.inputs[1], latents.inputs[1])


def test_only_the_layers_of_a_direction_move_and_truncation_comes_before() -> None:
    generator = build("stylegan")
    coarse = next(one for one in sefa.find(generator) if one.facts.layers == (0, 2))
    latents = Latents(generator.inputs([4]))
    options = {"truncation_psi": 0.5, "noise_mode": "none"}
    styles = generator.styles(*latents.inputs, truncation_psi=0.5)  # type: ignore[operator]
    moved = move(generator, latents, [[(coarse, 1.0)]], options=options)
    assert moved.styles is not None
    assert torch.equal(moved.styles[:, 2:], styles[:, 2:])
    torch.testing.assert_close(moved.styles[0, 0] - styles[0, 0], coarse.facts.scale * coarse.vector, atol=1e-5, rtol=0)
    again = move(generator, moved, [[(coarse, -1.0)]], options=options)
    torch.testing.assert_close(draw(generator, again, options), generator(*latents.inputs, **options), atol=1e-4, rtol=0)


def test_a_direction_of_another_generator_is_refused() -> None:
    dcgan, stylegan = build("dcgan"), build("stylegan")
    for generator, other in ((dcgan, stylegan), (stylegan, dcgan)):
        with pytest.raises(ValueError, match="is a direction of another generator"):
            move(generator, Latents(generator.inputs([1])), [[(sefa.find(other)[0], 1.0)]])


def test_held_beside_others_nothing_of_them_is_left() -> None:
    torch.manual_seed(0)
    one, *others = (direction(torch.randn(SIZE)) for _ in range(3))
    held = hold(one, others)
    assert held.vector.norm() == pytest.approx(1)
    assert max(abs(float(held.vector @ other.vector)) for other in others) < 1e-6
    first = direction(one.vector - (one.vector @ others[0].vector) * others[0].vector)
    torch.testing.assert_close(hold(one, others[:1]).vector, first.vector)
    assert hold(one, []) is one
    with pytest.raises(ValueError, match="nothing is left beside"):
        hold(one, [direction(-one.vector)])
    with pytest.raises(ValueError, match="only others of it"):
        hold(one, [direction(torch.randn(SIZE), "w")])


def test_a_strip_goes_from_one_end_to_the_other() -> None:
    generator = build("dcgan")
    one = sefa.find(generator)[0]
    images = seen(generator, one)
    assert images.shape == (4, 7, 3, 16, 16)
    middle = generator(*generator.inputs(range(4)))
    torch.testing.assert_close(images[:, 3], middle, atol=1e-5, rtol=0)
    assert change(images) == pytest.approx(float((images[:, 6] - images[:, 0]).abs().mean()) / 2)
    assert change(images) > 0.01


# --------------------------------------------------------------------------------------------------------------------------- on disk


@pytest.fixture
def found() -> list[Direction]:
    torch.manual_seed(5)
    return [direction(torch.randn(SIZE), id=f"sefa-{i}", name=f"SeFa {i}") for i in (1, 2)]


def put(folder: Path, found: list[Direction], methods: tuple[str, ...] = ("sefa",)) -> None:
    strips = {one.facts.id: f"strip of {one.vector[0]}".encode() for one in found}
    publish(folder, found, strips, version="v", methods=methods, classifier=None)  # type: ignore[arg-type]


def test_what_is_published_is_read_again(tmp_path: Path, found: list[Direction]) -> None:
    assert read(tmp_path / "some") == []
    put(tmp_path / "some", found)
    again = read(tmp_path / "some")
    assert [one.facts.id for one in again] == ["sefa-1", "sefa-2"]
    assert all(torch.equal(one.vector, other.vector) for one, other in zip(again, found, strict=True))
    assert again[0].facts.strip is not None
    assert (tmp_path / "some" / again[0].facts.strip).read_bytes() == f"strip of {found[0].vector[0]}".encode()


def test_found_again_it_keeps_the_name_that_somebody_gave_it(tmp_path: Path, found: list[Direction]) -> None:
    put(tmp_path, found)
    for identity, name in (("sefa-1", "age"), ("sefa-2", "tilt")):
        changed = update(tmp_path, identity, name=name, hidden=True)
        assert changed is not None
        assert (changed.name, changed.hidden) == (name, True)
    other = Direction(found[1].facts, torch.nn.functional.normalize(found[1].vector.roll(1), dim=0))
    put(tmp_path, [Direction(found[0].facts, -found[0].vector), other])
    facts = [one.facts for one in read(tmp_path)]
    assert [(one.name, one.hidden) for one in facts] == [("age", True), ("SeFa 2", False)], "another direction is not what was named"


def test_methods_keep_what_others_have_found(tmp_path: Path, found: list[Direction]) -> None:
    of_pca = direction(torch.randn(SIZE), id="pca-1", method="pca")
    put(tmp_path, [of_pca], ("pca",))
    put(tmp_path, found)
    put(tmp_path, found[:1])
    assert [one.facts.id for one in read(tmp_path)] == ["sefa-1", "pca-1"]
    description = read_description(tmp_path)
    assert description is not None
    assert description.tried == ["sefa", "pca"]
    assert len(list(tmp_path.glob("*.png"))) == 2, "what shows a direction that is gone is gone"
    assert len(list(tmp_path.glob("*.safetensors"))) == 2, "the vectors before stay once more, for whoever has just read their name"


def test_removed_it_is_gone_and_the_others_stay(tmp_path: Path, found: list[Direction]) -> None:
    assert update(tmp_path / "none", "sefa-1", removed=True) is None
    assert not (tmp_path / "none").exists()
    put(tmp_path, found)
    assert update(tmp_path, "sefa-9", removed=True) is None
    assert update(tmp_path, "sefa-1", removed=True) is not None
    assert [one.facts.id for one in read(tmp_path)] == ["sefa-2"]


def test_damaged_vectors_are_refused_and_replaced(tmp_path: Path, found: list[Direction]) -> None:
    put(tmp_path, found)
    (file,) = tmp_path.glob("*.safetensors")
    file.write_bytes(file.read_bytes()[:-1])
    with pytest.raises(ValueError, match="are damaged: run a discovery with again set to true"):
        read(tmp_path)
    put(tmp_path, found)
    assert len(read(tmp_path)) == 2


def test_a_death_while_it_is_written_leaves_what_was_there(tmp_path: Path, found: list[Direction], monkeypatch: pytest.MonkeyPatch) -> None:
    put(tmp_path, found)
    monkeypatch.setattr("atelier.steering.directions._write", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt):
        put(tmp_path, [Direction(one.facts, one.vector.roll(1)) for one in found])
    assert all(torch.equal(one.vector, other.vector) for one, other in zip(read(tmp_path), found, strict=True))
