"""VGG-19: its layers against torchvision's."""

from pathlib import Path

import pytest
import torch
from tests.styletransfer.conftest import CPU, keep_weights, picture
from torchvision.models import vgg19

from atelier.styletransfer import vgg
from atelier.styletransfer.networks import open_network
from atelier.styletransfer.vgg import VGG19


def test_layers_are_those_of_torchvisions_network(tmp_path: Path) -> None:
    (state,) = keep_weights("vgg19", tmp_path)
    net = open_network("vgg19", tmp_path, CPU)
    theirs = vgg19().features[:30].eval().requires_grad_(False)
    theirs.load_state_dict({name.removeprefix("features."): value for name, value in state.items()})
    theirs[0].padding_mode = "replicate"
    image = picture(0)
    x = ((image + 1) / 2 - torch.tensor(vgg.MEAN)[:, None, None]) / torch.tensor(vgg.DEVIATION)[:, None, None]
    found = net(image, ("relu1_1", "relu2_1", "relu3_1", "relu4_1", "relu4_2", "relu5_1"))
    for index, layer in enumerate(theirs):
        x = layer(x)
        name = {1: "relu1_1", 6: "relu2_1", 11: "relu3_1", 20: "relu4_1", 22: "relu4_2", 29: "relu5_1"}.get(index)
        if name is not None:
            assert torch.allclose(found[name], x, atol=1e-3 * float(x.abs().max())), name
            assert found[name].shape[2:] == tuple(net.grid(name, size) for size in image.shape[2:])
    assert not any(parameter.requires_grad for parameter in net.parameters())
    assert open_network("auto", tmp_path, CPU).name == "vgg19"


def test_weights_that_are_missing_say_what_to_do_and_damaged_ones_are_refused(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"atelier features fetch vgg19 .* atelier features add FILE"):
        open_network("vgg19", tmp_path, CPU)
    (tmp_path / "vgg19.safetensors").write_bytes(b"nothing")
    for name in ("vgg19", "auto"):
        with pytest.raises(ValueError, match=r"vgg19\.safetensors is damaged"):
            open_network(name, tmp_path, CPU)


@pytest.mark.parametrize("pooling", ["max", "average", "l2"])
def test_pooling_is_as_it_says_and_has_a_gradient_everywhere(pooling: vgg.Pooling) -> None:
    net = VGG19(pooling)
    x = torch.tensor([[1.0, 2], [3, 4]]).view(1, 1, 2, 2)
    expected = {"max": 4.0, "average": 2 * 2.5, "l2": 0.78 * 30**0.5}[pooling]
    assert float(net.pool(x)) == pytest.approx(expected, rel=1e-6)
    nothing = torch.zeros(1, 1, 2, 2, requires_grad=True)
    net.pool(nothing).sum().backward()
    assert nothing.grad is not None
    assert nothing.grad.isfinite().all()
