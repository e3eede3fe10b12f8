"""The servers of benchmarks/serving.py: ours and its rivals', each a process on a real port, and what they take of the processor."""

import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import httpx
import psutil

HERE = Path(__file__).parent
THREADS = {"OMP_NUM_THREADS": "1", "OMP_WAIT_POLICY": "PASSIVE"}
PLAIN = {name: value for name, value in os.environ.items() if not name.startswith(("ATELIER_", "OMP_", "MKL_"))}


@contextmanager
def process(command: list[str], environment: dict[str, str], says: str | None, log: Path) -> Iterator[tuple[psutil.Process, str]]:
    """A server, once it says so on its output, or answers on its port."""
    with log.open("w") as output:
        running = subprocess.Popen(command, env=PLAIN | environment, stdout=output, stderr=subprocess.STDOUT, start_new_session=True)
    try:
        deadline = time.monotonic() + 120
        while True:
            if running.poll() is not None or time.monotonic() > deadline:
                sys.exit(f"{command} does not start:\n{log.read_text()[-3000:]}")
            if says is not None and (match := re.search(says, log.read_text())):
                yield psutil.Process(running.pid), match[1]
                return
            if says is None:
                with suppress(httpx.HTTPError):
                    if httpx.get(f"http://127.0.0.1:{command[-1]}/healthz").is_success:
                        yield psutil.Process(running.pid), command[-1]
                        return
            time.sleep(0.2)
    finally:
        with suppress(psutil.NoSuchProcess):
            below = psutil.Process(running.pid).children(recursive=True)
            os.killpg(running.pid, signal.SIGINT)
            with suppress(subprocess.TimeoutExpired):
                running.wait(15)
            for one in (*below, running):  # a job goes on when its server ends, but not when its store does
                with suppress(psutil.NoSuchProcess):
                    one.kill()
        running.wait()


def studio(folder: Path, **settings: Any) -> Any:
    environment = {f"ATELIER_{name.upper()}": str(value) for name, value in {"graph_after": 0, **settings}.items()}
    environment |= {"ATELIER_STORE_DIR": str(folder), "ATELIER_DEVICE": "cpu", "ATELIER_PORT": "0"}
    return process([sys.executable, "-m", "atelier", "serve"], environment, r"Atelier is at http://\S+:(\d+)", folder / "server.txt")


def rival(kind: str, folder: Path, port: int, environment: dict[str, str]) -> Any:
    file = ["rival_litserve.py"] if kind == "litserve" else ["rivals.py", kind]
    return process([sys.executable, str(HERE / file[0]), *file[1:], str(folder), str(port)], environment, None, folder.parent / "rival.txt")


def free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


def processor(server: psutil.Process) -> dict[str, float]:
    """Seconds of processor time so far: the server's, the inference process', the training's."""
    seconds = {"server": sum(server.cpu_times()[:2])}
    for child in server.children(recursive=True):
        with suppress(psutil.NoSuchProcess):
            name = "inference" if "atelier.serving.worker" in child.cmdline() else "training"
            seconds[name] = seconds.get(name, 0.0) + sum(child.cpu_times()[:2])
    return seconds
