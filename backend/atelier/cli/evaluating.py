"""`atelier evaluate` and `atelier statistics`."""

import shutil
from pathlib import Path
from typing import Annotated, Any

import typer

from atelier.cli.common import Json, follow, open_database, pairs, print_json, print_table, say
from atelier.settings import Settings

statistics = typer.Typer(help="Features of real sets, which are looked at once and kept.", no_args_is_help=True)


def evaluate(
    model: Annotated[
        str | None, typer.Argument(metavar="MODEL[@N]", help="A model, and which of its versions; the latest without @N.")
    ] = None,
    metric: Annotated[list[str] | None, typer.Option(help="fid, kid, ppl …; repeatable. [default: fid, kid, precision, recall]")] = None,
    samples: Annotated[int, typer.Option(min=2, help="Pictures to draw, or to look at.")] = 5000,
    real_samples: Annotated[int, typer.Option(min=2, help="Real pictures to compare with, at most.")] = 5000,
    network: Annotated[str, typer.Option(help="lite0, which is always there, or inception for an FID.")] = "lite0",
    seed: Annotated[int, typer.Option(min=0, max=2000, help="Another seed draws other pictures.")] = 0,
    truncation_psi: Annotated[float | None, typer.Option(help="For versions that take it: below 1 better, more alike.")] = None,
    split: Annotated[str | None, typer.Option(help="train, val, test or all: the part of the real set.")] = None,
    pictures: Annotated[str | None, typer.Option(metavar="FOLDER|DATASET", help="Measure these pictures in place of a version's.")] = None,
    real: Annotated[str | None, typer.Option(metavar="FOLDER|DATASET", help="Compare with these pictures.")] = None,
    data: Annotated[list[str] | None, typer.Option(metavar="KEY=VALUE", help="An option of the real data set; repeatable.")] = None,
    file: Annotated[Path | None, typer.Option("--statistics", help="Compare with a .npz of pytorch-fid's, for fid alone.")] = None,
    as_json: Json = False,
) -> None:
    """Measure how good a version's pictures are, or those of a folder, with no server; Ctrl+C cancels, and what is found by then stays."""
    from atelier.datasets.catalog import Catalog
    from atelier.errors import Invalid
    from atelier.jobs.evaluations import submit_evaluation
    from atelier.jobs.specs import EvaluateSpec, Evaluation
    from atelier.registry.store import Store

    if real is not None and file is not None:
        raise Invalid.at("/statistics", "give either real pictures or a file of statistics")
    settings = Settings()
    store = Store(settings.store_dir)
    name, _, number = (model or "").partition("@")
    asked: dict[str, Any] = {
        "model": name or None,
        "version": number or "latest",
        "metrics": metric or Evaluation().metrics,
        "num_samples": samples,
        "num_real": real_samples,
        "network": network,
        "seed": seed,
        "truncation_psi": truncation_psi,
    }
    parts = {} if split is None else {"split": split}
    if pictures is not None:
        asked["generated"] = _set(pictures)
    if real is not None:
        asked["real"] = _set(real, pairs("--data", data)) | parts
    elif file is not None:
        asked["real"] = {"statistics": str(file.resolve())}
    else:
        asked |= parts
    database = open_database()
    with database.write() as session:
        job = submit_evaluation(session, EvaluateSpec.model_validate(asked), Catalog(store.sources), store)
    database.dispose()
    follow(settings, job, as_json)


def _set(said: str, options: dict[str, Any] | None = None) -> dict[str, Any]:
    """A folder where there is one of this name, else a data set."""
    if Path(said).is_dir():
        return {"folder": str(Path(said).resolve())}
    return {"dataset": said, "options": options or {}}


def print_scores(job: Any) -> None:
    """What an evaluation has found."""
    rows = []
    for score in job.spec["scores"]:
        error = "" if score["error"] is None else f"± {score['error']:.2g}"
        rows.append({"score": score["title"], "value": f"{score['value']:.5g}", "": error, "better": score["better"]})
    print_table(rows)


@statistics.command("list")
def list_statistics(as_json: Json = False) -> None:
    """Real sets whose features are kept."""
    from dataclasses import asdict

    from atelier.metrics.statistics import kept
    from atelier.registry.store import Store

    found = [asdict(real_set) | {"key": real_set.key} for real_set, _ in kept(Store(Settings().store_dir).statistics)]
    if as_json:
        print_json(found)
        return
    print_table([{"key": one["key"][:12]} | {name: one[name] for name in ("name", "split", "network", "num_images")} for one in found])


@statistics.command("export")
def export_statistics(
    key: Annotated[str, typer.Argument(help="How the set's key begins; `atelier statistics list` shows it.")],
    out: Annotated[Path, typer.Option(help="The file: a .npz as pytorch-fid reads and writes them, with mu, sigma and n.")],
) -> None:
    """Write mean and covariance of a real set's features into a file that pytorch-fid and others read."""
    from atelier.errors import Invalid
    from atelier.metrics.statistics import GAUSSIAN, kept
    from atelier.registry.store import Store

    found = [(real_set, path) for real_set, path in kept(Store(Settings().store_dir).statistics) if real_set.key.startswith(key)]
    if len(found) != 1:
        raise Invalid.at("/key", f"{len(found) or 'no'} sets have a key that begins with {key!r}; atelier statistics list shows them")
    if out.suffix != ".npz" or not out.resolve().parent.is_dir():
        raise Invalid.at("/out", f"{out}: end its name in .npz, in a folder that is there")
    (real_set, path) = found[0]
    shutil.copyfile(path / GAUSSIAN, out)
    say.print(f"{out}: {real_set.num_images} pictures of {real_set.name} ({real_set.split}) through {real_set.network}", markup=False)
