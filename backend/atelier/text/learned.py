"""A small encoder that knows no word and has no unknown word: letters' sequences, summed to words, read in both directions."""

import re
import unicodedata
from collections.abc import Sequence
from functools import lru_cache
from zlib import crc32

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from atelier.text.base import Encoded, TextEncoder

BUCKETS = 8192
WIDTH = 128  # of a word
LENGTHS = range(3, 6)  # of letters' sequences
MOST_WORDS = 40  # the rest of a text is not read


def words_of(text: str) -> list[str]:
    """Words and punctuation marks, in lower case: "A red Circle, left" → a, red, circle, ",", left."""
    return re.findall(r"\w+|[^\w\s]", unicodedata.normalize("NFKC", text).casefold())


@lru_cache(maxsize=100_000)
def pieces_of(word: str) -> tuple[int, ...]:
    """Buckets of the word and of its sequences of 3 to 5 letters, its ends marked: <ca, cat, at>, <cat and so on, and <cat>."""
    marked = f"<{word}>"
    pieces = [marked[start : start + length] for length in LENGTHS for start in range(len(marked) - length + 1)]
    return tuple(crc32(piece.encode(errors="surrogatepass")) % BUCKETS for piece in dict.fromkeys((marked, *pieces)))


class LearnedEncoder(TextEncoder):
    """Texts → sentences [N, dim]: words as sums of their pieces (Bojanowski et al. 2017, arXiv 1607.04606), then a bidirectional GRU.

    Pieces are hashed, so the encoder needs no vocabulary, and a misspelt or a new word is near those that it resembles. The shape, not
    the pieces, is that of AttnGAN's encoder (Xu et al. 2018, arXiv 1711.10485, section 3.1); a sentence is the mean of its tokens.
    """

    def __init__(self, dim: int, *, word_dropout: float = 0.0) -> None:
        super().__init__()
        self.dim, self.word_dropout = dim, word_dropout
        self.pieces = nn.EmbeddingBag(BUCKETS, WIDTH, mode="mean")
        self.reader = nn.GRU(WIDTH, dim // 2, batch_first=True, bidirectional=True)
        self.out = nn.Linear(dim, dim)
        nn.init.normal_(self.pieces.weight, std=0.5)

    def forward(self, texts: Sequence[str]) -> Encoded:
        device = self.out.weight.device
        read = [self._read(text) for text in texts]
        pieces = [pieces_of(word) for words in read for word in words]
        lengths = torch.tensor([len(words) for words in read])
        offsets = torch.tensor([0, *(len(some) for some in pieces)])[:-1].cumsum(0)
        with torch.autocast(device.type, enabled=False):  # a hundred steps in a row, each rounded, would be heard
            words = self.pieces(torch.tensor([piece for some in pieces for piece in some]).to(device), offsets.to(device))
            padded = nn.utils.rnn.pad_sequence(words.split(lengths.tolist()), batch_first=True)
            packed = pack_padded_sequence(padded, lengths, batch_first=True, enforce_sorted=False)
            states, _ = pad_packed_sequence(self.reader(packed)[0], batch_first=True)  # [N, L, dim]
            mask = (torch.arange(states.shape[1]) < lengths[:, None]).to(device)
            tokens: Tensor = self.out(states) * mask[:, :, None]
            return Encoded(tokens.sum(dim=1) / mask.sum(dim=1, keepdim=True), tokens, mask)

    def _read(self, text: str) -> list[str]:
        """In training some words are left out: those that remain must then do, and a caption be told by any of its words."""
        words = words_of(text)[:MOST_WORDS] or [""]
        if self.training and self.word_dropout:
            kept = (torch.rand(len(words)) >= self.word_dropout).tolist()
            words = [word for word, keep in zip(words, kept, strict=True) if keep] or words
        return words
