"""`python -m atelier.jobs ID`: the process of one job. Its output is the job's log; how it ends stands in its row."""

import importlib
import logging
import os
import signal
import sys
from types import FrameType

from pydantic import ValidationError

from atelier.errors import AtelierError, Invalid
from atelier.jobs.recorder import JobCancelled, Recorder
from atelier.registry.database import Database
from atelier.registry.store import Store
from atelier.registry.tables import ACTIVE, Job
from atelier.settings import Settings

log = logging.getLogger("atelier.jobs")


def main(job_id: int) -> None:
    settings = Settings()
    os.nice(5)  # answering requests comes first
    # Before torch is imported: its idle threads must sleep, not spin, or whatever else wants the processor crawls.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    os.environ.setdefault("OMP_NUM_THREADS", str(max(1, (os.cpu_count() or 1) // settings.max_jobs)))
    logging.basicConfig(stream=sys.stdout, level=logging.INFO, format="%(asctime)s %(message)s", datefmt="%H:%M:%S")
    database = Database(settings.resolved_database_url)
    store = Store(settings.store_dir)

    with database.write() as session:  # waits for the transaction that started us
        job = session.get(Job, job_id)
        if job is None or job.status != "starting" or job.pid != os.getpid():
            sys.exit(f"Job {job_id} was not given to this process.")
        job.start()

    signal.signal(signal.SIGTERM, _terminate)
    reason = None
    try:
        kind = importlib.import_module(f"atelier.jobs.{job.kind}")
        kind.run(job.spec, Recorder(database, job_id), store, settings)
        return
    except (JobCancelled, KeyboardInterrupt):
        log.info("Cancelled.")
    except ValidationError as error:
        log.exception("The job's description does not fit.")
        reason = Invalid.of(error).detail
    except (ValueError, AtelierError) as error:  # what a user can cause explains itself
        log.exception("Failed.")
        reason = str(error)
    except Exception as error:
        log.exception("Failed.")
        reason = f"{type(error).__name__}: {error}"

    with database.write() as session:
        job = session.get_one(Job, job_id)
        if job.status in ACTIVE:
            if reason is None:
                job.cancelled()
            else:
                first_line = reason.strip().splitlines()[0]
                job.fail(first_line.replace(f"{store.root}{os.sep}", "")[:500])


def _terminate(number: int, frame: FrameType | None) -> None:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)  # once is enough: the next would interrupt the farewell
    raise JobCancelled


if __name__ == "__main__":
    main(int(sys.argv[1]))
