"""Two processes train as one: real ones, launched by torchrun, over gloo."""

import subprocess
import sys
from pathlib import Path

import pytest
import torch

pytestmark = pytest.mark.timeout(800)  # s: several starts of torch, which take half a minute each beside other work

TRAIN = """
import sys, torch
from atelier.datasets.cache import prepare
from atelier.datasets.catalog import open_dataset
from atelier.models import architectures
from atelier.training import parallel
from atelier.training.loop import Training
from pathlib import Path

folder, accumulate, stop_at = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
device = parallel.start(torch.device("cpu"))
with parallel.first_before_others():
    dataset = prepare(open_dataset("shapes", {"count": 50}), 16, folder / "datasets")
cls = architectures["vae"]
hp = cls.hyperparameters("debug", steps=3, batch_size=8, accumulate=accumulate, precision="float32")
torch.manual_seed(parallel.rank())  # every process would begin with other weights
training = Training(cls(hp, dataset.spec), dataset, hp, device=device, seed=0)

def on_tick(tick):
    if tick.step == stop_at:
        raise KeyboardInterrupt

try:
    training.run(on_tick if parallel.rank() == 0 else lambda tick: None, tick_seconds=0)
except (KeyboardInterrupt, parallel.Stopped) as error:
    print(f"process {parallel.rank()} ended at step {training.step}: {type(error).__name__}", flush=True)
torch.save({
    "gradients": [p.grad for p in training.model.parameters()],
    "weights": training.model.state_dict(),
}, folder / f"{parallel.processes()}-{parallel.rank()}.pt")
"""


def launch(folder: Path, processes: int, *, accumulate: int, stop_at: int = 0) -> str:
    torchrun = ["-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={processes}"] if processes > 1 else []
    (folder / "train.py").write_text(TRAIN)
    command = [sys.executable, *torchrun, "train.py", str(folder), str(accumulate), str(stop_at)]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=350)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_two_processes_get_the_gradients_of_one(tmp_path: Path) -> None:
    launch(tmp_path, 1, accumulate=2)  # the parts that the two will share
    launch(tmp_path, 2, accumulate=1)
    one, first, second = (torch.load(tmp_path / f"{name}.pt") for name in ("1-0", "2-0", "2-1"))
    for alone, a, b in zip(one["gradients"], first["gradients"], second["gradients"], strict=True):
        assert torch.equal(a, b)
        assert torch.allclose(alone, a, rtol=1e-3, atol=1e-5 * alone.abs().max())
    for name, alone in one["weights"].items():
        assert torch.equal(first["weights"][name], second["weights"][name]), name
        if "running" not in name and "num_batches" not in name:  # batch norm saw half of the parts
            assert torch.allclose(alone, first["weights"][name], atol=1e-3), name


def test_what_ends_the_first_process_ends_the_others(tmp_path: Path) -> None:
    said = launch(tmp_path, 2, accumulate=1, stop_at=2)
    assert "process 0 ended at step 2: KeyboardInterrupt" in said
    assert "process 1 ended at step 2: Stopped" in said
