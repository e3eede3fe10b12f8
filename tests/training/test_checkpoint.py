"""Checkpoints are whole or absent."""

from pathlib import Path

import pytest
import torch

from atelier.training import checkpoint


def test_a_failed_write_leaves_the_previous_checkpoint(tmp_path: Path) -> None:
    path = tmp_path / "checkpoint.pt"
    checkpoint.save(path, {"step": 1, "weights": torch.ones(3)})
    with pytest.raises(Exception, match="pickle"):
        checkpoint.save(path, {"step": 2, "weights": lambda: None})
    assert checkpoint.load(path)["step"] == 1


def test_a_checkpoint_with_code_in_it_is_not_run(tmp_path: Path) -> None:
    torch.save({"step": Path("/")}, tmp_path / "checkpoint.pt")
    with pytest.raises(Exception, match=r"[Ww]eights"):
        checkpoint.load(tmp_path / "checkpoint.pt")


def test_a_checkpoint_of_another_time_is_refused_in_words(tmp_path: Path) -> None:
    torch.save({"step": 1}, tmp_path / "checkpoint.pt")
    with pytest.raises(ValueError, match="another version of Atelier"):
        checkpoint.load(tmp_path / "checkpoint.pt")
