"""What each size of a StyleGAN's layers is responsible for, as a picture of mixed styles.

The top row and the left column are images of single styles, drawn without truncation. In the upper block each other image has the
coarse styles (layers of 4 and 8 px, or up to --coarse) of its column and the rest of its row, in the lower block the fine styles of
its column. Where layers do what the paper says, the upper block shows the columns' things in the rows' colours, and the lower block
the other way round.

    python benchmarks/mixing.py models_store/versions/emoji-styles/v1 --out mixing.png [--coarse 8] [--rows 1 2 3] [--columns 4 5 6]
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

import torch
from PIL import Image
from torch import Tensor

from atelier.models import artifact
from atelier.models.stylegan import StyleGenerator


def mixed(generator: StyleGenerator, rows: Sequence[int], columns: Sequence[int], layers: slice) -> Tensor:
    """Images [R + 1, C + 1, ...]: the sources along the top and the left; within, the rows' images, but these layers of the columns."""
    w_rows, w_columns = (generator.styles(*generator.inputs(seeds)) for seeds in (rows, columns))  # conditions are as in the data
    w = w_rows[:, None].repeat(1, len(columns), 1, 1)  # [R, C, L, style_dim]
    w[:, :, layers] = w_columns[None, :, layers]
    inside = generator.synthesis(w.flatten(0, 1)).unflatten(0, (len(rows), len(columns)))
    top, left = generator.synthesis(w_columns), generator.synthesis(w_rows)
    corner = torch.ones_like(top[:1])
    return torch.cat([torch.cat([corner, top])[None], torch.cat([left[:, None], inside], dim=1)])


@torch.inference_mode()
def mix(folder: Path, out: Path, coarse: int, rows: Sequence[int], columns: Sequence[int]) -> None:
    _, generator = artifact.load(folder, torch.device("cpu"))
    assert isinstance(generator, StyleGenerator), f"{folder} holds no StyleGAN"
    first_fine = 2 * (coarse.bit_length() - 2) - 1  # layers: 4, 8, 8, 16, 16, …
    blocks = [mixed(generator, rows, columns, layers) for layers in (slice(0, first_fine), slice(first_fine, None))]
    gap = torch.ones_like(blocks[0][:1, :, :, : blocks[0].shape[3] // 4])
    parts = [part.permute(0, 3, 1, 4, 2).flatten(0, 1).flatten(1, 2) for part in (blocks[0], gap, blocks[1])]  # each [H', W', C]
    pixels = ((torch.cat(parts) + 1) * 127.5).round().to(torch.uint8)
    image = Image.fromarray(pixels.squeeze(2).contiguous().numpy())
    image.resize((2 * image.width, 2 * image.height), Image.Resampling.NEAREST).save(out)
    print(out)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("version", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--coarse", type=int, default=8, choices=[4, 8, 16, 32, 64, 128], help="largest layers that count as coarse")
    parser.add_argument("--rows", type=int, nargs="+", default=list(range(1, 7)), help="seeds")
    parser.add_argument("--columns", type=int, nargs="+", default=list(range(11, 20)), help="seeds")
    arguments = parser.parse_args()
    mix(arguments.version, arguments.out, arguments.coarse, arguments.rows, arguments.columns)


if __name__ == "__main__":
    main()
