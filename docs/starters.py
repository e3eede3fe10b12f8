"""Makes the starter versions that come with Atelier: trains each by its own commands, and packs what it takes to draw.

A packed version keeps its weights in half precision and leaves the networks out that only train on; a VAE keeps its encoder, and what
draws from text the captions that it learned from.

    python docs/starters.py NAME …          trains in a store of its own under --work, then packs
    python docs/starters.py NAME … --pack   packs what was trained before
"""

import argparse
import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import torch

from atelier.models import artifact
from atelier.text import memory

ROOT = Path(__file__).parents[1]
STARTERS: dict[str, tuple[str, ...]] = {  # one run after the other, where there are several
    "digits-dcgan": ("dcgan --dataset digits --preset quick",),
    "digits-cgan": ("cgan --dataset digits --preset quick",),
    "digits-controlgan": ("controlgan --dataset digits --preset quick",),
    "digits-stylegan": (
        "stylegan --dataset digits --preset quick --set steps=14000 --set batch_size=16 --set style_mixing=0.5 --set r1_gamma=0.1"
        " --set schedule=linear",
    ),
    "digits-vae": ("vae --dataset digits --preset quick",),
    "emoji-text-dcgan": (
        "text_dcgan --dataset emoji --preset quick --set flip=false --set steps=8000 --set generator_learning_rate=0.001"
        " --set word_weight=3 --set matching_weight=2 --set reconstruction_weight=150 --set recolour=0.4",
    ),
    "emoji-stackgan": (
        "stackgan --dataset emoji --preset quick --set steps=4000 --set steps_stage2=1200 --set ema_images=10000"
        " --set generator_learning_rate=0.001 --set matching_weight=1.5 --set word_weight=3 --set reconstruction_weight=150",
        "stackgan --dataset emoji --preset quick --start-from emoji-stackgan@1 --set first_stage=2 --set flip=false"
        " --set steps_stage2=2500 --set ema_images=10000 --set generator_learning_rate=0.001 --set matching_weight=1.5"
        " --set word_weight=3 --set reconstruction_weight=150 --set restoration_weight=100",
    ),
    "shapes-stackgan": (
        "stackgan --dataset shapes --data hold_out=pairs --preset quick --set steps=8000 --set steps_stage2=3000 --set ema_images=10000",
        "stackgan --dataset shapes --data hold_out=pairs --preset quick --start-from shapes-stackgan@1 --set first_stage=2"
        " --set augment=none --set steps_stage2=1500 --set ema_images=10000 --set generator_learning_rate=0.001"
        " --set restoration_weight=100",
    ),
}
KEEP_NETWORKS = ("vae",)  # encode as well as they draw


def train(name: str, store: Path) -> None:
    for options in STARTERS[name]:
        command = [sys.executable, "-m", "atelier", "train", *shlex.split(options), "--model", name]
        subprocess.run(command, env={**os.environ, "ATELIER_STORE_DIR": str(store)}, check=True)


def pack(name: str, store: Path) -> Path:
    """The newest version of that name, from the store to where starters lie."""
    source = max((store / "versions" / name).iterdir(), key=lambda folder: int(folder.name[1:]))
    target = ROOT / "models_store" / "versions" / name / "v1"
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir(parents=True)
    manifest, generator = artifact.load(source, torch.device("cpu"))
    model = artifact.load_model(source, torch.device("cpu"))[1] if manifest.architecture in KEEP_NETWORKS else None
    training = manifest.training.model_copy(update={"job": None, "start_from": None})  # neither comes along
    manifest = manifest.model_copy(update={"starter": True, "training": training})
    artifact.save(target, generator, manifest, model, dtype=torch.float16)
    for file in (artifact.SAMPLES, memory.CAPTIONS, memory.SENTENCES):
        if (source / file).exists():
            shutil.copy(source / file, target)
    return target


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="+", choices=STARTERS)
    parser.add_argument("--work", type=Path, default=ROOT / "build" / "starters", help="the store to train in")
    parser.add_argument("--pack", action="store_true", help="pack what was trained before")
    options = parser.parse_args()
    for name in options.names:
        if not options.pack:
            train(name, options.work)
        folder = pack(name, options.work)
        size = sum(file.stat().st_size for file in folder.iterdir())
        print(f"{name}: {size / 1e6:.1f} MB, by:")
        for run in STARTERS[name]:
            print(f"    atelier train {run} --model {name}")


if __name__ == "__main__":
    main()
