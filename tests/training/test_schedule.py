"""Learning rates by their formulas."""

import pytest

from atelier.training.schedule import factor


def test_decays_go_from_one_to_nothing() -> None:
    assert [factor("constant", p, 9, 0) for p in (0, 0.5, 1)] == [1, 1, 1]
    assert [factor("linear", p, 9, 0) for p in (0, 0.5, 1)] == [1, 0.5, 0]
    assert [factor("cosine", p, 9, 0) for p in (0, 0.25, 0.5, 1)] == pytest.approx([1, 0.853553, 0.5, 0])


def test_warming_up_never_begins_with_nothing_and_ends_with_all() -> None:
    assert [factor("constant", 0, step, 4) for step in range(6)] == pytest.approx([0.2, 0.4, 0.6, 0.8, 1, 1])
