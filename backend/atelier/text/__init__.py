"""From captions to numbers: one file an encoder, what data sets say in words, and what a version remembers of them."""

from atelier.text.base import Encoded, TextEncoder
from atelier.text.char_cnn_rnn import CharCNNRNN
from atelier.text.learned import LearnedEncoder
from atelier.text.sentence_transformer import SentenceTransformer

__all__ = ["CharCNNRNN", "Encoded", "LearnedEncoder", "SentenceTransformer", "TextEncoder"]
