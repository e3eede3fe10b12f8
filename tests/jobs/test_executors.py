"""How processes end, and that nothing of them stays; with real, small ones."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from atelier.jobs.executors import JobProcess, LocalExecutor
from atelier.settings import Settings


def start(tmp_path: Path, script: str) -> JobProcess:
    """The script in a session of its own, as a job would be."""
    log = tmp_path / "log.txt"
    with log.open("wb") as output:
        process = subprocess.Popen(["/bin/sh", "-c", script], stdout=output, stderr=subprocess.STDOUT, start_new_session=True)
    process.returncode = 0
    return JobProcess(process.pid, psutil.Process(process.pid).create_time(), log)


def wait(look: Callable[[], object]) -> object:
    deadline = time.monotonic() + 30
    while not (found := look()):
        assert time.monotonic() < deadline
        time.sleep(0.01)
    return found


@pytest.mark.parametrize(
    ("script", "reason"),
    [
        ("kill -9 $$", "The process was killed by signal 9 (SIGKILL)"),
        ("echo one; echo two: why; echo; exit 3", "The process exited with code 3: two: why"),
        ("exit 0", "The process exited with code 0: its log says nothing"),
    ],
)
def test_a_child_ends_for_a_reason(tmp_path: Path, script: str, reason: str) -> None:
    process = start(tmp_path, script)
    assert wait(process.ended) == reason


def test_a_process_of_another_parent_is_watched_too(tmp_path: Path) -> None:
    """The middle process, its parent, ends first, as a server that is killed."""
    log = tmp_path / "log.txt"
    log.write_text("step 3/9\n")
    middle = "import subprocess; p = subprocess.Popen(['sleep', '99'], start_new_session=True, stdout=-3); print(p.pid); p.returncode = 0"
    pid = int(subprocess.check_output([sys.executable, "-c", middle]))
    orphan = JobProcess(pid, psutil.Process(pid).create_time(), log)
    assert orphan.ended() is None
    orphan.signal_group(signal.SIGKILL)
    assert wait(orphan.ended) == "The process ended unexpectedly; its log ends with: step 3/9"


def test_a_pid_that_passed_to_another_process_is_not_ours(tmp_path: Path) -> None:
    process = start(tmp_path, "exec sleep 1000")
    earlier = JobProcess(process.pid, process.started - 1000, process.log)
    earlier.signal_group(signal.SIGKILL)
    process.signal_group(signal.SIGTERM)
    assert wait(process.ended) == "The process was killed by signal 15 (SIGTERM)"


def test_children_go_with_their_process_and_also_after_it(tmp_path: Path) -> None:
    process = start(tmp_path, "sleep 1000 & echo $!; exec sleep 1000")
    child = psutil.Process(int(str(wait(process.log.read_text))))
    os.kill(process.pid, signal.SIGKILL)
    assert wait(process.ended)
    assert child.is_running()
    process.signal_group(signal.SIGKILL)
    wait(lambda: not child.is_running() or child.status() == psutil.STATUS_ZOMBIE)


@pytest.mark.parametrize(("max_jobs", "processes", "threads"), [(1, 1, "8"), (2, 2, "2"), (4, 4, "1")])
def test_jobs_and_their_processes_share_processors(max_jobs: int, processes: int, threads: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "cpu_count", lambda: 8)
    settings = Settings(max_jobs=max_jobs, processes_per_job=processes, _env_file=None)
    assert LocalExecutor(settings).defaults == {"OMP_WAIT_POLICY": "PASSIVE", "GOMP_SPINCOUNT": "3000", "OMP_NUM_THREADS": threads}
