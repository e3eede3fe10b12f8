"""The contract every text encoder fulfils."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import NamedTuple

from torch import Tensor, nn


class Encoded(NamedTuple):
    """What an encoder makes of N texts, each of at most L tokens."""

    sentences: Tensor  # float32 [N, dim]
    tokens: Tensor  # float32 [N, L, dim], zeros after a text's last one
    mask: Tensor  # bool [N, L]: where a text has a token


class TextEncoder(nn.Module, ABC):
    """Texts in, numbers out; whatever is written, no text is refused, the empty one included."""

    dim: int
    learns: bool = True  # whether its weights follow from the data set; else they are given, and frozen

    @abstractmethod
    def forward(self, texts: Sequence[str]) -> Encoded:
        """Each text's numbers follow from that text; in evaluation mode from nothing else."""
