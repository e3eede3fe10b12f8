"""Alembic's home: `database.migrate` runs what stands in versions/."""
