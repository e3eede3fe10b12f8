"""Keep scores: what metrics said of versions, runs and sets of pictures."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

INDICES = (("job_id",), ("version_id",), ("model",), ("comparable",), ("metric", "id"))


def upgrade() -> None:
    op.create_table(
        "scores",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("job_id", sa.Integer()),
        sa.Column("version_id", sa.Integer()),
        sa.Column("model", sa.String(64)),
        sa.Column("step", sa.Integer()),
        sa.Column("subject", sa.String(255), nullable=False),
        sa.Column("metric", sa.String(64), nullable=False),
        sa.Column("title", sa.String(128), nullable=False),
        sa.Column("better", sa.String(16), nullable=False),
        sa.Column("value", sa.Double(), nullable=False),
        sa.Column("error", sa.Double()),
        sa.Column("num_real", sa.Integer()),
        sa.Column("num_generated", sa.Integer(), nullable=False),
        sa.Column("network", sa.String(64), nullable=False),
        sa.Column("network_digest", sa.String(64), nullable=False),
        sa.Column("resize", sa.Text(), nullable=False),
        sa.Column("averaged", sa.Boolean()),
        sa.Column("truncation_psi", sa.Double()),
        sa.Column("seed", sa.Integer(), nullable=False),
        sa.Column("real", sa.String(255)),
        sa.Column("fingerprint", sa.String(64)),
        sa.Column("split", sa.String(16)),
        sa.Column("conventions", sa.JSON(), nullable=False),
        sa.Column("details", sa.JSON(), nullable=False),
        sa.Column("code", sa.JSON(), nullable=False),
        sa.Column("comparable", sa.String(64), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["job_id"], ["jobs.id"], name="fk_scores_job_id_jobs", ondelete="SET NULL"),
        sa.ForeignKeyConstraint(["version_id"], ["versions.id"], name="fk_scores_version_id_versions", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name="pk_scores"),
        sqlite_autoincrement=True,
    )
    for columns in INDICES:
        op.create_index(f"ix_scores_{'_'.join(columns)}", "scores", list(columns))


def downgrade() -> None:
    op.drop_table("scores")
