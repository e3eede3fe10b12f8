"""Images a second of Atelier's loop with everything on, against a plain PyTorch loop of the same networks.

The plain loop is the one of pytorch/examples (dcgan/main.py): a DataLoader, one fake batch for both networks, no average, no guard,
no previews, no checkpoints. Both train the same networks with the same losses and augmentation from the same weights; they take turns, so
that a noisy machine disturbs both alike. Prints the ratio of each round and their median: above 1, ours is faster.

    python benchmarks/training.py [--resolution 32] [--rounds 5] [--seconds 10]
"""

import argparse
import os
import statistics
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

import contextlib

import torch
from PIL import Image
from torch.nn.functional import relu
from torch.utils.data import DataLoader, TensorDataset

from atelier.datasets.cache import PreparedDataset, prepare
from atelier.datasets.catalog import open_dataset
from atelier.models.dcgan import DCGAN, DCGANHyperparameters
from atelier.models.devices import pick_device
from atelier.models.layers import diff_augment
from atelier.training import checkpoint
from atelier.training.loop import Tick, Training


def plain(hp: DCGANHyperparameters, data: PreparedDataset, device: torch.device, seconds: float) -> float:
    """The loop of pytorch/examples, with this architecture's networks and losses → images a second."""
    torch.manual_seed(0)
    model = DCGAN(hp, data.spec).to(device)
    generator, discriminator = model.generator, model.discriminator
    betas = hp.adam_beta1, hp.adam_beta2
    d_opt = torch.optim.Adam(discriminator.parameters(), hp.discriminator_learning_rate, betas)
    g_opt = torch.optim.Adam(generator.parameters(), hp.generator_learning_rate, betas)
    images = torch.from_numpy(data.images.copy()).permute(0, 3, 1, 2).float().div(127.5).sub(1).contiguous()
    loader = DataLoader(TensorDataset(images), hp.batch_size, shuffle=True, drop_last=True)

    def batches() -> Iterator[torch.Tensor]:
        while True:
            yield from (batch[0] for batch in loader)

    steps, start = 0, time.perf_counter()
    for real in batches():
        discriminator.zero_grad()
        loss_real = relu(hp.hinge_margin - discriminator(diff_augment(real.to(device), hp.augment))).mean()
        loss_real.backward()
        fake = generator(torch.randn(hp.batch_size, hp.latent_dim, device=device))
        loss_fake = relu(hp.hinge_margin + discriminator(diff_augment(fake.detach(), hp.augment))).mean()
        loss_fake.backward()
        d_opt.step()
        generator.zero_grad()
        loss = -discriminator(diff_augment(fake, hp.augment)).mean()
        loss.backward()
        g_opt.step()
        (loss_real + loss_fake).item(), loss.item()
        steps += 1
        if time.perf_counter() - start > seconds:
            break
    return steps * hp.batch_size / (time.perf_counter() - start)


def ours(hp: DCGANHyperparameters, data: PreparedDataset, device: torch.device, seconds: float) -> float:
    """The loop with flips, average, guard and metrics, reporting twice a second, a preview and a checkpoint every five."""
    torch.manual_seed(0)
    training = Training(DCGAN(hp, data.spec), data, hp, device=device, seed=0)
    start = saved = time.perf_counter()

    class Enough(Exception):
        pass

    with tempfile.TemporaryDirectory() as folder:

        def on_tick(tick: Tick) -> None:
            nonlocal saved
            if time.perf_counter() - saved > 5:
                Image.fromarray(training.preview().reshape(-1, data.spec.resolution, data.spec.channels).squeeze()).save(
                    Path(folder) / "preview.png"
                )
                checkpoint.save(Path(folder) / "checkpoint.pt", training.state_dict())
                saved = time.perf_counter()
            if time.perf_counter() - start > seconds:
                raise Enough

        with contextlib.suppress(Enough):
            training.run(on_tick)
        return training.images_seen / (time.perf_counter() - start)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--resolution", type=int, default=32)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=10)
    arguments = parser.parse_args()
    device = pick_device()
    with tempfile.TemporaryDirectory() as folder:
        data = prepare(open_dataset("shapes", {"count": 5000}), arguments.resolution, Path(folder))
        hp = DCGAN.Hyperparameters(resolution=arguments.resolution, steps=10**7)
        ratios = []
        for number in range(arguments.rounds):
            pair = [measure(hp, data, device, arguments.seconds) for measure in ((plain, ours) if number % 2 else (ours, plain))]
            slow, fast = pair if number % 2 else reversed(pair)
            ratios.append(fast / slow)
            print(f"round {number + 1}: plain {slow:6.0f} images/s, Atelier {fast:6.0f} images/s, ratio {ratios[-1]:.2f}", flush=True)
    print(f"median ratio {statistics.median(ratios):.2f} (DCGAN, {arguments.resolution} px, batch {hp.batch_size}, {device.type})")


if __name__ == "__main__":
    main()
