"""What tiles rely on, and layers that are asked for."""

from pathlib import Path

import pytest
import torch
from tests.styletransfer.conftest import CPU, picture

from atelier.metrics import lite0
from atelier.styletransfer.lite0 import Lite0
from atelier.styletransfer.networks import FeatureNetwork, networks, open_network

NETWORKS = pytest.mark.parametrize("name", ["vgg", "lite", "adain"])


@NETWORKS
def test_a_layer_sees_as_far_as_it_says_and_has_the_size_it_says(name: str, request: pytest.FixtureRequest) -> None:
    network: FeatureNetwork = request.getfixturevalue(name)
    image = picture(0, 150, 420)
    layers = tuple(layer for layer in network.strides if network.strides[layer] > 1)[::3]
    base = network(image, layers)
    image[..., 200] += 1
    changed = network(image, layers)
    for layer in layers:
        assert base[layer].shape[2:] == (network.grid(layer, 150), network.grid(layer, 420))
        stride, reach = network.strides[layer], network.reaches[layer]
        where = (base[layer] != changed[layer]).any(dim=2).any(dim=1)[0].nonzero()[:, 0]
        assert 200 - reach - stride < int(where.min()) * stride <= 200 < (int(where.max()) + 1) * stride + reach
        assert int(where.max()) * stride <= 200 + reach


@NETWORKS
def test_asking_for_more_layers_changes_none(name: str, request: pytest.FixtureRequest) -> None:
    network: FeatureNetwork = request.getfixturevalue(name)
    image, layers = picture(1), tuple(network.strides)
    everything = network(image, layers)
    assert list(everything) == list(layers)
    for layer in layers[:4]:
        assert torch.equal(network(image, [layer])[layer], everything[layer])
    with pytest.raises(KeyError, match="has no layer 'relu9_9'"):
        network(image, ["relu9_9"])


def test_lite0_is_the_network_that_classifies_but_for_padding_and_the_ceiling_of_its_activations(lite: FeatureNetwork) -> None:
    trained = lite0.lite0(CPU)
    image = picture(2, 127, 159) * 0.01  # odd sizes, which TensorFlow pads alike on both sides; so pale that nothing reaches 6
    x = torch.nn.functional.relu6(trained.conv_stem(((image + 1) * 127.5 - 127) / 128))
    assert torch.allclose(lite(image, ["stem"])["stem"][..., 1:-1, 1:-1], x[..., 1:-1, 1:-1], atol=1e-4)
    x = trained.blocks[0](x)
    assert torch.allclose(lite(image, ["block0"])["block0"][..., 2:-2, 2:-2], x[..., 2:-2, 2:-2], atol=1e-2)


def test_a_network_that_is_none_is_refused_and_auto_takes_what_there_is(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="'resnet' is not one of"):
        open_network("resnet", tmp_path, CPU)
    assert isinstance(open_network("auto", tmp_path, CPU), Lite0)
    assert set(networks) == {"vgg19", "lite0", "adain"}
