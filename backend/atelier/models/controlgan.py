"""Controllable GAN: "Controllable Generative Adversarial Network" (arXiv 1708.00598)."""

from collections.abc import Iterable
from typing import ClassVar, Literal

import torch
from pydantic import Field
from torch import Tensor, distributed, nn
from torch.nn.functional import binary_cross_entropy_with_logits, cross_entropy, relu

from atelier.models.augment import AdaptiveAugment, Augmentation, cut_out, diff_augment, translate
from atelier.models.base import (
    Batch,
    ConditionalGenerator,
    Conditioning,
    GenerativeModel,
    Hyperparameters,
    ImageSpec,
    Losses,
    Phase,
    Presets,
    Stage,
    architecture,
    conditions_of,
)
from atelier.models.layers import ConditionalBatchNorm2d, Placing, Upsampling, dcgan_init, double, spectral_norm

SHARPNESS = 2.0  # logit that says of an attribute: fully there


class ControlGANHyperparameters(Hyperparameters):
    """Hyper-parameters of the controllable GAN."""

    conditions: Literal["class", "attributes"] = "class"
    """What pictures can be asked for by: their class, or each attribute of theirs, with an intensity from -1 to 2."""
    variant: Literal["sn-hinge", "wgan-gp"] = "sn-hinge"
    """Discriminator and loss: spectral norm with the hinge loss, or the paper's critic with a gradient penalty."""
    latent_dim: int = Field(100, ge=2, le=1024)
    """Length of the latent vector z."""
    upsampling: Upsampling = "transposed"
    """How the generator doubles the size: the paper's transposed convolution, or pixels repeated and convolved, free of checkerboards."""
    generator_width: int = Field(48, ge=4, le=256)
    """Channels of the generator's last hidden layer; each layer before it has twice as many."""
    discriminator_width: int = Field(32, ge=4, le=256)
    """Channels of the discriminator's first layer; each layer after it has twice as many."""
    classifier_width: int = Field(16, ge=4, le=256)
    """Channels of the classifier's first layer; each layer after it has twice as many."""
    classifier_steps: int = Field(1500, ge=1, le=1_000_000)
    """Steps of the first stage, in which the classifier learns from real pictures; the generator's own follow."""
    classifier_learning_rate: float = Field(2e-3, gt=0, le=0.1)
    """Adam's learning rate for the classifier, whose momenta are Adam's own."""
    classifier_augment: Literal["none", "translation", "cutout", "translation, cutout"] = "translation"
    """Random changes to all that the classifier sees, so that it learns what to look for and not the pictures by heart."""
    classifier_noise: float = Field(0.2, ge=0, le=2)
    """Standard deviation of the noise on all that the classifier sees, so that no pattern of faint pixels can please it."""
    gamma_rate: float = Field(1e-3, ge=0, le=1)
    """How fast gamma, the weight of the classifier's word, follows what is missing: at most by this much a step."""
    gamma_max: float = Field(2.0, ge=0, le=1000)
    """Largest gamma: more obeys the condition, less looks more like the data."""
    equilibrium: float = Field(1.0, ge=0, le=100)
    """The error on drawn pictures at which gamma stays as it is, as a multiple of that on real ones."""
    soft_share: float = Field(0.25, ge=0, le=0.9)
    """Share of drawn pictures whose condition is a soft one: a mixture of two classes, or one attribute at any intensity."""
    soft_reach: float = Field(1.0, ge=0, le=10)
    """How far below 0 and above 1 the intensity of an attribute may be in these; used by attributes alone."""
    generator_learning_rate: float = Field(2e-4, gt=0, le=0.1)
    """Adam's learning rate for the generator."""
    discriminator_learning_rate: float = Field(4e-4, gt=0, le=0.1)
    """Adam's learning rate for the discriminator."""
    adam_beta1: float = Field(0.5, ge=0, lt=1)
    """Adam's first momentum, for generator and discriminator."""
    adam_beta2: float = Field(0.999, ge=0, lt=1)
    """Adam's second momentum, for generator and discriminator."""
    hinge_margin: float = Field(0.25, gt=0, le=10)
    """Logit beyond which the discriminator is sure enough of an image; used by the variant sn-hinge alone."""
    gradient_penalty: float = Field(10.0, ge=0, le=1000)
    """Weight of the gradient penalty; used by the variant wgan-gp alone."""
    augment: Augmentation = "translation"
    """Random changes to all that the discriminator sees, so that it can't learn a small data set by heart; ada doses them itself."""
    ada_target: float = Field(0.6, ge=-1, le=1)
    """Share of real images taken for real, less that taken for generated, which ada aims at; used by the augmentation ada alone."""


class ControlGANGenerator(ConditionalGenerator):
    """z [N, latent_dim], condition [N, K] → images [N, C, H, W] in [-1, 1], through 4x4 and then twice the size a layer."""

    def __init__(self, hp: ControlGANHyperparameters, spec: ImageSpec) -> None:
        super().__init__(spec.num_classes if hp.conditions == "class" else spec.num_attributes)
        self.latent_dim = hp.latent_dim
        doublings = spec.resolution.bit_length() - 3  # 4 · 2^doublings = resolution
        widths = [hp.generator_width * 2**i for i in reversed(range(doublings))]
        self.first = nn.Linear(hp.latent_dim, widths[0] * 16, bias=False)
        # A class says nothing of places, and beside it, z would soon be ignored.
        self.place = Placing(self.condition_dim, widths[0]) if hp.conditions == "attributes" else None
        self.norms = nn.ModuleList(ConditionalBatchNorm2d(width, self.condition_dim) for width in widths)
        self.doublings = nn.ModuleList(
            nn.Sequential(*double(hp.upsampling, width, following, bias=last))
            for width, following, last in zip(widths, [*widths[1:], spec.channels], [False] * (doublings - 1) + [True], strict=True)
        )
        self.apply(dcgan_init)
        if self.place is not None:
            self.place.begin()

    def forward(self, z: Tensor, condition: Tensor) -> Tensor:
        condition = self.standardised(condition)
        first, *norms = self.norms
        x: Tensor = first(self.first(z).unflatten(1, (-1, 4, 4)), condition)
        if self.place is not None:
            x = x + self.place(condition)
        for doubling, norm in zip(self.doublings, norms, strict=False):
            x = norm(doubling(relu(x)), condition)
        images: Tensor = self.doublings[-1](relu(x))
        return images.tanh()


def probabilities(values: Tensor) -> Tensor:
    """What a classifier should say of attributes with such values.

    The logit is affine in the value: it goes on beyond 0 and 1, and every value has its own.
    """
    logits = SHARPNESS * (2 * values - 1)
    return logits.sigmoid()


def entropy(p: Tensor) -> Tensor:
    """Of an attribute that is there with probability p, in nats."""
    nats: Tensor = torch.special.entr(p) + torch.special.entr(1 - p)
    return nats


class Discriminator(nn.Module):
    """Images [N, C, H, W] → logits [N, 1], whatever they show: half the size a layer down to 4x4, then one linear map."""

    def __init__(self, hp: ControlGANHyperparameters, spec: ImageSpec) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        channels, width = spec.channels, hp.discriminator_width
        for _ in range(spec.resolution.bit_length() - 3):
            layers += [nn.Conv2d(channels, width, 4, 2, 1), nn.LeakyReLU(0.2, inplace=True)]
            channels, width = width, 2 * width
        self.layers = nn.Sequential(*layers, nn.Flatten(), nn.Linear(channels * 16, 1))
        self.apply(dcgan_init)
        if hp.variant == "sn-hinge":
            for layer in self.layers:
                if isinstance(layer, nn.Conv2d | nn.Linear):
                    spectral_norm(layer)

    def forward(self, images: Tensor) -> Tensor:
        logits: Tensor = self.layers(images)
        return logits


class Classifier(nn.Module):
    """Images [N, C, H, W] → what they show [N, K], a logit for each class or attribute: half the size a layer down to 4x4."""

    def __init__(self, hp: ControlGANHyperparameters, spec: ImageSpec) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        channels, width = spec.channels, hp.classifier_width
        for pooled in [True] * (spec.resolution.bit_length() - 3) + [False]:
            layers += [nn.Conv2d(channels, width, 3, 1, 1, bias=False), nn.BatchNorm2d(width), nn.LeakyReLU(0.2, inplace=True)]
            layers += [nn.MaxPool2d(2)] if pooled else []
            channels, width = width, min(2 * width, 4 * hp.classifier_width)
        outputs = spec.num_classes if hp.conditions == "class" else spec.num_attributes
        self.layers = nn.Sequential(*layers, nn.Flatten(), nn.Linear(channels * 16, outputs))

    def forward(self, images: Tensor) -> Tensor:
        outputs: Tensor = self.layers(images)
        return outputs


@architecture("controlgan")
class ControlGAN(GenerativeModel):
    """A classifier that has seen real pictures alone tells the generator how well it obeys; a discriminator, how real it draws.

    Deviations from the paper: the classifier learns in a stage before the game, with batch norm and noise; each attribute has a
    gamma, which follows by shares; some conditions in training are soft ones, with a bounded error also beyond 0 and 1; attributes
    also come in after the first norm; generator and discriminator are DCGAN's, by default with spectral norm and the hinge loss.
    """

    title = "Controllable GAN"
    paper = "https://arxiv.org/abs/1708.00598"
    paper_title = "Lee, Seok 2017: Controllable Generative Adversarial Network"
    conditioning: ClassVar[Conditioning] = "class"
    Hyperparameters = ControlGANHyperparameters
    presets: ClassVar[Presets] = {
        "debug": {
            "resolution": 16,
            "steps": 80,
            "classifier_steps": 40,
            "batch_size": 16,
            "generator_width": 16,
            "discriminator_width": 8,
            "classifier_width": 16,
            "generator_learning_rate": 2e-3,
            "discriminator_learning_rate": 2e-3,
            "gamma_rate": 0.02,
        },
        "quick": {
            "steps": 9000,
            "classifier_steps": 1000,
            "batch_size": 32,
            "generator_learning_rate": 5e-4,
            "discriminator_learning_rate": 5e-4,
            "gamma_rate": 1e-4,
            "gamma_max": 0.02,
            "equilibrium": 2.5,
            "soft_share": 0.0,
        },
        "attributes": {
            "conditions": "attributes",
            "upsampling": "nearest",
            "steps": 24_000,
            "classifier_steps": 2500,
            "batch_size": 32,
            "classifier_width": 32,
            "classifier_noise": 0.05,
            "generator_learning_rate": 5e-4,
            "discriminator_learning_rate": 5e-4,
            "schedule": "linear",
            "gamma_rate": 3e-4,
            "soft_share": 0.5,
        },
        "paper": {
            "variant": "wgan-gp",
            "resolution": 32,
            "steps": 100_000,
            "classifier_steps": 20_000,
            "batch_size": 64,
            "generator_width": 64,
            "discriminator_width": 64,
            "classifier_width": 64,
            "generator_learning_rate": 2e-4,
            "discriminator_learning_rate": 8e-4,
            "classifier_augment": "translation",
            "adam_beta1": 0.0,
            "adam_beta2": 0.9,
            "schedule": "linear",
            "augment": "none",
            "soft_share": 0.0,
        },
    }

    generator: ControlGANGenerator
    gamma: Tensor

    def __init__(self, hp: ControlGANHyperparameters, spec: ImageSpec) -> None:
        super().__init__(hp, spec)
        self.hp = hp
        self.generator = ControlGANGenerator(hp, spec)
        self.discriminator = Discriminator(hp, spec)
        self.classifier = Classifier(hp, spec)
        self.register_buffer("gamma", torch.zeros(1 if hp.conditions == "class" else spec.num_attributes))
        # The paper of ADA looks every four batches whether to augment more or less.
        self.ada = AdaptiveAugment(target=hp.ada_target, interval=4 * hp.batch_size) if hp.augment == "ada" else None
        self.drawn: list[Tensor] = []  # what the generator drew and the discriminator has not seen yet, in order, each [N, C, H, W]

    def stages(self) -> Iterable[Stage]:
        betas = self.hp.adam_beta1, self.hp.adam_beta2
        c_opt = torch.optim.Adam(self.classifier.parameters(), self.hp.classifier_learning_rate, fused=True)
        g_opt = torch.optim.Adam(self.generator.parameters(), self.hp.generator_learning_rate, betas, fused=True)
        d_opt = torch.optim.Adam(self.discriminator.parameters(), self.hp.discriminator_learning_rate, betas, fused=True)
        classifier = Phase(name="classifier", module=self.classifier, optimizer=c_opt, losses=self.classifier_losses)
        yield Stage(name="classifier", steps=self.hp.classifier_steps, phases=[classifier], held_out=self.classifier_on_held_out)
        # The generator goes first: its drawings then serve the discriminator as well, which saves drawing twice.
        generator = Phase(name="generator", module=self.generator, optimizer=g_opt, losses=self.generator_losses)
        discriminator = Phase(name="discriminator", module=self.discriminator, optimizer=d_opt, losses=self.discriminator_losses)
        yield Stage(name="train", steps=self.hp.steps, phases=[generator, discriminator])

    # ------------------------------------------------------------------------------------------------------------ classifier

    def classifier_losses(self, batch: Batch) -> Losses:
        self.classifier.train()
        return {"loss": self.errors(self.classify(batch.images), self.asked(batch)).mean(dim=0).sum()}

    def classifier_on_held_out(self, batch: Batch) -> Losses:
        outputs, conditions = self.classifier(batch.images).float(), self.asked(batch)
        if self.hp.conditions == "class":
            right = outputs.argmax(dim=1) == batch.labels
        else:
            on_or_off = ((conditions == 0) | (conditions == 1)).all(dim=0)
            right = ((outputs > 0) == (conditions > 0.5))[:, on_or_off]
        losses = {"loss": self.errors(outputs, conditions).mean(dim=0).sum()}
        return losses | ({"accuracy": right.float().mean()} if right.numel() else {})

    def classify(self, images: Tensor) -> Tensor:
        """What the classifier says of images [N, C, H, W] that are changed as those it learned from: float32 [N, K]."""
        if "translation" in self.hp.classifier_augment:
            images = translate(images)
        if "cutout" in self.hp.classifier_augment:
            images = cut_out(images)
        outputs: Tensor = self.classifier(images + self.hp.classifier_noise * torch.randn_like(images))
        return outputs.float()

    def errors(self, outputs: Tensor, conditions: Tensor) -> Tensor:
        """How far what the classifier says [N, K] is from conditions [N, K]: nats [N, 1] for classes; for attributes, [N, K].

        Of an attribute, 1 is what somebody would get on average who knows how common it is and nothing of the picture.
        """
        if self.hp.conditions == "class":
            return cross_entropy(outputs, conditions, reduction="none")[:, None]
        wanted = probabilities(conditions)
        typical = probabilities(self.generator.typical)
        unknowing = entropy(typical.mean(dim=0)) - entropy(typical).mean(dim=0)  # [K]
        # Without that measure, a place near the middle would have a fifth of the weight of a colour.
        divergence = binary_cross_entropy_with_logits(outputs, wanted, reduction="none") - entropy(wanted)
        return divergence / unknowing.clamp_min(0.005)

    def asked(self, batch: Batch) -> Tensor:
        """The conditions of real pictures, [N, K]."""
        return conditions_of(batch.labels, batch.attributes, self.hp.conditions, self.spec)

    def soften(self, conditions: Tensor) -> Tensor:
        """Others in place of conditions [N, K]: mixtures of two classes, or each with one attribute at any intensity."""
        n, k = conditions.shape
        weights = torch.rand(n, 1, device=conditions.device)
        if self.hp.conditions == "class":
            return torch.lerp(conditions, conditions.roll(1, dims=0), weights)
        intensities = (1 + 2 * self.hp.soft_reach) * weights - self.hp.soft_reach
        chosen = torch.randint(k, (n,), device=conditions.device)
        excluded = (self.generator.excludes[chosen] > 0) & (intensities > 0)  # as when somebody asks for it
        return conditions.masked_fill(excluded, 0).scatter(1, chosen[:, None], intensities)

    # ------------------------------------------------------------------------------------------------------------------ game

    def generator_losses(self, batch: Batch) -> Losses:
        self.classifier.eval()  # or what it says of one picture would depend on the others, and its statistics on drawn ones
        conditions = self.asked(batch)
        with torch.no_grad():
            real = self.errors(self.classify(batch.images), conditions).mean(dim=0)  # [1] or [K]
        soft = int(self.hp.soft_share * len(conditions))
        conditions = torch.cat([self.soften(conditions[:soft]), conditions[soft:]])
        images = self.generator(torch.randn(len(conditions), self.hp.latent_dim, device=conditions.device), conditions)
        self.drawn.append(images.detach())
        errors = self.errors(self.classify(images), conditions)
        loss = (self.gamma * errors).sum(dim=1).mean() - self.judge(self.augment(images)).mean()
        fake = errors[soft:].detach().mean(dim=0)  # real pictures have no soft conditions to compare them with
        gamma = self.gamma.mean()
        self.follow(real, fake)
        return {"loss": loss, "gamma": gamma, "classification_real": real.sum(), "classification_fake": fake.sum()}

    @torch.no_grad()
    def follow(self, real: Tensor, fake: Tensor) -> None:
        """Let gamma grow where drawn pictures show less of what was asked for than real ones, and shrink where they show more."""
        errors = torch.stack([fake, self.hp.equilibrium * real])
        if distributed.is_initialized():  # several processes see a share of the batch each: one gamma from all of them
            distributed.all_reduce(errors)  # sums have the same shares as means
        drawn, aimed = errors
        # As a share of both: in nats, what early drawings lack drives gamma up far faster than late ones' excess can bring it down.
        missing = (drawn - aimed) / (drawn + aimed).clamp_min(1e-8)
        # Not in place: the loss that was just computed needs the old one for its gradient.
        self.gamma = (self.gamma + self.hp.gamma_rate / self.hp.accumulate * missing).clamp(0, self.hp.gamma_max)

    def discriminator_losses(self, batch: Batch) -> Losses:
        images = self.augment(torch.cat([batch.images, self.drawn.pop(0)]))
        real_logits, fake_logits = self.judge(images).chunk(2)
        middle = torch.zeros((), device=images.device)
        if self.hp.variant == "sn-hinge":
            loss = relu(self.hp.hinge_margin - real_logits).mean() + relu(self.hp.hinge_margin + fake_logits).mean()
        else:
            loss = fake_logits.mean() - real_logits.mean() + self.hp.gradient_penalty * self.penalty(*images.chunk(2))
            middle = (real_logits + fake_logits).detach().mean() / 2  # a critic's zero means nothing
        losses = {"loss": loss}
        for name, logits in {"real": real_logits.detach() - middle, "fake": fake_logits.detach() - middle}.items():
            losses[f"{name}_logit"] = logits.mean()
            losses[f"{name}_score"] = logits.sigmoid().mean()
            losses[f"{name}_sign"] = logits.sign().mean()  # 1: all are taken for real, -1: for generated
        if self.ada is not None:
            self.ada.observe(real_logits - middle)
            losses["augment_p"] = self.ada.p.clone()
        return losses

    def penalty(self, real: Tensor, fake: Tensor) -> Tensor:
        """How far the critic's slope between real and drawn images is from one; Gulrajani et al. 2017 (arXiv 1704.00028), eq. 3."""
        images = torch.lerp(real, fake, torch.rand(len(real), 1, 1, 1, device=real.device)).detach().requires_grad_()
        with torch.autocast(images.device.type, enabled=False):  # a squared gradient needs float32
            # forward(), because a compiled network can't be differentiated twice
            (gradient,) = torch.autograd.grad(self.discriminator.forward(images).sum(), images, create_graph=True)
            penalty: Tensor = (gradient.flatten(1).norm(dim=1) - 1).square().mean()
        return penalty

    def augment(self, images: Tensor) -> Tensor:
        if self.hp.augment == "ada":
            assert self.ada is not None
            augmented: Tensor = self.ada(images)
            return augmented
        return diff_augment(images, self.hp.augment)

    def judge(self, images: Tensor) -> Tensor:
        """Logits [N, 1], in float32 whatever the discriminator computes in, so that the losses are."""
        logits: Tensor = self.discriminator(images)
        return logits.float()
