"""Give jobs a priority, restarts, alarms, a request to pause and the run they continue."""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

NUMBERS = ("priority", "restarts")


def upgrade() -> None:
    last = _last_id()
    with op.batch_alter_table("jobs", table_kwargs={"sqlite_autoincrement": True}) as jobs:
        for name in NUMBERS:
            jobs.add_column(sa.Column(name, sa.Integer(), nullable=False, server_default="0"))
        jobs.add_column(sa.Column("pause_requested", sa.Boolean(), nullable=False, server_default=sa.false()))
        jobs.add_column(sa.Column("alarms", sa.JSON(), nullable=False, server_default="[]"))
        jobs.add_column(sa.Column("continues", sa.Integer()))
        jobs.create_foreign_key("fk_jobs_continues_jobs", "jobs", ["continues"], ["id"], ondelete="SET NULL")
    with op.batch_alter_table("jobs", table_kwargs={"sqlite_autoincrement": True}) as jobs:  # the defaults were for the rows there are
        for name in (*NUMBERS, "pause_requested", "alarms"):
            jobs.alter_column(name, server_default=None)
    op.create_index("ix_jobs_continues", "jobs", ["continues"])
    _restore(last)

    # What followers that come back after the update are told has the new fields as well.
    connection = op.get_bind()
    events = sa.table("events", sa.column("id", sa.Integer()), sa.column("type", sa.String()), sa.column("data", sa.JSON()))
    new: dict[str, Any] = {"pause_requested": False, "priority": 0, "alarms": [], "restarts": 0, "continues": None}
    waiting = 0
    snapshots = connection.execute(sa.select(events.c.id, events.c.data).where(events.c.type == "job")).all()
    for event_id, data in sorted(snapshots, key=lambda snapshot: snapshot.data["id"]):
        waiting += data["status"] == "queued"
        data |= new | {"queue_position": waiting if data["status"] == "queued" else None}
        connection.execute(events.update().where(events.c.id == event_id).values(data=data))


def downgrade() -> None:
    last = _last_id()
    op.execute("UPDATE jobs SET status = 'failed' WHERE status = 'interrupted'")
    op.drop_index("ix_jobs_continues", "jobs")
    with op.batch_alter_table("jobs", table_kwargs={"sqlite_autoincrement": True}) as jobs:
        jobs.drop_constraint("fk_jobs_continues_jobs", type_="foreignkey")
        for name in (*NUMBERS, "pause_requested", "alarms", "continues"):
            jobs.drop_column(name)
    _restore(last)


def _last_id() -> int | None:
    """Batch mode replaces the table, and SQLite's count of the ids it gave with it."""
    if op.get_context().dialect.name != "sqlite":
        return None
    last: int | None = op.get_bind().scalar(sa.text("SELECT seq FROM sqlite_sequence WHERE name = 'jobs'"))
    return last


def _restore(last: int | None) -> None:
    if last is not None:
        connection = op.get_bind()
        connection.execute(sa.text("DELETE FROM sqlite_sequence WHERE name = 'jobs'"))
        connection.execute(sa.text("INSERT INTO sqlite_sequence (name, seq) VALUES ('jobs', :last)"), {"last": last})
