"""How the catalogue's answers grow with the number of sources, on SQLite and on PostgreSQL."""
