"""What a version remembers: the nearest captions, words that it never saw, and prompts that are far from everything."""

from collections.abc import Sequence
from pathlib import Path

import pytest
import torch
from torch import Tensor

from atelier.text.memory import MOST, Memory

PLACES = {"a red cat": 0.0, "a scarlet cat": 0.1, "a blue dog": 1.5, "a navy dog": 1.6}
CAPTIONS = [("a red cat", "a scarlet cat"), ("a blue dog",), ("a navy dog", "a red cat"), ("never trained on",)]
ROWS = [0, 1, 2]


def encode(texts: Sequence[str]) -> Tensor:
    """A sentence is a direction in the plane."""
    angles = torch.tensor([PLACES[text] for text in texts])
    return 3 * torch.stack([angles.cos(), angles.sin()], dim=1)


@pytest.fixture
def memory(tmp_path: Path) -> Memory:
    Memory.of(CAPTIONS, ROWS, encode).save(tmp_path)
    return Memory.load(tmp_path)


def test_the_nearest_captions_come_first_each_of_another_picture(memory: Memory) -> None:
    reading = memory.read("a red cat", encode(["a red cat"])[0])
    assert [(near["caption"], near["picture"]) for near in reading["nearest"]] == [("a red cat", 0), ("a blue dog", 1), ("a navy dog", 2)]
    assert reading["nearest"][0]["similarity"] == pytest.approx(1, abs=1e-3)
    assert not reading["far"]


def test_words_that_were_never_seen_are_named(memory: Memory) -> None:
    reading = memory.read("a red Zebra, zebra!", encode(["a red cat"])[0])
    assert reading["unknown_words"] == ["zebra"]


def test_what_is_farther_than_the_data_from_each_other_is_far(memory: Memory) -> None:
    assert memory.read("x", torch.tensor([-1.0, -1.0]))["far"]
    assert not memory.read("x", encode(["a navy dog"])[0])["far"]


def test_of_many_captions_some_are_kept() -> None:
    captions = [(f"caption {index}",) for index in range(MOST + 500)]
    memory = Memory.of(captions, range(len(captions)), lambda texts: torch.randn(len(texts), 4))
    assert len(memory.captions) == MOST
    assert f"{MOST + 499}" in memory.words
    assert memory.pictures[-1] == MOST + 499
