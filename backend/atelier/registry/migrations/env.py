"""What Alembic runs around the migrations; the connection, with its transaction, comes from the caller."""

from alembic import context

from atelier.registry.tables import Base

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=Base.metadata,
    render_as_batch=True,  # SQLite alters a table by replacing it
    render_item=lambda kind, item, _: "sa.DateTime(timezone=True)" if kind == "type" and type(item).__name__ == "UtcDateTime" else False,
)
context.run_migrations()
