"""What tests of several parts stand on."""

import os
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
