"""Choosing a device."""

import pytest
import torch

from atelier.models.devices import pick_device


def test_auto_finds_one_and_a_wrong_name_is_an_error_in_words() -> None:
    assert isinstance(pick_device(), torch.device)
    assert pick_device("cpu") == torch.device("cpu")
    with pytest.raises(ValueError, match="device 'abacus' can't be used on this machine"):
        pick_device("abacus")
