"""What a version remembers of the words that it learned from: to say what a prompt is near to, and when it is near to nothing."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypedDict

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor
from torch.nn.functional import normalize

from atelier.text.learned import words_of

CAPTIONS, SENTENCES = "captions.json", "captions.safetensors"
MOST = 10_000  # captions; of more, so many are kept, evenly picked
NEAREST = 4
FAR = 0.02  # share of the data's own captions that would be called far
SAMPLE = 1000


class Neighbour(TypedDict):
    """A caption of the data."""

    caption: str
    similarity: float  # cosine of the sentences, 1 for the same
    picture: int  # that it was said of, by its place in the data set


class Reading(TypedDict):
    """What a version makes of a prompt."""

    prompt: str
    nearest: list[Neighbour]
    unknown_words: list[str]
    far: bool  # farther from every caption than the data's own are from each other


@dataclass(frozen=True, eq=False)
class Memory:
    """Captions that were learned from, with their sentences and the pictures that they were said of."""

    captions: list[str]
    pictures: list[int]
    words: frozenset[str]
    sentences: Tensor  # [M, dim], of length 1
    least: float  # similarity to the nearest caption, below which a prompt is far

    @classmethod
    def of(cls, captions: Sequence[Sequence[str]], rows: Sequence[int], encode: Callable[[Sequence[str]], Tensor]) -> "Memory":
        """From the captions of the pictures in `rows`, each kept once, for the first picture that it was said of."""
        first: dict[str, int] = {}
        for row in rows:
            for caption in captions[row]:
                first.setdefault(caption, row)
        words = frozenset(word for caption in first for word in words_of(caption))
        kept = list(first)
        if len(kept) > MOST:
            kept = [kept[index] for index in torch.linspace(0, len(kept) - 1, MOST).long().tolist()]
        pictures = [first[caption] for caption in kept]
        sentences = normalize(torch.cat([encode(kept[start : start + 256]) for start in range(0, len(kept), 256)]).float().cpu())
        return cls(kept, pictures, words, sentences, _least(sentences, torch.tensor(pictures)))

    def read(self, prompt: str, sentence: Tensor) -> Reading:
        """`sentence` [dim] is the prompt's."""
        similarities = self.sentences.to(torch.float32) @ normalize(sentence.float().cpu(), dim=0)
        nearest: dict[int, Neighbour] = {}
        for index in similarities.argsort(descending=True).tolist():
            similarity, picture = round(float(similarities[index]), 4), self.pictures[index]
            nearest.setdefault(picture, Neighbour(caption=self.captions[index], similarity=similarity, picture=picture))
            if len(nearest) == NEAREST:
                break
        unknown = [word for word in dict.fromkeys(words_of(prompt)) if word not in self.words and any(map(str.isalnum, word))]
        far = float(similarities.max()) < self.least
        return Reading(prompt=prompt, nearest=list(nearest.values()), unknown_words=unknown, far=far)

    def save(self, folder: Path) -> None:
        save_file({"sentences": self.sentences.half().contiguous()}, folder / SENTENCES)
        said = {"captions": self.captions, "pictures": self.pictures, "words": sorted(self.words), "least": self.least}
        (folder / CAPTIONS).write_text(json.dumps(said, ensure_ascii=False))

    @classmethod
    def load(cls, folder: Path) -> "Memory":
        """
        Raises:
            FileNotFoundError: the version remembers nothing.
        """
        said = json.loads((folder / CAPTIONS).read_text())
        sentences = load_file(folder / SENTENCES)["sentences"].float()
        return cls(said["captions"], said["pictures"], frozenset(said["words"]), sentences, said["least"])


def _least(sentences: Tensor, pictures: Tensor) -> float:
    """How near the data's captions are to those of other pictures, but for the loneliest."""
    chosen = torch.linspace(0, len(sentences) - 1, min(SAMPLE, len(sentences))).long()
    similarities = sentences[chosen] @ sentences.mT
    similarities[pictures[chosen][:, None] == pictures] = -1.0
    nearest = similarities.amax(dim=1)
    return float(nearest.quantile(FAR))
