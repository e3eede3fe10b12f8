"""The game of generator and discriminator over pictures and sentences, as all architectures that draw from text play it."""

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import relu, softplus

from atelier.models.augment import diff_augment
from atelier.models.base import Batch, Losses
from atelier.models.prompted import MatchingDiscriminator, PromptedHyperparameters, Reader, reconstruction, spread, thinned


@dataclass(frozen=True)
class Asked:
    """What a generator draws in a step: sentences [N, dim] of the batch's captions, then of others, by how many there are of each."""

    sentences: Tensor
    captions: tuple[str, ...]  # those of the batch, as they were told
    own: int
    halfway: int  # between two captions
    again: int  # the first of the batch once more, whose pictures ought to differ

    @property
    def counts(self) -> list[int]:
        return [self.own, self.halfway, self.again]


class Game:
    """GAN-CLS and GAN-INT (Reed et al. 2016, arXiv 1605.05396, section 4), by the hinge loss or the logistic one.

    A discriminator refuses what was drawn, and real pictures under wrong captions. If it has an unconditional head, that one judges the
    pictures without their captions, as in StackGAN++ (arXiv 1710.10916, section 3.3). Of some captions both hear but a few words: "star"
    of "a red star" then is to mean stars of any colour, and "red" whatever is red, so that words that never came together can be.
    """

    def __init__(
        self,
        hp: PromptedHyperparameters,
        reader: Reader,
        discriminator: MatchingDiscriminator,
        *,
        logistic: bool,
        diverse: bool = True,  # whether pictures of one caption are to differ by what this generator makes of them
    ) -> None:
        self.hp, self.reader, self.discriminator, self.logistic = hp, reader, discriminator, logistic
        self.diversity_weight = hp.diversity_weight if diverse else 0.0
        # Sentences that were drawn, and their pictures, that the discriminator has not seen yet, in order: [N, dim], [N, C, H, W].
        self.drawn: list[tuple[Tensor, Tensor]] = []

    def asked(self, batch: Batch) -> Asked:
        share = self.hp.thinning * min(1.0, (batch.step + 1) / (self.hp.thinning_warmup + 1))
        captions = tuple(
            thinned(caption) if told < share else caption
            for caption, told in zip(batch.captions, torch.rand(len(batch.captions)).tolist(), strict=True)
        )
        own = self.reader.sentences(captions)
        half = len(own) // 2
        halfway = (own[:half] + own[half : 2 * half]) / 2 if self.hp.interpolation else own[:0]  # the paper's eq. 5 with beta = 0.5
        again = own[: half // 2] if self.diversity_weight else own[:0]
        return Asked(torch.cat([own, halfway, again]), captions, len(own), len(halfway), len(again))

    def drawing_losses(self, asked: Asked, drawn: Tensor, z: Tensor, batch: Batch) -> Losses:
        """The generator's, of pictures [N, C, H, W] that it drew for sentences [N, dim] and z [N, K]."""
        own, _, others = torch.split(drawn, asked.counts)
        self.drawn.append((asked.sentences[: len(own)], own.detach()))
        judged = len(drawn) - len(others)
        unconvincing = self.persuasion(self.judge(self.augment(drawn[:judged]), asked.sentences[:judged])).sum(dim=1)
        said, halfway = torch.split(unconvincing, asked.counts[:2])
        loss = said.mean()
        if len(halfway):
            loss = loss + self.hp.interpolation * halfway.mean()
        losses = {}
        if again := len(others):
            losses["spread"] = spread(own[:again], others, z[:again], z[judged:])
            loss = loss - self.diversity_weight * losses["spread"]
        if self.hp.matching_weight:
            matched = self.reader.match(own, batch.images, asked.sentences[: len(own)], asked.captions)
            loss = loss + self.hp.matching_weight * matched["loss"]
            losses |= {"matching": matched["loss"], "matched": matched["accuracy"]}
        if self.hp.reconstruction_weight:
            losses["reconstruction"] = reconstruction(
                own, batch.images, [told == written for told, written in zip(asked.captions, batch.captions, strict=True)]
            )
            loss = loss + self.hp.reconstruction_weight * losses["reconstruction"]
        return {"loss": loss, **losses}

    def judging_losses(self, images: Tensor, batch: Batch) -> Losses:
        """The discriminator's, of real pictures [N, C, H, W] beside those that were drawn for their captions: only the pictures differ."""
        sentences, drawn = self.drawn.pop(0)
        wrong, differs = self.reader.wrong(batch.captions)
        if self.logistic:  # batch norm would tell a mixed batch from a pure one
            of_real = self.judge(self.augment(images), sentences, wrong)
            of_drawn = self.judge(self.augment(drawn), sentences)
        else:
            both = self.augment(torch.cat([images, drawn]))
            of_real, of_drawn = self.judge(both, sentences.repeat(2, 1), wrong.repeat(2, 1)).chunk(2)
        real, mismatched, fake = of_real[:, :1], of_real[:, 1:2], of_drawn[:, :1]
        loss = self.errors(real).mean() + self.errors(-fake).mean() + self.hp.mismatch * (self.errors(-mismatched) * differs).mean()
        if self.discriminator.alone is not None:
            loss = loss + self.errors(of_real[:, -1:]).mean() + self.errors(-of_drawn[:, -1:]).mean()
        losses = {"loss": loss}
        for name, logits in {"real": real.detach(), "mismatched": mismatched.detach(), "fake": fake.detach()}.items():
            losses[f"{name}_logit"] = logits.mean()
            losses[f"{name}_score"] = logits.sigmoid().mean()
            losses[f"{name}_sign"] = logits.sign().mean()  # 1: all are taken for real, -1: for generated
        return losses

    def augment(self, images: Tensor) -> Tensor:
        return diff_augment(images, self.hp.augment)

    def errors(self, logits: Tensor) -> Tensor:
        """How far logits [N, 1] are from saying yes, and being sure enough of it."""
        return softplus(-logits) if self.logistic else relu(self.hp.hinge_margin - logits)

    def persuasion(self, logits: Tensor) -> Tensor:
        """What the generator wants small, of each logit."""
        return softplus(-logits) if self.logistic else -logits

    def judge(self, images: Tensor, *sentences: Tensor) -> Tensor:
        """Logits [N, sentences], and [N, 1] more of the image alone where there is a head for it, in float32 whatever it computes in."""
        logits: Tensor = self.discriminator(images, *sentences)
        return logits.float()
