"""What style mixing and the path length penalty do to a StyleGAN: figures that belong to its page in the docs.

mix   A picture of mixed styles. The top row and the left column are images of single styles, drawn without truncation. In the upper
      block each other image has the coarse styles (layers of 4 and 8 px, or up to --coarse) of its column and the rest of its row, in
      the lower block the fine styles of its column. Where layers do what the paper says, the upper block shows the columns' things in the
      rows' colours, and the lower block the other way round.

    python benchmarks/stylegan.py mix models_store/versions/emoji-styles/1 --out mixing.png [--coarse 8] [--rows 1 2 3] [--columns 4 5 6]

ppl   Path length (lite0) in w of versions, side by side, with the standard error: lower is smoother. Noise is the constant one. Two that
      differ in nothing but path_length_weight tell what the penalty does:

    atelier train stylegan --dataset emoji --model smooth --set path_length_weight=2
    atelier train stylegan --dataset emoji --model plain --set path_length_weight=0
    python benchmarks/stylegan.py ppl VERSION VERSION [--samples 2000]
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

import torch
from PIL import Image
from torch import Tensor

from atelier.metrics.features import lite0
from atelier.metrics.ppl import path_length
from atelier.models import artifact
from atelier.models.base import ConditionalGenerator, Generator, latents
from atelier.models.stylegan import StyleGenerator

CPU = torch.device("cpu")


def load(folder: Path) -> StyleGenerator:
    _, generator = artifact.load(folder, CPU)
    assert isinstance(generator, StyleGenerator), f"{folder} holds no StyleGAN"
    return generator


def styles(generator: Generator, seeds: Sequence[int]) -> Tensor:
    """w [N, L, style_dim]; conditions are as in the data."""
    assert isinstance(generator, StyleGenerator)
    return generator.styles(*generator.inputs(seeds))


def mixed(generator: StyleGenerator, rows: Sequence[int], columns: Sequence[int], layers: slice) -> Tensor:
    """Images [R + 1, C + 1, ...]: the sources along the top and the left; within, the rows' images, but these layers of the columns."""
    w_rows, w_columns = styles(generator, rows), styles(generator, columns)
    w = w_rows[:, None].repeat(1, len(columns), 1, 1)  # [R, C, L, style_dim]
    w[:, :, layers] = w_columns[None, :, layers]
    inside = generator.synthesis(w.flatten(0, 1)).unflatten(0, (len(rows), len(columns)))
    top, left = generator.synthesis(w_columns), generator.synthesis(w_rows)
    corner = torch.ones_like(top[:1])
    return torch.cat([torch.cat([corner, top])[None], torch.cat([left[:, None], inside], dim=1)])


@torch.inference_mode()
def mix(folder: Path, out: Path, coarse: int, rows: Sequence[int], columns: Sequence[int]) -> None:
    generator = load(folder)
    first_fine = 2 * (coarse.bit_length() - 2) - 1  # layers: 4, 8, 8, 16, 16, …
    blocks = [mixed(generator, rows, columns, layers) for layers in (slice(0, first_fine), slice(first_fine, None))]
    gap = torch.ones_like(blocks[0][:1, :, :, : blocks[0].shape[3] // 4])
    parts = [part.permute(0, 3, 1, 4, 2).flatten(0, 1).flatten(1, 2) for part in (blocks[0], gap, blocks[1])]  # each [H', W', C]
    pixels = ((torch.cat(parts) + 1) * 127.5).round().to(torch.uint8)
    image = Image.fromarray(pixels.squeeze(2).contiguous().numpy())
    image.resize((2 * image.width, 2 * image.height), Image.Resampling.NEAREST).save(out)
    print(out)


@torch.inference_mode()
def compare(folders: Sequence[Path], samples: int) -> None:
    network = lite0(CPU)
    for folder in folders:
        generator = load(folder)
        starts = styles(generator, range(samples))
        # A step towards another image of the same condition.
        z, *conditions = latents(range(samples, 2 * samples), generator.latent_dim), *generator.inputs(range(samples))[1:]
        found = path_length(generator.synthesis, network, starts, generator.styles(z, *conditions))
        asked = " of conditions as in the data" if isinstance(generator, ConditionalGenerator) else ""
        print(f"{folder}: PPL (lite0) in w {found.value:.3f} ± {found.error:.3f}, {found.samples:,} pairs{asked}, ε = {found.epsilon}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    one = commands.add_parser("mix")
    one.add_argument("version", type=Path)
    one.add_argument("--out", type=Path, required=True)
    one.add_argument("--coarse", type=int, default=8, choices=[4, 8, 16, 32, 64, 128], help="largest layers that count as coarse")
    one.add_argument("--rows", type=int, nargs="+", default=list(range(1, 7)), help="seeds")
    one.add_argument("--columns", type=int, nargs="+", default=list(range(11, 20)), help="seeds")
    several = commands.add_parser("ppl")
    several.add_argument("versions", type=Path, nargs="+")
    several.add_argument("--samples", type=int, default=2000)
    args = parser.parse_args()
    if args.command == "mix":
        mix(args.version, args.out, args.coarse, args.rows, args.columns)
    else:
        compare(args.versions, args.samples)


if __name__ == "__main__":
    main()
