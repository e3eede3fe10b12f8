"""Alarms: silent while a run is well, in words when it is not."""

from typing import Any

import numpy as np
import pytest

from atelier.training.health import Health, diversity


def noise(seed: int = 0, spread: float = 1.0) -> Any:
    """64 pictures around one grey, as different as `spread` says."""
    values = np.random.default_rng(seed).normal(128, 40 * spread, (64, 8, 8, 3))
    return values.clip(0, 255).astype(np.uint8)


def test_diversity_is_the_distance_to_the_picture_most_alike() -> None:
    black, grey = np.zeros((1, 4, 4, 3), np.uint8), np.full((1, 4, 4, 3), 60, np.uint8)
    assert diversity(np.concatenate([black, black])) == 0
    assert diversity(np.concatenate([black, grey])) == pytest.approx(60)
    assert diversity(np.concatenate([black, grey, grey])) == pytest.approx(20)


def test_two_pictures_drawn_again_and_again_are_a_collapse() -> None:
    health = Health(noise())
    health.look_at(noise(1)[:2].repeat(32, axis=0), 600, 0.6)
    assert "collapse" in health.alarms


def test_collapse_is_told_from_a_slow_start() -> None:
    health = Health(noise())
    assert health.look_at(noise(1, 0.05), 1, 0.0) < 0.1
    assert health.alarms == {}  # nothing has been learned yet
    assert health.look_at(noise(1), 100, 0.2) > 0.9
    assert health.alarms == {}
    health.look_at(noise(1, 0.05), 200, 0.3)
    health.look_at(noise(1, 0.05), 300, 0.4)
    alarm = health.alarms["collapse"]
    assert alarm.step == 200  # since when
    assert "differs from the one most like it by 5%" in alarm.message
    health.look_at(noise(1), 400, 0.5)
    assert health.alarms == {}

    slow = Health(noise())
    slow.look_at(noise(1, 0.05), 600, 0.6)
    assert "collapse" in slow.alarms


def test_a_discriminator_that_is_always_sure_has_won() -> None:
    health = Health(noise())
    for step in range(0, 1000, 50):
        health.look(step, 4000, {"discriminator/real_sign": 0.99, "discriminator/fake_sign": -0.98})
        assert ("discriminator" in health.alarms) == (step > 400)
    assert "since step 0" in health.alarms["discriminator"].message
    health.look(1000, 4000, {"discriminator/real_sign": 0.5, "discriminator/fake_sign": -0.9})
    assert "discriminator" in health.alarms  # one such tick among many
    for step in range(1050, 2000, 50):
        health.look(step, 4000, {"discriminator/real_sign": 0.5, "discriminator/fake_sign": -0.9})
    assert health.alarms == {}


@pytest.mark.parametrize(("value", "word"), [(500.0, "grown"), (1e-3, "shrunk")])
def test_gradients_that_jump_are_named(value: float, word: str) -> None:
    health = Health(noise())
    for step in range(30):
        health.look(step, 1000, {"generator/gradient_norm": 1.0 + step % 3})
    assert health.alarms == {}
    health.look(30, 1000, {"generator/gradient_norm": value})
    assert f"the gradients of generator have {word} from 2 to" in health.alarms["gradients"].message


def test_skipped_steps_are_told_when_they_are_many() -> None:
    health = Health(noise())
    health.look(1000, 10_000, {"training/skipped_steps": 10.0})
    assert health.alarms == {}
    health.look(1000, 10_000, {"training/skipped_steps": 11.0})
    assert "11 of 1000 steps" in health.alarms["skipped"].message
