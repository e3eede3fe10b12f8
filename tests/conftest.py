"""What tests of several parts stand on."""

import os
import re
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import create_engine, make_url, text

# Networks of test size are slower on two threads than on one, and far slower where those threads spin for a core.
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # before torch comes: tests share their processors with each other


@pytest.fixture
def database_url(tmp_path: Path) -> Iterator[str]:
    """A database of the test's own, still without tables: SQLite, or PostgreSQL when ATELIER_TEST_POSTGRES names a server.

    ATELIER_TEST_POSTGRES=postgresql+psycopg://user@host/postgres pytest tests/registry tests/jobs
    """
    server = os.environ.get("ATELIER_TEST_POSTGRES")
    if server is None:
        yield f"sqlite+aiosqlite:///{tmp_path}/atelier.db"
        return
    name = f"atelier_{uuid.uuid4().hex}"
    admin = create_engine(server, isolation_level="AUTOCOMMIT")
    with admin.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {name}"))
    yield make_url(server).set(database=name).render_as_string(hide_password=False)
    with admin.connect() as connection:
        connection.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))
    admin.dispose()


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a real server: a process of its own on a free port, with an empty store."""
    folder = tmp_path_factory.mktemp("server")
    environment = {name: value for name, value in os.environ.items() if not name.startswith("ATELIER_")}
    with (folder / "output.txt").open("w+") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "atelier", "serve", "--port", "0"],
            cwd=folder,  # no .env of a developer's
            env=environment | {"ATELIER_STORE_DIR": str(folder / "store")},
            stdout=output,
            stderr=subprocess.STDOUT,
        )
        try:
            deadline = time.monotonic() + 120
            while not (address := re.search(r"Atelier is at (http://\S+)", (folder / "output.txt").read_text())):
                if process.poll() is not None or time.monotonic() > deadline:
                    pytest.fail(f"The server does not start:\n{(folder / 'output.txt').read_text()}")
                time.sleep(0.1)
            yield address[1]
        finally:
            process.send_signal(signal.SIGINT)
            code = process.wait(timeout=30)
        assert code == 0, (folder / "output.txt").read_text()
