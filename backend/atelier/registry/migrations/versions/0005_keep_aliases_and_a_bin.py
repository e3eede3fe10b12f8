"""Keep notes on models and versions, aliases and who had them when, and deleted versions until they are purged."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("models", sa.Column("note", sa.Text()))
    op.add_column("versions", sa.Column("note", sa.Text()))
    op.add_column("versions", sa.Column("deleted_at", sa.DateTime(timezone=True)))
    op.add_column("versions", sa.Column("purged_at", sa.DateTime(timezone=True)))
    op.create_index("ix_versions_deleted_at", "versions", ["deleted_at"])
    op.create_table(
        "aliases",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("model_id", sa.Integer(), nullable=False),
        sa.Column("version_id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(32), nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.Column("until", sa.DateTime(timezone=True)),
        sa.ForeignKeyConstraint(["model_id"], ["models.id"], name="fk_aliases_model_id_models", ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["version_id"], ["versions.id"], name="fk_aliases_version_id_versions", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name="pk_aliases"),
        sqlite_autoincrement=True,
    )
    now = sa.text("until IS NULL")
    op.create_index("ix_aliases_model_id_name", "aliases", ["model_id", "name"], unique=True, sqlite_where=now, postgresql_where=now)
    op.create_index("ix_aliases_version_id", "aliases", ["version_id"])


def downgrade() -> None:
    op.drop_table("aliases")
    op.drop_index("ix_versions_deleted_at", "versions")
    with op.batch_alter_table("versions") as versions:
        for column in ("note", "deleted_at", "purged_at"):
            versions.drop_column(column)
    with op.batch_alter_table("models") as models:
        models.drop_column("note")
