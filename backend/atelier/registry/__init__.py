"""What Atelier remembers: rows in a database, files in a store."""
