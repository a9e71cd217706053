"""Migrations of the database of sessions and saved searches."""
