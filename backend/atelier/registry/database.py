"""Engines and sessions: async for the web process, sync for jobs and command line, one writer at a time for all."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager, AbstractContextManager
from pathlib import Path
from typing import Any

from alembic import command
from alembic.config import Config
from alembic.util import CommandError
from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker, create_async_engine
from sqlalchemy.orm import Session, sessionmaker

MIGRATIONS = Path(__file__).parent / "migrations"

BUSY_MS = 60_000  # a writer waits this long for the others; each of them needs milliseconds
WRITER_LOCK = 0x41_74_65_6C_69_65_72  # PostgreSQL's advisory lock that stands in for SQLite's one writer


def _discipline(engine: Engine) -> None:
    """Let writers follow one another from BEGIN to COMMIT, so that what a transaction read still holds when it writes.

    SQLite's driver begins deferred: two processes read, both write, and one update is lost or refused as locked
    whatever the timeout. PostgreSQL gets the same order by a lock, which also makes events visible in the order
    of their ids. Readers wait for nobody.
    """
    sqlite = engine.dialect.name == "sqlite"

    if sqlite:

        @event.listens_for(engine, "connect")
        def connect(connection: Any, record: object) -> None:
            connection.isolation_level = None  # BEGIN is ours
            cursor = connection.cursor()
            for pragma in (f"busy_timeout={BUSY_MS}", "journal_mode=WAL", "synchronous=NORMAL", "foreign_keys=ON"):
                cursor.execute(f"PRAGMA {pragma}")
            cursor.close()

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        reads = connection.get_execution_options().get("reads", False)
        if sqlite:
            connection.exec_driver_sql("BEGIN DEFERRED" if reads else "BEGIN IMMEDIATE")
        elif not reads:
            connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({WRITER_LOCK})")


def _options(url: URL) -> dict[str, Any]:
    return {"pool_pre_ping": url.get_backend_name() != "sqlite"}  # a server may have restarted since


def _sync_url(url: str) -> URL:
    """The same database by the sync driver; psycopg is both."""
    parsed = make_url(url)
    return parsed.set(drivername="sqlite") if parsed.get_backend_name() == "sqlite" else parsed


class Database:
    """Sync sessions. `with db.write() as session:` is one transaction, committed at the end; `db.read()` sees one moment."""

    write: Callable[[], AbstractContextManager[Session]]
    read: Callable[[], AbstractContextManager[Session]]

    def __init__(self, url: str) -> None:
        self.engine = create_engine(_sync_url(url), **_options(make_url(url)))
        _discipline(self.engine)
        self.write = sessionmaker(self.engine, expire_on_commit=False).begin
        self.read = sessionmaker(self.engine.execution_options(reads=True), expire_on_commit=False).begin

    def dispose(self) -> None:
        self.engine.dispose()


class AsyncDatabase:
    """The same for an event loop: `async with db.write() as session:`."""

    write: Callable[[], AbstractAsyncContextManager[AsyncSession]]
    read: Callable[[], AbstractAsyncContextManager[AsyncSession]]

    def __init__(self, url: str) -> None:
        self.engine = create_async_engine(url, **_options(make_url(url)))
        _discipline(self.engine.sync_engine)
        self.write = async_sessionmaker(self.engine, expire_on_commit=False).begin
        self.read = async_sessionmaker(self.engine.execution_options(reads=True), expire_on_commit=False).begin

    async def dispose(self) -> None:
        await self.engine.dispose()


def migrate(url: str) -> None:
    """Bring the database to this Atelier's tables, creating it when there is none; harmless when several processes do it at once.

    Raises:
        ValueError: the database was written by a newer Atelier.
    """
    parsed = _sync_url(url)
    if parsed.get_backend_name() == "sqlite" and parsed.database:
        Path(parsed.database).parent.mkdir(parents=True, exist_ok=True)
    engine = create_engine(parsed)
    _discipline(engine)
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    try:
        with engine.connect() as connection:
            if engine.dialect.name == "sqlite":
                # Batch mode replaces tables; with foreign keys on, dropping the old one would empty those that refer to it.
                connection.connection.cursor().execute("PRAGMA foreign_keys=OFF")
            with connection.begin():
                config.attributes["connection"] = connection
                command.upgrade(config, "head")
    except CommandError as error:
        raise ValueError(f"The database does not fit this version of Atelier: {error}") from error
    finally:
        engine.dispose()
