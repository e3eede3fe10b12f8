"""Learning rates over the course of a stage."""

import math
from typing import Literal

Schedule = Literal["constant", "linear", "cosine"]


def factor(schedule: Schedule, progress: float, step: int, warmup_steps: int) -> float:
    """What the chosen learning rate is multiplied by at a step of a stage whose `progress` goes from 0 to 1."""
    decay = {"constant": 1.0, "linear": 1 - progress, "cosine": 0.5 * (1 + math.cos(math.pi * progress))}[schedule]
    return decay * min(1.0, (step + 1) / (warmup_steps + 1))
