"""Where job processes run: on this machine, each the leader of a session of its own."""

import json
import os
import re
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import psutil

from atelier.registry.tables import Job
from atelier.settings import Settings


class JobProcess:
    """A process by pid and start time: the pid alone may by now belong to somebody else."""

    def __init__(self, pid: int, started: float, log: Path) -> None:
        self.pid, self.started, self.log = pid, started, log

    def ended(self) -> str | None:
        """None while it lives; else how it ended, for the user, with the log's last line where that explains it."""
        try:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
        except ChildProcessError:  # not our child: started by another server, or before this one
            if self.lives():
                return None
            line = self._last_line()
            return "The process ended unexpectedly" + (f"; its log ends with: {line}" if line else "")
        if pid == 0:
            return None
        code = os.waitstatus_to_exitcode(status)
        if code < 0:
            return f"The process was killed by signal {-code} ({signal.Signals(-code).name})"
        return f"The process exited with code {code}: {self._last_line() or 'its log says nothing'}"

    def signal_group(self, number: signal.Signals) -> None:
        """Signal the process and all its children, unless the pid has passed to another process."""
        with suppress(ProcessLookupError, PermissionError):
            if self.lives() or not psutil.pid_exists(self.pid):  # a pid is not given away while its group has members
                os.killpg(self.pid, number)

    def lives(self) -> bool:
        try:
            process = psutil.Process(self.pid)
            # Start times come from the boot time, which moves a little when the clock is set.
            return bool(abs(process.create_time() - self.started) < 2 and process.status() != psutil.STATUS_ZOMBIE)
        except psutil.NoSuchProcess:
            return False

    def _last_line(self) -> str:
        with suppress(OSError), self.log.open("rb") as file:
            file.seek(max(0, self.log.stat().st_size - 4096))
            lines = file.read().decode(errors="replace").splitlines()
            return next((line.strip()[:200] for line in reversed(lines) if re.search(r"\w", line)), "")
        return ""


class LocalExecutor:
    """Starts jobs as processes of this machine: one each, or a launcher with several that train one model together."""

    def __init__(self, settings: Settings) -> None:
        self.processes = settings.processes_per_job
        self.environment = {
            f"ATELIER_{name.upper()}": value if isinstance(value, str) else json.dumps(value)
            for name, value in settings.model_dump(mode="json", exclude_none=True).items()
        }
        self.environment |= {"PYTHONUNBUFFERED": "1", "PYTHONFAULTHANDLER": "1"}
        # Idle threads must sleep, or whatever else wants the processor crawls; but not at once, or two of them can be slower than one
        # (docs/decisions/0019). A user may know better.
        threads = max(1, (os.cpu_count() or 1) // (settings.max_jobs * settings.processes_per_job))
        self.defaults = {"OMP_WAIT_POLICY": "PASSIVE", "GOMP_SPINCOUNT": "3000", "OMP_NUM_THREADS": str(threads)}

    def start(self, job: Job, log: Path) -> JobProcess:
        torchrun = ["torch.distributed.run", "--standalone", f"--nproc-per-node={self.processes}", "-m"]
        launcher = torchrun if self.processes > 1 and job.kind == "train" else []
        with log.open("ab") as output:
            process = subprocess.Popen(
                [sys.executable, "-m", *launcher, "atelier.jobs", str(job.id)],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env=self.defaults | os.environ | self.environment,
                start_new_session=True,
            )
        process.returncode = 0  # we wait by pid, and it may outlive us; its destructor would complain otherwise
        return JobProcess(process.pid, psutil.Process(process.pid).create_time(), log)
