"""How good the pictures of published versions are, against the data that they were trained on; what the scores are stands in scores.py.

--psi measures a style generator at each truncation; --ppl the path length (lite0) too, in w, or in z where there is no w.

    python benchmarks/versions.py models_store/versions/cats/v1 … [--psi 0.5 0.7 1.0] [--ppl] [--folder PICTURES] [--out DIR]
"""

import argparse
import json
import os
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

import torch
from scores import COLUMNS, CPU, Reference, data_of, describe, grid, samples_of, table
from torch import Tensor, nn

from atelier.metrics.ppl import path_length
from atelier.models import artifact
from atelier.models.base import Generator, latents

PATHS = 2000


def path_of(generator: Generator, network: nn.Module, count: int) -> dict[str, float]:
    """Path length (lite0) in w, straight, or in z, on the sphere; conditions are as in the data, and the same at both ends."""
    first, *conditions = generator.inputs(range(count))
    second = latents(range(count, 2 * count), generator.latent_dim)
    if generator.style_dim:
        starts, ends = (torch.cat([styles(generator, *part) for part in batches(z, *conditions)]) for z in (first, second))
        found = path_length(generator.synthesis, network, starts, ends)  # type: ignore[arg-type]
    else:
        found = path_length(generator, network, first, second, *conditions, spherical=True)
    return {f"PPL in {'w' if generator.style_dim else 'z'}": found.value, "±": found.error}


@torch.no_grad()
def styles(generator: Generator, z: Tensor, *conditions: Tensor) -> Tensor:
    w: Tensor = generator.styles(z, *conditions)  # type: ignore[operator]
    return w


def batches(*tensors: Tensor, size: int = 64) -> Iterator[tuple[Tensor, ...]]:
    yield from zip(*(tensor.split(size) for tensor in tensors), strict=True)


def score_versions(folders: Sequence[Path], psis: Sequence[float], ppl: bool, pictures: Path | None, store: Path, out: Path | None) -> None:
    references: dict[str, Reference] = {}
    figures = {}
    for folder in folders:
        manifest, generator = artifact.load(folder, CPU)
        data = data_of(manifest, store, pictures)
        split = manifest.hyperparameters["split"]
        if data.fingerprint + split not in references:
            references[data.fingerprint + split] = Reference(data, split)
        reference = references[data.fingerprint + split]
        rows = {}
        for psi in psis if generator.style_dim else [None]:
            name, options = (
                (manifest.architecture, {}) if psi is None else (f"{manifest.architecture}, psi {psi:g}", {"truncation_psi": psi})
            )
            samples = samples_of(generator, **options)
            rows[name] = reference.score(samples)
            if out is not None:
                out.mkdir(parents=True, exist_ok=True)
                grid(samples, out / f"{'-'.join(folder.resolve().parts[-2:])}{'' if psi is None else f'-psi{psi:g}'}.png")
        if ppl:
            rows[name] |= path_of(generator, reference.network, PATHS)
        rows["real against real"] = reference.real()
        print(f"\n{folder}: {manifest.architecture} on {manifest.dataset.name}, {manifest.image.resolution} px")
        describe(reference)
        table(rows, [key for key in rows[name] if key not in COLUMNS])
        print(f"Recall: {rows[name]['recall'] / rows['real against real']['recall']:.2f} of that of real against real.", flush=True)
        figures[str(folder)] = {"conventions": reference.conventions(), "rows": rows}
    if out is not None:
        (out / "versions.json").write_text(json.dumps(figures, indent=1))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("versions", type=Path, nargs="+", metavar="VERSION", help="folders of published versions")
    parser.add_argument("--psi", type=float, nargs="+", default=[1.0], help="truncations of a style generator")
    parser.add_argument("--ppl", action="store_true", help="the path length as well")
    parser.add_argument("--folder", type=Path, help="the pictures, where the data set was brought from a folder")
    parser.add_argument("--out", type=Path, help="folder of grids and figures")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as store:
        score_versions(arguments.versions, arguments.psi, arguments.ppl, arguments.folder, Path(store), arguments.out)


if __name__ == "__main__":
    main()
