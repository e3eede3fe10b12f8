"""Reed et al. 2016: "Learning Deep Representations of Fine-Grained Visual Descriptions" (arXiv 1605.05395), the char-CNN-RNN."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn.functional import max_pool1d, one_hot, relu

from atelier.text.base import Encoded, TextEncoder

ALPHABET = "abcdefghijklmnopqrstuvwxyz0123456789-,;.!?:'\"/\\|_@#$%^&*~`+=<>()[]{} \n"
LENGTH = 201  # characters that are read


class CharCNNRNN(TextEncoder):
    """Characters [N, 201] → three convolutions, two of them pooled → a recurrent network over 18 places → their mean → [N, dim].

    Characters outside of the alphabet of 70 are read as blanks. Deviation from the paper: the recurrent network has tanh and starts
    at PyTorch's weights, where theirs has rectified units that start at the identity.
    """

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.dim = dim
        self.convolutions = nn.ModuleList([nn.Conv1d(len(ALPHABET), 384, 4), nn.Conv1d(384, 512, 4), nn.Conv1d(512, 256, 4)])
        self.reader = nn.RNN(256, 512, batch_first=True)
        self.out = nn.Linear(512, dim)

    def forward(self, texts: Sequence[str]) -> Encoded:
        device = self.out.weight.device
        letters = torch.full((len(texts), LENGTH), len(ALPHABET))
        for row, text in enumerate(texts):
            places = [ALPHABET.find(char) for char in text.lower()[:LENGTH]]
            letters[row, : len(places)] = torch.tensor([place if place >= 0 else len(ALPHABET) for place in places], dtype=torch.int64)
        with torch.autocast(device.type, enabled=False):
            x: Tensor = one_hot(letters.to(device), len(ALPHABET) + 1)[:, :, :-1].float().mT  # [N, 70, 201]
            first, second, third = self.convolutions
            x = max_pool1d(relu(first(x)), 3)
            x = max_pool1d(relu(second(x)), 3)
            states, _ = self.reader(relu(third(x)).mT)  # [N, 18, 512]
            tokens: Tensor = self.out(states)
        return Encoded(tokens.mean(dim=1), tokens, torch.ones(tokens.shape[:2], dtype=torch.bool, device=device))
