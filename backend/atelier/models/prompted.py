"""What architectures that draw from sentences share: their encoder, the stage that trains it, and the generator's inputs."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Literal

import torch
from pydantic import Field, JsonValue
from torch import Tensor, nn
from torch.nn.functional import avg_pool2d, cross_entropy, layer_norm, leaky_relu, normalize, relu, softplus

from atelier.models.augment import Policy
from atelier.models.base import Batch, Generator, Hyperparameters, Losses, Phase, Stage, latents
from atelier.models.layers import dcgan_init, spectral_norm
from atelier.text import CharCNNRNN, LearnedEncoder, SentenceTransformer, TextEncoder
from atelier.text.learned import words_of

SPREAD = 0.1  # is enough: more would lead away from a caption that says nearly all
TEXT: dict[str, JsonValue] = {"group": "text"}


class PromptedHyperparameters(Hyperparameters):
    """Hyper-parameters of all that concerns text, and of the game over it."""

    retired = frozenset({"crossing"})

    text_encoder: Literal["learned", "char-cnn-rnn", "sentence-transformer"] = Field("learned", json_schema_extra=TEXT)
    """What reads the captions: letters' sequences and a GRU, the network of Reed et al., or a sentence model that others have trained."""
    sentence_model: str = Field("all-MiniLM-L6-v2", max_length=500, json_schema_extra=TEXT)
    """Folder or name in Hugging Face's cache, for the text encoder sentence-transformer alone."""
    text_dim: int = Field(256, ge=8, le=2048, multiple_of=2, json_schema_extra=TEXT)
    """Length of a sentence's embedding; a sentence model has its own."""
    text_steps: int = Field(2000, ge=0, le=1_000_000, json_schema_extra=TEXT)
    """Steps of the first stage, in which captions and pictures learn to find each other; 0 where a version to start from has done it."""
    text_learning_rate: float = Field(1e-3, gt=0, le=0.1, json_schema_extra=TEXT)
    """Adam's learning rate in that stage."""
    word_dropout: float = Field(0.1, ge=0, lt=1, json_schema_extra=TEXT)
    """Share of a caption's words that are left out while the encoder learns, so that any of them will do; for learned alone."""
    word_weight: float = Field(2.0, ge=0, le=1000, json_schema_extra=TEXT)
    """How much it also learns which single words a picture is told by, and the generator is told so; 0 leaves that out."""
    matching_weight: float = Field(1.0, ge=0, le=1000, json_schema_extra=TEXT)
    """How much the generator is also told by the network of that stage whether its picture can be told by its caption, as in AttnGAN."""
    reconstruction_weight: float = Field(0.0, ge=0, le=1000, json_schema_extra=TEXT)
    """How much the generator is also told to draw the picture that a whole caption was written for, as in pix2pix; 0 leaves that out."""
    diversity_weight: float = Field(2.0, ge=0, le=1000, json_schema_extra=TEXT)
    """How much the generator is told to draw different pictures of one caption from different z (Yang et al. 2019)."""
    mismatch: float = Field(0.5, ge=0, le=10, json_schema_extra=TEXT)
    """Weight of real images under captions of others, which the discriminator must refuse (GAN-CLS); 0 shows none."""
    wrong_captions: Literal["any", "one-word"] = Field("any", json_schema_extra=TEXT)
    """Which captions of others: any; or the own one with a single word exchanged, where the data has such a caption."""
    interpolation: float = Field(0.0, ge=0, le=10, json_schema_extra=TEXT)
    """Weight of images under captions halfway between two, which the generator also draws, half as many: GAN-INT; 0 draws none."""
    thinning: float = Field(0.5, ge=0, le=1, json_schema_extra=TEXT)
    """Share of captions of which the generator and its discriminator hear but some of the words, each as likely as not."""
    thinning_warmup: int = Field(8000, ge=0, le=1_000_000, json_schema_extra=TEXT)
    """Steps over which that share rises from none: whole captions say more, and are learned first."""
    recolour: float = Field(0.0, ge=0, le=1, json_schema_extra=TEXT)
    """Share of pictures whose colour a caption says that are shown in another, as they are then called; for things on plain ground."""
    hinge_margin: float = Field(0.25, gt=0, le=10)
    """Logit beyond which a discriminator is sure enough of an image, by the hinge loss."""
    augment: Policy = "translation"
    """Random changes to all that a discriminator sees, so that it can't learn a small data set by heart."""


def build_encoder(hp: PromptedHyperparameters) -> TextEncoder:
    """
    Raises:
        ValueError: the sentence model, or the package that reads it, is not there.
    """
    if hp.text_encoder == "sentence-transformer":
        return SentenceTransformer(hp.sentence_model)
    return CharCNNRNN(hp.text_dim) if hp.text_encoder == "char-cnn-rnn" else LearnedEncoder(hp.text_dim, word_dropout=hp.word_dropout)


class PromptedGenerator(Generator):
    """Draws what a sentence says: z [N, latent_dim], sentences [N, condition_dim] → [N, C, H, W] in [-1, 1].

    It carries its encoder and some captions of the data, so that whoever draws needs neither.
    """

    EXAMPLES, BYTES = 512, 240

    examples: Tensor

    def __init__(self, encoder: TextEncoder) -> None:
        super().__init__()
        self.encoder = encoder
        self.condition_dim = encoder.dim
        self.said: frozenset[str] = frozenset()  # every caption of the data, while it learns from them; no version holds them
        self.register_buffer("examples", torch.zeros(self.EXAMPLES, self.BYTES, dtype=torch.uint8))  # captions in UTF-8

    def learn_captions(self, captions: Sequence[Sequence[str]]) -> None:
        """Remember one caption of some pictures, evenly picked; and, until the run ends, all that is said of any."""
        self.said = frozenset(caption for some in captions for caption in some)
        for row, index in enumerate(torch.linspace(0, len(captions) - 1, self.EXAMPLES).long().tolist()):
            said = captions[index]
            text = said[row % len(said)].encode(errors="ignore")[: self.BYTES]
            self.examples[row] = torch.tensor([*text, *bytes(self.BYTES - len(text))], dtype=torch.uint8)

    def example(self, row: int) -> str:
        return bytes(self.examples[row].tolist()).rstrip(b"\0").decode(errors="ignore")

    def sentences(self, texts: Sequence[str]) -> Tensor:
        """Embeddings [N, condition_dim], each of mean 0 and variance 1 whatever encoder made them."""
        encoded = self.encoder(texts).sentences
        return layer_norm(encoded, encoded.shape[1:])

    def inputs(self, seeds: Sequence[int], chosen: Sequence[Mapping[Any, float]] | None = None) -> tuple[Tensor, ...]:
        """z and sentences; `chosen` says for each image what texts, and how much of each; where it says none, a caption of the data."""
        device = self.examples.device
        rows = []
        for seed, said in zip(seeds, chosen or [{}] * len(seeds), strict=True):
            row = int(torch.randint(self.EXAMPLES, (), generator=torch.Generator().manual_seed(seed)))
            weights = dict(said) or {self.example(row): 1.0}
            # One text at a time: in a batch, its last bits would depend on the others.
            rows.append(sum((weight * self.sentences([text])[0] for text, weight in weights.items()), torch.zeros((), device=device)))
        return latents(seeds, self.latent_dim).to(device), torch.stack(rows)

    def preview_inputs(self, count: int) -> tuple[Tensor, ...]:
        texts = [self.example(row) for row in torch.linspace(0, self.EXAMPLES - 1, count).long().tolist()]
        return self.inputs(range(count), [{text: 1.0} for text in texts])


class Matching(nn.Module):
    """Whether a picture and a sentence belong together: images [N, C, H, W] → [N, dim], to be compared with sentences.

    The image half of CLIP's objective (Radford et al. 2021, arXiv 2103.00020, figure 3) at AttnGAN's place: it trains the encoder
    beforehand, and the generator later (the DAMSM loss of arXiv 1711.10485, section 3.2, for whole sentences).
    """

    NOISE = 0.05  # of what it sees, so that no pattern that nobody sees can please it

    def __init__(self, channels: int, resolution: int, dim: int, width: int = 32) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        following = width
        for pooled in [True] * (resolution.bit_length() - 3) + [False]:
            layers += [nn.Conv2d(channels, following, 3, 1, 1, bias=False), *([nn.MaxPool2d(2)] if pooled else [])]
            layers += [nn.BatchNorm2d(following), nn.LeakyReLU(0.2, inplace=True)]
            channels, following = following, min(2 * following, 4 * width)
        self.layers = nn.Sequential(*layers, nn.Flatten(), nn.Linear(channels * 16, dim))
        self.log_scale = nn.Parameter(torch.tensor(10.0).log())

    def forward(self, images: Tensor) -> Tensor:
        features: Tensor = self.layers(images + self.NOISE * torch.randn_like(images))
        return features.float()

    def surprise(self, seen: Tensor, sentences: Tensor, captions: Sequence[str]) -> tuple[Tensor, Tensor]:
        """Symmetric contrast: cross-entropy of finding each image's caption in the batch, and its caption's image, [N]; and those found.

        `seen` is what this network makes of the images, [N, dim]. Equal captions are not told apart.
        """
        logits = self.compared(seen, sentences)
        ids = {caption: index for index, caption in enumerate(dict.fromkeys(captions))}
        index = torch.tensor([ids[caption] for caption in captions], device=seen.device)
        same = index[:, None] == index
        own = torch.arange(len(captions), device=seen.device)
        logits = logits.masked_fill(same & (own[:, None] != own), -torch.inf)
        right = (logits.argmax(dim=1) == own).float().mean()
        return (cross_entropy(logits, own, reduction="none") + cross_entropy(logits.mT, own, reduction="none")) / 2, right

    def tell(self, seen: Tensor, words: Tensor, said: Tensor) -> Tensor:
        """Cross-entropy of finding each word that is said of an image (`said` [N, words], bool) among itself and all that are not, [N].

        `seen` is what this network makes of the images, [N, dim]. A word is then told by what all its pictures share, whatever else is
        said of them: so are words that never came together.
        """
        logits = self.compared(seen, words)
        others = logits.masked_fill(said, logits.detach().min() - 100).logsumexp(dim=1, keepdim=True)  # not -inf, where all is said
        return (softplus(others - logits) * said).sum(dim=1) / said.sum(dim=1).clamp(min=1)

    def compared(self, seen: Tensor, sentences: Tensor) -> Tensor:
        """[N, dim], [M, dim] → logits [N, M]: their cosines, scaled."""
        return self.log_scale.exp().clamp(max=100) * normalize(seen) @ normalize(sentences.float()).mT


class MatchingDiscriminator(nn.Module):
    """Images [N, C, H, W], sentences [N, dim] each → logits [N, sentences]: half the size a layer down to 4x4, where each comes in.

    With spectral norm, a linear map of the features, plus their scalar product with an embedding of the sentence (Miyato and Koyama 2018,
    arXiv 1802.05637, eq. 4). Else as in Reed et al. 2016 (arXiv 1605.05396), section 4.2: the sentence's projection stands at every
    place beside the features, and one convolution joins them. With `unconditional`, a last logit looks at the image alone (StackGAN++,
    arXiv 1710.10916, section 3.3).
    """

    def __init__(
        self,
        channels: int,
        resolution: int,
        width: int,
        text_dim: int,
        projection_dim: int,
        *,
        norm: Literal["batch", "spectral", "none"],
        unconditional: bool = False,
    ) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for size in range(resolution.bit_length() - 3):
            normed = norm == "batch" and size > 0  # DCGAN leaves batch norm out of the first layer
            layers += [nn.Conv2d(channels, width, 4, 2, 1, bias=not normed)]
            layers += [nn.BatchNorm2d(width), nn.LeakyReLU(0.2, inplace=True)] if normed else [nn.LeakyReLU(0.2, inplace=True)]
            channels, width = width, 2 * width
        self.layers = nn.Sequential(*layers)
        self.pair = Projecting(channels, text_dim) if norm == "spectral" else Joining(channels, text_dim, projection_dim, norm)
        self.alone = nn.Linear(channels * 16, 1) if unconditional else None
        self.apply(dcgan_init)
        if norm == "spectral":
            for layer in self.modules():
                if isinstance(layer, nn.Conv2d | nn.Linear):
                    spectral_norm(layer)

    def forward(self, images: Tensor, *sentences: Tensor) -> Tensor:
        features = self.layers(images)
        logits = self.pair(features, sentences)
        return torch.cat([logits, self.alone(features.flatten(1))], dim=1) if self.alone is not None else logits


class Projecting(nn.Module):
    """Features [N, F, 4, 4], several sentences [N, dim] each → logits [N, sentences], by scalar products."""

    def __init__(self, channels: int, text_dim: int) -> None:
        super().__init__()
        self.embedding = nn.Linear(text_dim, channels * 16, bias=False)
        self.last = nn.Linear(channels * 16, 1)

    def forward(self, features: Tensor, sentences: Sequence[Tensor]) -> Tensor:
        flat = features.flatten(1)
        embedded = self.embedding(torch.stack(list(sentences), dim=1)).float()
        told: Tensor = (flat.float()[:, None] * embedded).sum(dim=2)  # too many products for bfloat16
        logits: Tensor = self.last(flat) + told
        return logits


class Joining(nn.Module):
    """Features [N, F, 4, 4], several sentences [N, dim] each → logits [N, sentences], by a convolution over both."""

    def __init__(self, channels: int, text_dim: int, projection_dim: int, norm: Literal["batch", "none"]) -> None:
        super().__init__()
        self.project = nn.Sequential(nn.Linear(text_dim, projection_dim), nn.LeakyReLU(0.2, inplace=True))
        self.joint = nn.Conv2d(channels + projection_dim, channels, 1, bias=norm != "batch")
        self.norm = nn.BatchNorm2d(channels) if norm == "batch" else nn.Identity()
        self.last = nn.Linear(channels * 16, 1)

    def forward(self, features: Tensor, sentences: Sequence[Tensor]) -> Tensor:
        return torch.cat([self.joined(features, some) for some in sentences], dim=1)

    def joined(self, features: Tensor, sentences: Tensor) -> Tensor:
        everywhere = self.project(sentences)[:, :, None, None].expand(-1, -1, *features.shape[2:])
        joint = leaky_relu(self.norm(self.joint(torch.cat([features, everywhere], dim=1))), 0.2)
        logits: Tensor = self.last(joint.flatten(1))
        return logits


class Reader:
    """The stage in which the encoder learns, and what the later ones read with it, each caption once."""

    REMEMBERED = 50_000  # sentences

    def __init__(
        self,
        hp: PromptedHyperparameters,
        generator: PromptedGenerator,
        matching: Matching,
        *,
        reduced: Callable[[Tensor], Tensor] = lambda images: images,  # to the size that the matching network sees
    ) -> None:
        self.hp, self.generator, self.matching, self.reduced = hp, generator, matching, reduced
        self._known: dict[str, Tensor] = {}

    def stages(self) -> Iterable[Stage]:
        if not self.hp.text_steps:
            return
        learning = nn.ModuleList([self.matching, *([self.generator.encoder] if self.generator.encoder.learns else [])])
        optimizer = torch.optim.Adam(learning.parameters(), self.hp.text_learning_rate, fused=True)
        phase = Phase(name="text", module=learning, optimizer=optimizer, losses=self.losses)
        yield Stage(name="text", steps=self.hp.text_steps, phases=[phase], held_out=self.losses)

    def losses(self, batch: Batch) -> Losses:
        self._known.clear()
        words, said = spoken(batch.captions)
        sentences, read = self.generator.sentences(batch.captions), self.generator.sentences(words)
        by_caption, by_word, found = self.surprise(batch.images, sentences, batch.captions, read, said)
        loss = by_caption.mean() + self.hp.word_weight * by_word.mean()
        return {"loss": loss, "words": by_word.mean(), "accuracy": found}

    @torch.no_grad()
    def sentences(self, captions: Sequence[str]) -> Tensor:
        """[N, dim] by the encoder as it was left by its stage: the data's captions and single words are remembered, others read anew."""
        self.matching.eval()
        self.generator.encoder.eval()
        distinct = list(dict.fromkeys(captions))
        lasting = [caption for caption in distinct if caption in self.generator.said or " " not in caption]
        new = [caption for caption in lasting if caption not in self._known]
        if len(self._known) + len(new) > self.REMEMBERED:
            self._known.clear()
            new = lasting
        for caption in new:  # one at a time: in a batch, its last bits would depend on the others, and on when a run was taken up
            self._known[caption] = self.generator.sentences([caption])[0]
        read = {caption: self._known[caption] for caption in lasting}
        if others := [caption for caption in distinct if caption not in read]:
            read |= zip(others, self.generator.sentences(others), strict=True)
        return torch.stack([read[caption] for caption in captions])

    def wrong(self, captions: Sequence[str]) -> tuple[Tensor, Tensor]:
        """Sentences of captions of other pictures [N, dim], and where they say something else, [N, 1].

        One word alone that is wrong makes it look at what that word means. Nothing is called wrong that the data never says: else what
        never came together in a picture would be learned to be wrong in all of them.
        """
        others = [captions[-1], *captions[:-1]]
        if self.hp.wrong_captions == "one-word":
            others = [new if new in self.generator.said else other for new, other in zip(crossed(captions), others, strict=True)]
        differ = [mine != other for mine, other in zip(captions, others, strict=True)]
        sentences = self.sentences(others)
        return sentences, torch.tensor(differ, device=sentences.device)[:, None].float()

    def match(self, drawn: Tensor, real: Tensor, sentences: Tensor, captions: Sequence[str]) -> Losses:
        """How much worse images that were drawn for captions can be told by them, and by their words, than the real ones.

        Nothing is gained by being told better: that would only lead to pictures made for this network's eyes. Nor does a circle that is
        told better make good for a hexagon that is not.
        """
        words, said = spoken(captions)
        read = self.sentences(words)

        def surprise(images: Tensor) -> tuple[Tensor, Tensor]:
            by_caption, by_word, found = self.surprise(images, sentences, captions, read, said)
            return by_caption + self.hp.word_weight * by_word, found

        of_drawn, found = surprise(drawn)
        with torch.no_grad():
            of_real, _ = surprise(real)
        return {"loss": relu(of_drawn - of_real).mean(), "accuracy": found}

    def surprise(
        self, images: Tensor, sentences: Tensor, captions: Sequence[str], words: Tensor, said: Tensor
    ) -> tuple[Tensor, Tensor, Tensor]:
        """How hard images [N, C, H, W] are to tell by their captions and by their words, [N] each; and the share of captions found."""
        seen = self.matching(self.reduced(images))
        by_caption, found = self.matching.surprise(seen, sentences, captions)
        return by_caption, self.matching.tell(seen, words, said.to(seen.device)), found


def spoken(captions: Sequence[str]) -> tuple[list[str], Tensor]:
    """All words of captions, and which of them each has, [N, words]; the empty word, where there is no other."""
    own = [set(words_of(caption)) for caption in captions]
    words = sorted(set().union(*own)) or [""]
    return words, torch.tensor([[word in some for word in words] for some in own])


def spread(images: Tensor, others: Tensor, z: Tensor, other_z: Tensor) -> Tensor:
    """How far apart pictures [N, C, H, W] of one sentence are for how far apart their z [N, latent_dim] are, up to a bound.

    Yang et al. 2019 (arXiv 1901.09024), eq. 3, with mean absolute differences. Without it, all that a caption leaves open is soon the same.
    """
    ratio = (images - others).flatten(1).float().abs().mean(dim=1) / (z - other_z).abs().mean(dim=1)
    return ratio.clamp(max=SPREAD).mean()


def reconstruction(drawn: Tensor, real: Tensor, whole: Sequence[bool]) -> Tensor:
    """Mean absolute difference of drawn pictures [N, C, H, W] from the real ones [N, C, k·H, k·W], where captions were told whole.

    Isola et al. 2017 (arXiv 1611.07004), eq. 3.
    """
    real = avg_pool2d(real, real.shape[2] // drawn.shape[2])
    differences = (drawn - real).flatten(1).float().abs().mean(dim=1)
    return (differences * torch.tensor(whole, device=drawn.device)).mean()


def thinned(caption: str) -> str:
    """Some of its words, in their order: each as likely as not, and one at least."""
    words = caption.split()
    kept = [word for word, keep in zip(words, (torch.rand(len(words)) < 0.5).tolist(), strict=True) if keep]
    return " ".join(kept) if kept or not words else words[int(torch.randint(len(words), ()))]


def crossed(captions: Sequence[str]) -> list[str]:
    """Each caption with one word exchanged for the one that another caption of as many words has at its place; as it was, where none has.

    "a red star" and "a blue circle" make "a blue star". Words of one or two letters stay: "an" for "a" would say nothing new.
    """
    words = [caption.split() for caption in captions]
    made = []
    for own in words:
        start = int(torch.randint(len(words), ()))
        for other in words[start:] + words[:start]:
            pairs = zip(own, other, strict=True) if len(own) == len(other) else ()
            differ = [place for place, (a, b) in enumerate(pairs) if a != b and min(len(a), len(b)) > 2]
            if differ:
                place = differ[int(torch.randint(len(differ), ()))]
                own = [*own[:place], other[place], *own[place + 1 :]]
                break
        made.append(" ".join(own))
    return made
