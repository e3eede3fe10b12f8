"""Pictures of a generator for scores: what is asked for as often as in the data, what is drawn as it would be saved."""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from atelier.datasets.cache import PreparedDataset
from atelier.models.base import Conditioning, Generator, conditions_of, latents
from atelier.models.prompted import PromptedGenerator
from atelier.text.captions import captions_of

SENTENCES = 64  # read at a time
ASKED = 0xA5CED  # what an image is asked for follows from its seed by another stream than z


class Sampler:
    """Draws images of seeds. What each is asked for is what a picture of the rows of a data set shows, chosen by the seed alone.

    Without a data set, or for what can't be asked for anything, the generator decides by itself.
    """

    def __init__(
        self,
        generator: Generator,
        conditioning: Conditioning,
        data: PreparedDataset | None,
        rows: Sequence[int],
        options: Mapping[str, Any],
    ) -> None:
        self.generator, self.conditioning, self.rows, self.options = generator, conditioning, rows, dict(options)
        self.data = data if generator.condition_dim and len(rows) else None
        self.device = next(generator.parameters()).device
        self.all_captions = captions_of(data) if self.data is not None and data is not None and conditioning == "text" else []
        self._sentences: dict[str, Tensor] = {}

    def chosen(self, seeds: Sequence[int]) -> list[int]:
        """The row of the data whose condition an image has."""
        return [self.rows[int(torch.randint(len(self.rows), (), generator=_stream(seed)))] for seed in seeds]

    def labels(self, seeds: Sequence[int]) -> Tensor | None:
        """Classes that images with these seeds are asked for, [N]; None where they are asked for none."""
        if self.conditioning != "class":
            return None
        if self.data is not None:
            return torch.from_numpy(self.data.labels[self.chosen(seeds)])
        return self.generator.inputs(seeds)[1].argmax(dim=1).cpu()

    def captions(self, seeds: Sequence[int]) -> list[str] | None:
        """Captions that images with these seeds are asked for; None where they are asked for none, or by the generator's own."""
        if not self.all_captions:
            return None
        said = [self.all_captions[row] for row in self.chosen(seeds)]
        return [some[seed % len(some)] for some, seed in zip(said, seeds, strict=True)]

    @torch.no_grad()
    def inputs(self, seeds: Sequence[int]) -> tuple[Tensor, ...]:
        """What the generator takes for the images with these seeds."""
        if self.data is None:
            return self.generator.inputs(seeds)
        z = latents(seeds, self.generator.latent_dim).to(self.device)
        captions = self.captions(seeds)
        if captions is not None:
            return z, self.sentences(captions).to(self.device)
        rows = self.chosen(seeds)
        labels, attributes = torch.from_numpy(self.data.labels[rows]), torch.from_numpy(self.data.attributes[rows])
        return z, conditions_of(labels, attributes, self.conditioning, self.data.spec).to(self.device)

    @torch.no_grad()
    def sentences(self, captions: Sequence[str]) -> Tensor:
        """As the generator reads them, [N, E]; each is read once."""
        assert isinstance(self.generator, PromptedGenerator)
        unknown = [caption for caption in dict.fromkeys(captions) if caption not in self._sentences]
        for start in range(0, len(unknown), SENTENCES):
            some = unknown[start : start + SENTENCES]
            self._sentences |= dict(zip(some, self.generator.sentences(some), strict=True))
        return torch.stack([self._sentences[caption] for caption in captions])

    @torch.no_grad()
    def __call__(self, seeds: Sequence[int]) -> Tensor:
        """uint8 [N, C, H, W], rounded as served pictures are."""
        images: Tensor = self.generator(*self.inputs(seeds), **self.options)
        return ((images.float() + 1) * 127.5).round().clamp(0, 255).to(torch.uint8)


def _stream(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed ^ ASKED)
