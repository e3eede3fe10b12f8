"""`python -m atelier.jobs ID`: the process of one job. Its output is the job's log; how it ends stands in its row."""

import ctypes
import importlib
import logging
import os
import signal
import sys
from contextlib import suppress

from pydantic import ValidationError

from atelier.errors import AtelierError, Invalid
from atelier.jobs.recorder import JobInterrupted, JobPaused, JobStopped, Recorder
from atelier.registry.database import Database
from atelier.registry.store import Store
from atelier.registry.tables import ACTIVE, Job
from atelier.settings import Settings

SHUTDOWN = "The machine asked the process to end (SIGTERM)"
LOG_FORMAT = "%(asctime)s %(levelname)-7s %(message)s"  # the level is what the Logs page filters by
PR_SET_PDEATHSIG = 1  # <linux/prctl.h>

log = logging.getLogger("atelier.jobs")


def main(job_id: int) -> None:
    settings = Settings()
    os.nice(8)  # drawing and answering come first
    rank, processes = int(os.environ.get("RANK", 0)), int(os.environ.get("WORLD_SIZE", 1))  # said by torchrun
    level = logging.INFO if rank == 0 else logging.WARNING
    logging.basicConfig(stream=sys.stdout, level=level, format=LOG_FORMAT, datefmt="%H:%M:%S")
    logging.captureWarnings(True)  # so that they have a time and a level as well
    if processes > 1 and sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)  # torchrun starts us in a session that no signal to its own reaches
    database = Database(settings.resolved_database_url)
    store = Store(settings.store_dir)
    holder = os.getpid() if processes == 1 else os.getppid()

    with database.write() as session:  # waits for the transaction that started us
        job = session.get(Job, job_id)
        if job is None or job.status not in (("starting",) if rank == 0 else ACTIVE) or job.pid != holder:
            sys.exit(f"Job {job_id} was not given to this process.")
        if rank == 0:
            job.start()

    recorder = Recorder(database, job_id)
    if rank == 0:
        signal.signal(signal.SIGTERM, lambda number, frame: setattr(recorder, "interrupted", True))
        _run(job, recorder, store, settings)
    else:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)  # the first process hears it, and ends all of them together
        _help(job, recorder, store, settings)


def _help(job: Job, recorder: Recorder, store: Store, settings: Settings) -> None:
    """Train beside the first process, which alone speaks to the database."""
    from atelier.training.parallel import Stopped

    with suppress(Stopped):
        importlib.import_module(f"atelier.jobs.{job.kind}").run(job.spec, recorder, store, settings)


def _run(job: Job, recorder: Recorder, store: Store, settings: Settings) -> None:
    """Do the job, and say in its row how that ended, unless it says so itself or belongs to another process by now."""
    stopped: BaseException | None = None
    failure = None
    try:
        if job.cancel_requested or job.pause_requested:  # before it came to anything
            raise JobPaused
        importlib.import_module(f"atelier.jobs.{job.kind}").run(job.spec, recorder, store, settings)
        return
    except (JobStopped, KeyboardInterrupt) as error:
        stopped = error
    except ValidationError as error:
        log.exception("The job's description does not fit.")
        failure = Invalid.of(error).detail
    except (ValueError, AtelierError) as error:  # what a user can cause explains itself
        log.exception("Failed.")
        failure = str(error)
    except Exception as error:
        log.exception("Failed.")
        failure = f"{type(error).__name__}: {error}"

    with recorder.database.write() as session:
        row = session.get(Job, job.id)
        if row is None or row.status not in ACTIVE or row.held_by != job.held_by:
            log.info("Somebody else has ended this job.")
        elif failure is not None:
            first_line = failure.strip().splitlines()[0]
            row.fail(first_line.replace(f"{store.root}{os.sep}", "")[:500])
        elif isinstance(stopped, JobPaused | JobInterrupted):
            row.put_down(SHUTDOWN if recorder.interrupted else "It was resumed while it was being paused", advanced=recorder.advanced)
            log.info("%s at step %d.", {"queued": "Interrupted, to go on,"}.get(row.status, row.status.capitalize()), row.step)
        else:
            row.cancelled()
            log.info("Cancelled.")


if __name__ == "__main__":
    main(int(sys.argv[1]))
