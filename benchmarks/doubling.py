"""What doubling by one transposed convolution costs, against pixels that are repeated and then convolved, as torch's tutorials do.

Forward and backward of `DoublingConv2d` while it trains and of the same layer as it draws, at the sizes of a generator of 32 px and of
64 px; they take turns, medians of processor time. Above 1, ours is faster. The pictures are the same (tests/models/test_layers.py).

    python benchmarks/doubling.py [--rounds 10] [--batch 32]
"""

import argparse
import os
import statistics
import time

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

import torch

from atelier.models.layers import DoublingConv2d

SIZES = ((192, 96, 4), (96, 48, 8), (48, 3, 16), (48, 3, 32))  # channels, channels after it, side


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--batch", type=int, default=32)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    for channels, out_channels, side in SIZES:
        layer = DoublingConv2d(channels, out_channels, 3, 1, 1)
        x = torch.randn(arguments.batch, channels, side, side, requires_grad=True)
        times: dict[bool, list[float]] = {True: [], False: []}
        for _ in range(arguments.rounds):
            for training, seen in times.items():
                begun = time.process_time()
                layer.train(training)(x).sum().backward()
                seen.append(1e3 * (time.process_time() - begun))
        ours, plain = statistics.median(times[True]), statistics.median(times[False])
        what = f"{channels} to {out_channels} channels, {side} to {2 * side} px"
        print(f"{what}: {plain:.1f} ms, ours {ours:.1f} ms, ratio {plain / ours:.2f}")


if __name__ == "__main__":
    main()
