"""`python -m atelier.registry.migrations "Add a column"`: write the migration from what stands to what tables.py says."""

import sys

from alembic import command
from alembic.config import Config
from sqlalchemy import create_engine

from atelier.registry.database import MIGRATIONS

config = Config()
config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
with create_engine("sqlite://").begin() as connection:
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
    number = len(list((MIGRATIONS / "versions").glob("[0-9]*.py"))) + 1
    command.revision(config, sys.argv[1], autogenerate=True, rev_id=f"{number:04d}")
