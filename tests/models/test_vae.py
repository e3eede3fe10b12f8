"""The evidence lower bound on one scale, a prior that is a density and can be walked, and codes that can be worked with."""

import math

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from atelier.datasets.cache import PreparedDataset, prepare
from atelier.datasets.catalog import open_dataset
from atelier.models.base import Batch, ImageSpec
from atelier.models.layers import initialise
from atelier.models.vae import MIN_LOG_SIGMA, VAE, Flow, slerp
from atelier.training.loop import Tick, Training

SPEC = ImageSpec(channels=1, resolution=16)


class Fixed(nn.Module):
    """An encoder that finds the same Gaussian in every image."""

    def __init__(self, mean: float, log_variance: float) -> None:
        super().__init__()
        self.mean, self.log_variance = mean, log_variance

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        shape = len(images), 16
        return torch.full(shape, self.mean), torch.full(shape, self.log_variance)


class Blank(nn.Module):
    """Draws nothing but grey."""

    def forward(self, codes: Tensor) -> Tensor:
        return torch.zeros(len(codes), 1, 16, 16)


def build(**chosen: object) -> VAE:
    torch.manual_seed(0)
    hp = VAE.hyperparameters("debug", **chosen)
    assert isinstance(hp, VAE.Hyperparameters)
    return VAE(hp, SPEC)


def batch_of(images: Tensor) -> Batch:
    return Batch(images=images, labels=torch.zeros(len(images), dtype=torch.int64), attributes=torch.zeros(len(images), 0))


def losses(image_value: float, *, mean: float = 0.0, log_variance: float = 0.0, steps: int = 1, **chosen: object) -> dict[str, float]:
    model = build(**({"prior": "normal", "beta_warmup": 0.0} | chosen))
    model.encoder, model.generator.layers = Fixed(mean, log_variance), Blank()  # type: ignore[assignment]
    for _ in range(steps):
        found = model.elbo(batch_of(torch.full((4, 1, 16, 16), image_value)))
    return {name: value.item() for name, value in found.items()}


def strange(flow: Flow) -> Flow:
    """A flow that is far from the identity."""
    for layer in flow.layers:
        nn.init.normal_(layer.gain, 0, 2)  # type: ignore[arg-type]
    return flow.requires_grad_(False)


def test_sigma_is_the_error_and_the_likelihood_a_sum_over_pixels() -> None:
    found = losses(0.5)  # every pixel is off by a half
    assert found["log_sigma"] == pytest.approx(math.log(0.5), abs=0.01)  # the soft floor lifts it a little
    assert found["nll"] == pytest.approx(256 * (0.5 + math.log(0.5)), rel=0.01)


def test_a_perfect_picture_does_not_make_the_density_infinite() -> None:
    found = losses(0.0)
    assert found["log_sigma"] >= MIN_LOG_SIGMA
    assert math.isfinite(found["nll"])


def test_a_fixed_sigma_is_taken_at_its_word() -> None:
    found = losses(0.5, likelihood="gaussian", sigma=0.2)
    assert found["nll"] == pytest.approx(256 * (0.5 * (0.5 / 0.2) ** 2 + math.log(0.2)), rel=1e-5)


def test_kl_is_a_sum_over_the_code() -> None:
    assert losses(0.5)["kl"] == pytest.approx(0.0, abs=1e-5)
    assert losses(0.5, mean=2.0)["kl"] == pytest.approx(16 * 2.0)  # mean²/2 in each dimension
    assert losses(0.5, log_variance=1.0)["kl"] == pytest.approx(16 * 0.5 * (math.e - 2), rel=1e-5)


def test_beta_weighs_the_kl_term_alone() -> None:
    plain, heavy = losses(0.5, mean=1.0), losses(0.5, mean=1.0, beta=4.0)
    assert plain["loss"] == pytest.approx(plain["nll"] + plain["kl"] + plain["code_nll"])
    assert heavy["loss"] == pytest.approx(plain["loss"] + 3 * plain["kl"], rel=1e-3)


def test_beta_rises_over_its_share_of_the_steps() -> None:
    def beta(steps: int, accumulate: int = 1) -> float:
        found = losses(0.5, mean=1.0, steps=steps, beta=4.0, beta_warmup=0.5, accumulate=accumulate)  # of 60 steps
        return (found["loss"] - found["nll"] - found["code_nll"]) / found["kl"]

    assert [beta(steps) for steps in (3, 15, 30, 45)] == pytest.approx([0.4, 2.0, 4.0, 4.0], rel=1e-3)
    assert beta(30, accumulate=2) == pytest.approx(2.0, rel=1e-3)  # two parts make a step


def test_free_bits_cost_nothing_and_what_exceeds_them_does() -> None:
    free, dear = (losses(0.5, mean=mean, free_bits=0.1) for mean in (0.2, 2.0))
    assert free["kl"] == pytest.approx(16 * 0.02, rel=1e-4)  # as it is, for the record
    assert free["loss"] - free["nll"] - free["code_nll"] == pytest.approx(16 * 0.1, rel=1e-4)  # what it is driven to, and no further
    assert dear["loss"] - dear["nll"] - dear["code_nll"] == pytest.approx(dear["kl"], rel=1e-4)


@pytest.mark.parametrize("dim", [5, 16])
def test_the_learned_prior_is_a_density(dim: int) -> None:
    torch.manual_seed(0)
    flow = strange(Flow(dim, layers=4))
    z = torch.randn(3, dim)
    codes = flow(z)
    back, log_stretch = flow.inverse(codes)
    assert (codes - z).abs().max() > 0.3
    assert torch.allclose(back, z, atol=1e-3)
    jacobians = torch.stack([torch.autograd.functional.jacobian(lambda x: flow.inverse(x[None])[0][0], code) for code in codes])  # type: ignore[no-untyped-call]
    assert torch.allclose(log_stretch, jacobians.double().slogdet().logabsdet.float(), atol=1e-3)


@pytest.mark.parametrize("initialisation", ["paper", "orthogonal", "kaiming"])
def test_it_begins_as_the_standard_normal_one_whatever_the_weights(initialisation: str) -> None:
    flow = Flow(16, layers=6)
    initialise(flow, initialisation)  # type: ignore[arg-type]
    z, log_stretch = flow.inverse(torch.randn(4, 16))
    assert torch.equal(log_stretch, torch.zeros(4))
    assert torch.equal(flow(z).sort(dim=1).values, z.sort(dim=1).values)  # shuffled


def test_the_density_of_codes_is_learned_without_a_say_in_the_codes() -> None:
    model = build()
    found = model.elbo(batch_of(torch.rand(4, 1, 16, 16) * 2 - 1))
    found["code_nll"].backward()  # type: ignore[no-untyped-call]
    learning = {name for name, parameter in model.named_parameters() if parameter.grad is not None}
    assert learning == {name for name, _ in model.named_parameters() if name.startswith("generator.prior.")}
    standard = losses(0.5, mean=2.0, log_variance=-30.0)["code_nll"]
    assert standard == pytest.approx(16 * 0.5 * (4 + math.log(2 * math.pi)), rel=1e-4)  # all codes are at 2, where 0 was likely


def test_no_dimension_of_a_code_is_left_as_it_was() -> None:
    for seed in range(3):
        torch.manual_seed(seed)
        z = torch.randn(4, 17)
        assert not torch.isin(strange(Flow(17, layers=2))(z), z).any()


def test_a_picture_has_a_latent_that_the_generator_draws_it_from() -> None:
    model = build().eval()
    strange(model.generator.prior)
    images = torch.rand(3, 1, 16, 16) * 2 - 1
    drawn = model.generator(model.latents(images))
    assert torch.allclose(drawn, model.reconstruct(images), atol=1e-4)
    assert not torch.allclose(drawn[0], drawn[1], atol=1e-3)


def test_a_walk_between_pictures_begins_and_ends_at_their_reconstructions() -> None:
    model = build().eval()
    images = torch.rand(2, 1, 16, 16) * 2 - 1
    walk = model.interpolate(images[0], images[1], 5)
    assert walk.shape == (5, 1, 16, 16)
    assert torch.allclose(walk[[0, 4]], model.reconstruct(images), atol=1e-5)
    assert torch.allclose(walk[2], model.decode(model.encode(images)[0].mean(dim=0, keepdim=True))[0], atol=1e-5)


def test_a_walk_between_samples_keeps_their_length() -> None:
    torch.manual_seed(0)
    z = torch.randn(2, 256)
    walk = slerp(z[0], z[1], torch.linspace(0, 1, 5))
    assert torch.allclose(walk[[0, 4]], z, atol=1e-5)
    assert ((walk.norm(dim=1) - 16).abs() < 1.5).all()  # half-way on the straight line it would be 11
    assert torch.allclose(slerp(z[0], z[0], torch.tensor([0.5]))[0], z[0], atol=1e-3)
    model = build().eval()
    assert model.interpolate_samples(z[0, :16], z[1, :16], 3).shape == (3, 1, 16, 16)


def test_a_traversal_moves_one_dimension_of_the_code() -> None:
    model = build().eval()
    image = torch.rand(1, 16, 16) * 2 - 1
    (code,) = model.encode(image[None])[0]
    changed = model.traverse(image, 3, torch.tensor([-2.0, float(code[3]), 2.0]))
    assert changed.shape == (3, 1, 16, 16)
    assert torch.allclose(changed[1], model.reconstruct(image[None])[0], atol=1e-5)
    assert not torch.allclose(changed[0], changed[2], atol=1e-3)


def test_the_direction_of_an_attribute_leads_from_pictures_without_it_to_pictures_with_it() -> None:
    model = build().eval()
    images = torch.rand(6, 1, 16, 16) * 2 - 1
    direction = model.direction(with_it=images[:2], without=images[2:])
    means = model.encode(images)[0]
    assert torch.allclose(means[2:].mean(dim=0) + direction, means[:2].mean(dim=0), atol=1e-5)
    assert torch.allclose(model.edit(images, direction, 0.0), model.reconstruct(images), atol=1e-5)
    assert torch.allclose(model.edit(images[:1], direction, 1.5), model.decode(means[:1] + 1.5 * direction), atol=1e-5)


@pytest.fixture(scope="module")
def shapes(tmp_path_factory: pytest.TempPathFactory) -> PreparedDataset:
    return prepare(open_dataset("shapes", {"count": 300}), 16, tmp_path_factory.mktemp("data"))


def test_a_run_ends_with_measures_of_pictures_it_has_never_seen(shapes: PreparedDataset) -> None:
    hp = VAE.hyperparameters("debug", learning_rate=3e-3, precision="float32")
    torch.manual_seed(0)
    model = VAE(hp, shapes.spec)  # type: ignore[arg-type]
    training = Training(model, shapes, hp, device=torch.device("cpu"), seed=0)
    ticks: list[Tick] = []
    training.run(ticks.append)
    measures = {name.removeprefix("held_out/"): value for name, value in ticks[-1].metrics.items() if name.startswith("held_out/")}
    assert measures.keys() == {"mse", "nll", "kl", "code_nll", "log_sigma", "active_units"}

    held_out = np.setdiff1d(shapes.rows("all"), shapes.rows("train"))
    images, trained_on = (
        torch.from_numpy(shapes.gather(rows)).permute(0, 3, 1, 2).float() / 127.5 - 1 for rows in (held_out, shapes.rows("train"))
    )
    model.eval()
    assert measures["mse"] == pytest.approx((model.reconstruct(images) - images).square().mean().item(), rel=1e-3)
    assert measures["mse"] < 0.8 * (images - trained_on.mean(dim=0)).square().mean()
    assert 1 <= measures["active_units"] <= 16
    # the published decoder is the one that the encoder was trained with
    assert all(torch.equal(a, b) for a, b in zip(training.average.parameters(), model.generator.parameters(), strict=True))


def test_units_are_active_over_all_held_out_pictures_not_within_a_batch_alone() -> None:
    model = build(prior="normal").eval()
    model.running_mean.zero_()
    found = []
    for mean in (-1.0, 1.0):  # sorted by class, as data sets are: alike within a batch
        model.encoder = Fixed(mean, -6.0)  # type: ignore[assignment]
        found.append(model.held_out(batch_of(torch.zeros(4, 1, 16, 16)))["active_units"].item())
    assert found == [16, 16]
    model.encoder = Fixed(0.0, 0.0)  # type: ignore[assignment]
    assert model.held_out(batch_of(torch.zeros(4, 1, 16, 16)))["active_units"].item() == 0
