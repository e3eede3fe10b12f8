"""The training loop and what it stands on; knows no database and no web."""
