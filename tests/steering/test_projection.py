"""From a picture to the latent that draws it: on a toy that is solved exactly, on real generators, by real eyes, and kept on disk."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from tests.steering.test_directions import Linear, build
from torch import Tensor
from torch.nn.functional import avg_pool2d

from atelier.models import architectures
from atelier.steering import sefa
from atelier.steering.directions import move
from atelier.steering.latents import Latents, draw, keep, read
from atelier.steering.perception import Lite0Perception, open_perception
from atelier.steering.projection import SHELL, STARTS, Projection

CPU = torch.device("cpu")


class Blurred:
    """Sees pictures out of focus."""

    name = "blurred"

    def __call__(self, images: Tensor) -> Tensor:
        small = avg_pool2d(images, 2) if images.shape[2] > 1 else images
        return small.flatten(1) / small[0].numel() ** 0.5


def run(projection: Projection) -> Projection:
    for _ in projection.ticks():
        pass
    return projection


def test_of_a_linear_generator_the_latent_itself_is_found() -> None:
    toy = Linear()
    (z,) = toy.inputs([77])
    projection = run(Projection(toy, Blurred(), toy(z), steps=300))
    latents, image, tick = projection.best()
    torch.testing.assert_close(image, toy(z), atol=0.05, rtol=0)
    torch.testing.assert_close(latents.inputs[0], z, atol=0.3, rtol=0)
    assert tick.psnr > 35
    assert (tick.step, tick.steps, projection.done) == (300, 300, True)


@pytest.mark.parametrize("name", architectures)
def test_it_comes_nearer_with_every_architecture(name: str) -> None:
    generator = build(name)
    picture = generator(*generator.inputs([99]))
    projection = Projection(generator, Blurred(), picture, steps=30)
    before = projection.best()[2]
    latents, image, after = run(projection).best()
    assert after.psnr > before.psnr + 1
    assert after.distance < before.distance
    assert len(latents) == 1
    torch.testing.assert_close(draw(generator, latents), image)
    if generator.style_dim:
        assert latents.styles is not None
        assert latents.styles.std(dim=1).max() > 1e-3, "in the end each layer has a style of its own"
    else:
        radius = latents.inputs[0].norm() / generator.latent_dim**0.5
        assert 0.7 < float(radius) < 1.4


def test_all_layers_have_one_style_in_the_first_half() -> None:
    generator = build("stylegan")
    projection = Projection(generator, Blurred(), generator(*generator.inputs([99])), steps=20)
    for _ in range(10):
        projection.advance()
    assert torch.equal(projection.position, projection.position[:, :1].expand_as(projection.position))
    projection.advance()
    assert not torch.equal(projection.position, projection.position[:, :1].expand_as(projection.position))


@pytest.mark.parametrize("name", ["dcgan", "stylegan"])
def test_a_seed_decides_and_a_state_goes_on_bit_for_bit(name: str, tmp_path: Path) -> None:
    generator = build(name)
    picture = generator(*generator.inputs([99]))

    def made(seed: int = 5) -> Projection:
        return Projection(generator, Blurred(), picture, steps=8, seed=seed)

    whole, again, other = (run(made(seed)).best()[1] for seed in (5, 5, 6))
    assert torch.equal(whole, again)
    assert not torch.equal(whole, other)
    first = made()
    for _ in range(3):
        first.advance()
    torch.save(first.state_dict(), tmp_path / "state.pt")
    state = torch.load(tmp_path / "state.pt", weights_only=True)
    second = made(seed=5)
    second.load_state_dict(state)
    assert second.step == 3
    assert torch.equal(run(second).best()[1], whole)


def test_it_begins_at_a_guess_and_never_ends_worse() -> None:
    generator = build("vae")
    (z,) = generator.inputs([99])
    picture = generator(z)
    latents, image, tick = Projection(generator, Blurred(), picture, steps=0, guess=z).best()
    assert torch.equal(latents.inputs[0], z)
    assert tick.distance < 1e-9
    torch.testing.assert_close(run(Projection(generator, Blurred(), picture, steps=3, guess=z)).best()[1], image)
    assert Projection(generator, Blurred(), picture, steps=0).best()[2].distance > 1e-4


def test_an_encoder_guesses_what_its_decoder_draws() -> None:
    torch.manual_seed(0)
    from atelier.models.base import ImageSpec

    vae, dcgan = (architectures[name](architectures[name].hyperparameters("debug"), ImageSpec(3, 16)).eval() for name in ("vae", "dcgan"))
    images = torch.rand(2, 3, 16, 16) * 2 - 1
    guess = vae.invert(images)
    assert guess is not None
    torch.testing.assert_close(vae.generator(guess), vae.reconstruct(images), atol=1e-4, rtol=1e-3)  # type: ignore[operator]
    assert dcgan.invert(images) is None


def test_conditions_are_found_out_or_said() -> None:
    generator = build("cgan")
    z, _ = generator.inputs([99])
    picture = generator(z, torch.eye(3)[[2]])
    said = Projection(generator, Blurred(), picture, steps=1, chosen={0: 0.0, 1: 1.0, 2: 0.0})
    assert run(said).best()[0].inputs[1].tolist() == [[0, 1, 0]]
    found = Projection(generator, Blurred(), picture, steps=0)
    assert (found.start.inputs[1].sum(dim=1) == 1).all(), "classes that the data have"
    assert len(found.start) == STARTS
    prompted = build("text_dcgan")
    picture = prompted(*prompted.inputs([99], [{"a square": 1.0}]))
    asked = Projection(prompted, Blurred(), picture, steps=0, chosen={"a square": 1.0})
    assert torch.equal(asked.best()[0].inputs[1], prompted.inputs([1], [{"a square": 1.0}])[1])


def test_far_from_its_shell_a_latent_is_pulled_back() -> None:
    generator = build("dcgan")
    projection = Projection(generator, Blurred(), generator(*generator.inputs([99])), steps=1)
    projection.position.data *= 3 / projection.position.data.norm(dim=1, keepdim=True) * generator.latent_dim**0.5
    torch.testing.assert_close(projection._strain(), torch.full((STARTS,), SHELL * 4.0))


# ------------------------------------------------------------------------------------------------------------------------------ eyes


@pytest.fixture(scope="module")
def eyes() -> Lite0Perception:
    found = open_perception(Path("/nowhere"), CPU)
    assert isinstance(found, Lite0Perception)
    return found


@pytest.mark.parametrize("shape", [(1, 16), (3, 32), (3, 96)])
def test_what_looks_alike_is_near(eyes: Lite0Perception, shape: tuple[int, int]) -> None:
    channels, size = shape
    torch.manual_seed(0)
    picture = torch.nn.functional.interpolate(torch.rand(1, channels, 4, 4) * 2 - 1, (size, size), mode="bilinear")
    others = [picture, picture + 0.05, picture.roll(size // 4, dims=3), torch.rand_like(picture) * 2 - 1]
    seen = eyes(torch.cat(others))
    near, brighter, moved, noise = ((seen - seen[:1]).square().sum(dim=1)).tolist()
    assert near == 0
    assert 0 < brighter < moved < noise


def test_its_gradient_leads_everywhere(eyes: Lite0Perception) -> None:
    picture = torch.full((1, 1, 32, 32), -1.0, requires_grad=True)  # nothing to see: activations of zero have directions, too
    eyes(picture).square().sum().backward()
    assert picture.grad is not None
    assert picture.grad.isfinite().all()


def test_through_real_eyes_it_comes_nearer(eyes: Lite0Perception) -> None:
    generator = build("dcgan")
    projection = Projection(generator, eyes, generator(*generator.inputs([99])), steps=12)
    before = projection.best()[2]
    after = run(projection).best()[2]
    assert after.distance < 0.9 * before.distance
    assert after.psnr > before.psnr


# --------------------------------------------------------------------------------------------------------------------------- on disk


@pytest.mark.parametrize("name", ["dcgan", "cgan", "stylegan"])
def test_what_is_kept_draws_the_same_and_is_edited_like_any_other(name: str, tmp_path: Path) -> None:
    generator = build(name)
    projection = Projection(generator, Blurred(), generator(*generator.inputs([99])), steps=2)
    latents, image, _ = run(projection).best()
    keep(tmp_path / "some" / "1.safetensors", latents, digest="v")
    again = read(tmp_path / "some" / "1.safetensors", CPU, digest="v")
    assert torch.equal(draw(generator, again), image)
    direction = sefa.find(generator)[0]
    moved = draw(generator, move(generator, again, [[(direction, 2.0)]]))
    assert not torch.equal(moved, image)
    assert torch.equal(draw(generator, move(generator, again, [[(direction, 0.0)]])), image)


@pytest.mark.parametrize(
    ("damage", "says"),
    [
        (lambda path: path.write_bytes(path.read_bytes()[:-3]), "is damaged: project the picture again"),
        (lambda path: path.write_bytes(b"nonsense"), "is damaged"),
        (lambda path: keep(path, Latents((torch.zeros(1, 4),)), digest="other"), "belongs to another version"),
    ],
)
def test_what_is_not_of_this_version_is_refused(tmp_path: Path, damage: Callable[[Path], object], says: str) -> None:
    path = tmp_path / "1.safetensors"
    keep(path, Latents((torch.zeros(1, 4),)), digest="v")
    damage(path)
    with pytest.raises(ValueError, match=says):
        read(path, CPU, digest="v")
    with pytest.raises(FileNotFoundError):
        read(tmp_path / "2.safetensors", CPU, digest="v")
