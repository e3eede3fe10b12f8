"""Choosing a device."""

import pytest
import torch

from atelier.models.devices import pick_device, pick_precision


def test_auto_finds_one_and_a_wrong_name_is_an_error_in_words() -> None:
    assert isinstance(pick_device(), torch.device)
    assert pick_device("cpu") == torch.device("cpu")
    with pytest.raises(ValueError, match="device 'abacus' can't be used on this machine"):
        pick_device("abacus")


def test_auto_computes_in_bfloat16_where_there_are_units_for_it(monkeypatch: pytest.MonkeyPatch) -> None:
    cpu = torch.device("cpu")
    for has_units, dtype in ((True, torch.bfloat16), (False, torch.float32)):
        monkeypatch.setattr(torch.cpu, "get_capabilities", lambda has_units=has_units: {"amx_bf16": has_units}, raising=False)
        assert pick_precision("auto", cpu) == dtype
        assert pick_precision("float32", cpu) == torch.float32
        assert pick_precision("bfloat16", cpu) == torch.bfloat16
    monkeypatch.delattr(torch.cpu, "get_capabilities")
    assert pick_precision("auto", cpu) == torch.float32
