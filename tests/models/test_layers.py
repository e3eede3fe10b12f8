"""Initialisation by a scheme of the user's choice."""

import math

import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import conv2d, interpolate
from torch.nn.utils import parametrize

from atelier.models import architectures
from atelier.models.base import ImageSpec
from atelier.models.layers import ConditionalBatchNorm2d, DoublingConv2d, initialise, spectral_norm

SCHEMES = pytest.mark.parametrize("scheme", ["orthogonal", "kaiming"])


@pytest.fixture(autouse=True)
def seed() -> None:
    torch.manual_seed(0)


def test_paper_leaves_everything_as_the_architecture_set_it() -> None:
    for cls in architectures.values():
        model = cls(cls.hyperparameters("debug"), ImageSpec(channels=3, resolution=16, num_classes=3, num_attributes=2))
        before = {name: value.clone() for name, value in model.state_dict().items()}
        initialise(model, "paper")
        assert all(torch.equal(before[name], value) for name, value in model.state_dict().items())


@SCHEMES
@pytest.mark.parametrize("name", [name for name in architectures if name != "stylegan"])  # which refuses any but its own
def test_it_reaches_every_weight_that_multiplies_and_no_other(name: str, scheme: str) -> None:
    cls = architectures[name]
    model = cls(cls.hyperparameters("debug"), ImageSpec(channels=3, resolution=16, num_classes=3, num_attributes=2))
    before = {name: value.clone() for name, value in model.named_parameters()}
    initialise(model, scheme)  # type: ignore[arg-type]
    others = nn.Embedding | nn.EmbeddingBag | nn.RNNBase | ConditionalBatchNorm2d
    embeddings = {
        f"{name}.{weight}"
        for name, module in model.named_modules()
        if isinstance(module, others)
        for weight, _ in module.named_parameters(recurse=False)
    }
    for name, value in model.named_parameters():
        kept = torch.equal(before[name], value)
        if value.ndim > 1 and "weight" in name and name not in embeddings:
            assert not kept, name
        else:
            assert kept or not value.any(), name  # of a norm, a learned constant, or a bias that is zero now


@SCHEMES
def test_norms_and_embeddings_keep_theirs(scheme: str) -> None:
    network = nn.Sequential(nn.Embedding(5, 4), nn.BatchNorm2d(4), nn.GroupNorm(2, 4), nn.LayerNorm(4))
    for parameter in network.parameters():
        nn.init.normal_(parameter)
    before = [parameter.clone() for parameter in network.parameters()]
    initialise(network, scheme)  # type: ignore[arg-type]
    assert all(torch.equal(a, b) for a, b in zip(before, network.parameters(), strict=True))


def test_orthogonal_weights_are() -> None:
    layers = nn.Linear(12, 8), nn.Conv2d(3, 8, 4), nn.ConvTranspose2d(8, 4, 4)
    for layer in layers:
        initialise(layer, "orthogonal")
        rows = layer.weight.flatten(1)
        assert torch.allclose(rows @ rows.T, torch.eye(8), atol=1e-5)
        assert not layer.bias.any()


@pytest.mark.parametrize(
    ("layer", "shape"),
    [
        (nn.Linear(512, 256), (512,)),
        (nn.Conv2d(64, 32, 4, 2, 1), (64, 32, 32)),
        (nn.Conv2d(64, 64, 3, 1, 1, groups=4), (64, 32, 32)),
        (nn.ConvTranspose2d(64, 32, 4, 2, 1), (64, 32, 32)),
        (nn.ConvTranspose2d(64, 32, 3, 1, 1), (64, 32, 32)),
    ],
    ids=["linear", "convolution", "grouped", "transposed", "transposed without stride"],
)
def test_kaiming_makes_up_for_what_a_leaky_relu_takes(layer: nn.Module, shape: tuple[int, ...]) -> None:
    initialise(layer, "kaiming")
    x = torch.randn(64, *shape) * math.sqrt((1 + 0.2**2) / 2)  # the size that a leaky ReLU leaves of unit variance
    out: Tensor = layer(x)
    middle = out if out.ndim == 2 else out[:, :, 4:-4, 4:-4]
    assert middle.square().mean().item() == pytest.approx(1, rel=0.1)


@SCHEMES
def test_spectral_norm_holds_for_the_new_weights(scheme: str) -> None:
    spectral_norm(layer := nn.Linear(64, 32))
    initialise(layer, scheme)  # type: ignore[arg-type]
    assert torch.linalg.matrix_norm(layer.eval().weight, 2).item() == pytest.approx(1, rel=0.02)
    assert not layer.bias.any()
    assert len(list(layer.parameters())) == 2


def test_spectral_norm_is_left_out_where_there_are_only_shapes() -> None:
    with torch.device("meta"):
        spectral_norm(sketched := nn.Linear(64, 32))
    spectral_norm(layer := nn.Linear(64, 32))
    assert not parametrize.is_parametrized(sketched)
    assert parametrize.is_parametrized(layer, "weight")


@pytest.mark.parametrize("training", [True, False])
def test_doubling_repeats_pixels_and_convolves_them(training: bool) -> None:
    layer = DoublingConv2d(3, 5, 3, 1, 1).double().train(training)
    x = torch.randn(2, 3, 4, 6, dtype=torch.float64, requires_grad=True)
    expected = conv2d(interpolate(x, scale_factor=2.0), layer.weight, layer.bias, padding=1)
    found = layer(x)
    assert torch.allclose(found, expected, atol=1e-12)
    wanted = torch.randn_like(expected)
    of = (x, layer.weight, layer.bias)
    pairs = zip(torch.autograd.grad(found, of, wanted), torch.autograd.grad(expected, of, wanted), strict=True)
    assert all(torch.allclose(one, other, atol=1e-12) for one, other in pairs)
