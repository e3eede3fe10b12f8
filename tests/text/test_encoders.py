"""Encoders: whatever is written, each text has numbers of its own."""

import string
from collections.abc import Callable

import pytest
import torch

from atelier.text import CharCNNRNN, LearnedEncoder, TextEncoder
from atelier.text.char_cnn_rnn import ALPHABET, LENGTH
from atelier.text.learned import MOST_WORDS, pieces_of, words_of

TEXTS = ["a red circle", "", "un château à Noël, été", "猫が座っている", "🙂", "x" * 5000, "\x00\n\t", "a red circle, a blue star"]


@pytest.fixture(params=[lambda: LearnedEncoder(16, word_dropout=0.5), lambda: CharCNNRNN(16)], ids=["learned", "char-cnn-rnn"])
def encoder(request: pytest.FixtureRequest) -> TextEncoder:
    build: Callable[[], TextEncoder] = request.param
    torch.manual_seed(0)
    return build()


def test_any_text_has_finite_numbers_and_tokens_that_are_masked(encoder: TextEncoder) -> None:
    sentences, tokens, mask = encoder.eval()(TEXTS)
    assert sentences.shape == (len(TEXTS), encoder.dim)
    assert tokens.shape == (*mask.shape, encoder.dim)
    assert sentences.isfinite().all()
    assert mask.any(dim=1).all()
    assert (tokens[~mask] == 0).all()


def test_a_texts_numbers_do_not_depend_on_the_others(encoder: TextEncoder) -> None:
    together = encoder.eval()(TEXTS).sentences
    for text, sentence in zip(TEXTS, together, strict=True):
        torch.testing.assert_close(encoder([text]).sentences[0], sentence, rtol=1e-4, atol=1e-5)


def test_the_order_of_words_is_read(encoder: TextEncoder) -> None:
    one, other = encoder.eval()(["a red star on a black background", "a black star on a red background"]).sentences
    assert (one - other).abs().max() > 1e-4


def test_every_weight_learns(encoder: TextEncoder) -> None:
    encoder.train()(TEXTS).sentences.square().sum().backward()
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in encoder.parameters())


def test_words_and_their_pieces() -> None:
    assert words_of("A red Circle, left") == ["a", "red", "circle", ",", "left"]
    assert words_of("Ｗｉｄｅ É") == ["wide", "é"]
    cat, cats, dog = (set(pieces_of(word)) for word in ("cat", "cats", "dog"))
    assert len(cat) == 6  # <ca cat at> <cat cat> and <cat>
    assert len(cat & cats) == 3  # <ca cat <cat
    assert not cat & dog


def test_misspelt_and_new_words_are_near_those_they_resemble() -> None:
    encoder = LearnedEncoder(32).eval()
    with torch.no_grad():
        known, misspelt, other = torch.nn.functional.normalize(encoder(["triangle", "triangel", "hexagon"]).sentences)
    assert known @ misspelt > known @ other


def test_of_a_long_text_the_beginning_is_read() -> None:
    encoder = LearnedEncoder(8).eval()
    words = [f"word{index}" for index in range(MOST_WORDS + 5)]
    long, short = encoder([" ".join(words), " ".join(words[:MOST_WORDS])]).sentences
    assert torch.equal(long, short)
    reed = CharCNNRNN(8).eval()
    long, short = reed(["y" * LENGTH + "z", "y" * LENGTH]).sentences
    assert torch.equal(long, short)


def test_words_are_dropped_in_training_alone_and_never_all_of_them() -> None:
    encoder = LearnedEncoder(8, word_dropout=0.9)
    torch.manual_seed(0)
    lengths = {int(encoder.train()(["one two three four five"]).mask.sum()) for _ in range(50)}
    assert len(lengths) > 1
    assert min(lengths) >= 1
    assert encoder.eval()(["one two three four five"]).mask.sum() == 5


def test_the_alphabet_is_the_papers() -> None:
    assert len(ALPHABET) == len(set(ALPHABET)) == 70
    assert set(string.ascii_lowercase + string.digits) < set(ALPHABET)
    encoder = CharCNNRNN(8).eval()
    upper, lower, unknown, blank = encoder(["AB", "ab", "é", ""]).sentences
    assert torch.equal(upper, lower)
    assert torch.equal(unknown, blank)
