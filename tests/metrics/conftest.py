"""Files in the layout of the official ones, with random weights, added as the official ones are."""

import hashlib
from dataclasses import replace
from pathlib import Path
from unittest.mock import patch

import pytest
import torch
from torch import Tensor
from torch_fidelity import FeatureExtractorInceptionV3
from torchvision.models import vgg16

from atelier.featurefiles import NETWORKS, add
from atelier.metrics.features import FeatureNetwork, open_network

CPU = torch.device("cpu")


def added(name: str, state: dict[str, Tensor], folder: Path) -> Path:
    """Save the state as the published file, take it for that, and keep it in `folder`; returns the file."""
    (published,) = NETWORKS[name].files
    path = folder / published.file
    torch.save(state, path)
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    with patch.dict(NETWORKS, {name: replace(NETWORKS[name], files=(replace(published, sha256=digest),))}):
        add(path, folder)
    return path


def randomly(layout: dict[str, Tensor]) -> dict[str, Tensor]:
    """So that activations neither grow nor vanish."""
    generator, state = torch.Generator().manual_seed(0), {}
    for name, like in layout.items():
        noise = torch.randn(like.shape, generator=generator)
        if like.ndim > 1:
            state[name] = noise * (2 / like[0].numel()) ** 0.5
        elif name.endswith(("bn.weight", "running_var")):
            state[name] = (1 + 0.3 * noise).abs() + 0.1
        else:
            state[name] = torch.tensor(0) if name.endswith("num_batches_tracked") else 0.1 * noise
    return state


@pytest.fixture(scope="session")
def features_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("features")


@pytest.fixture(scope="session")
def inception_file(features_folder: Path) -> Path:
    """In the layout that torch-fidelity reads."""
    nothing = features_folder / "nothing.pth"
    torch.save({}, nothing)
    with torch.device("meta"), patch.object(FeatureExtractorInceptionV3, "load_state_dict"):
        layout = FeatureExtractorInceptionV3("inception", ["2048"], nothing).state_dict()
    return added("inception", randomly(layout), features_folder)


@pytest.fixture(scope="session")
def inception(inception_file: Path) -> FeatureNetwork:
    return open_network("inception", inception_file.parent, CPU)


@pytest.fixture(scope="session")
def vgg16_file(features_folder: Path) -> Path:
    """In torchvision's layout, but that what is not looked at takes no room."""
    with torch.device("meta"):
        layout = vgg16().state_dict()
    state = randomly({name: value for name, value in layout.items() if name.startswith("features.")})
    state |= {name: torch.zeros(1).expand(value.shape) for name, value in layout.items() if name.startswith("classifier.")}
    return added("vgg16", state, features_folder)


@pytest.fixture(scope="session")
def vgg16_network(vgg16_file: Path) -> FeatureNetwork:
    return open_network("vgg16", vgg16_file.parent, CPU)
