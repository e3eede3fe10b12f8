"""Signs that a run goes wrong, in words: samples that become alike, a player that has won, gradients that vanish or explode."""

import statistics
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Kind = Literal["collapse", "discriminator", "gradients", "skipped"]


@dataclass(frozen=True)
class Alarm:
    """What is wrong since when; the message is for the user and says what usually helps."""

    kind: Kind
    step: int
    message: str


def diversity(images: NDArray[np.uint8]) -> float:
    """How far the pictures [N, H, W, C] are from their nearest neighbours on average, in root mean squared grey levels, 0 to 255.

    The nearest, because a generator that has collapsed to a few pictures still has pairs that differ.
    """
    x = images.reshape(len(images), -1).astype(np.float64)
    norms = np.square(x).sum(axis=1)
    squares = norms[:, None] + norms[None, :] - 2 * x @ x.T
    np.fill_diagonal(squares, np.inf)
    return float(np.sqrt(np.maximum(squares.min(axis=1), 0) / x.shape[1]).mean())


class Health:
    """Fed with what the loop reports; `alarms` holds what is wrong now. Thresholds are wide: an alarm should mean something."""

    ALIKE = 0.25  # of the diversity of real pictures
    SURE = 0.95  # share of real pictures that the discriminator takes for real, and of drawn ones that it takes for drawn
    SURE_FOR = 0.1  # of the run
    JUMP = 100.0  # times the usual gradient
    SKIPPED = 0.01  # of the steps

    def __init__(self, real: NDArray[np.uint8]) -> None:
        self.real = diversity(real)
        self.alarms: dict[str, Alarm] = {}
        self._peak = 0.0
        self._sure: deque[float] = deque(maxlen=20)
        self._sure_since: int | None = None
        self._norms: dict[str, deque[float]] = {}

    def look(self, step: int, total_steps: int, metrics: Mapping[str, float]) -> None:
        """At the metrics of a tick."""
        self._judge_discriminator(step, total_steps, metrics)
        self._judge_gradients(step, metrics)
        skipped = metrics.get("training/skipped_steps", 0.0)
        self._set(
            "skipped",
            step >= 100 and skipped > self.SKIPPED * step,
            step,
            f"{skipped:.0f} of {step} steps had gradients that were no numbers and changed nothing; a lower learning rate usually helps.",
        )

    def look_at(self, samples: NDArray[np.uint8], step: int, progress: float) -> float:
        """At what is drawn; returns its diversity as a share of that of the real pictures."""
        share = diversity(samples) / max(self.real, 1e-6)
        self._peak = max(self._peak, share)
        # At first all samples are alike: only what was better before, or is not better half-way, is wrong.
        alike = share < self.ALIKE and (self._peak > 2 * self.ALIKE or progress > 0.5)
        self._set(
            "collapse",
            alike,
            step,
            f"The samples have become alike: each differs from the one most like it by {share:.0%} of what real pictures do. The generator "
            "has collapsed, or is about to; stronger augmentation, a lower learning rate or more data usually help.",
        )
        return share

    def _judge_discriminator(self, step: int, total_steps: int, metrics: Mapping[str, float]) -> None:
        real, fake = (next((v for k, v in metrics.items() if k.endswith(name)), None) for name in ("/real_sign", "/fake_sign"))
        if real is None or fake is None:
            return
        self._sure.append((1 + min(real, -fake)) / 2)
        if statistics.mean(self._sure) > self.SURE:  # lately: one tick with a better drawing is no turn
            self._sure_since = step if self._sure_since is None else self._sure_since
        else:
            self._sure_since = None
        sure = self._sure_since is not None and step - self._sure_since > max(200, self.SURE_FOR * total_steps)
        self._set(
            "discriminator",
            sure,
            step,
            f"The discriminator has told nearly every picture apart since step {self._sure_since}, so the generator learns little from it. "
            'Stronger augmentation (such as "ada"), more data, or a lower learning rate of the discriminator usually help.',
        )

    def _judge_gradients(self, step: int, metrics: Mapping[str, float]) -> None:
        wrong = []
        for name, value in metrics.items():
            if name.endswith("/gradient_norm"):
                usual = self._norms.setdefault(name, deque(maxlen=200))
                if len(usual) >= 20:
                    median = statistics.median(usual)
                    if value > self.JUMP * median or value < median / self.JUMP:
                        player = name.split("/")[0]
                        wrong.append(
                            f"the gradients of {player} have {'grown' if value > median else 'shrunk'} from {median:.2g} to {value:.2g}"
                        )
                usual.append(value)
        self._set("gradients", bool(wrong), step, f"Suddenly {' and '.join(wrong)}; a lower learning rate or gradient_clip usually helps.")

    def _set(self, kind: Kind, wrong: bool, step: int, message: str) -> None:
        if not wrong:
            self.alarms.pop(kind, None)
        elif kind in self.alarms:
            self.alarms[kind] = Alarm(kind, self.alarms[kind].step, message)
        else:
            self.alarms[kind] = Alarm(kind, step, message)
