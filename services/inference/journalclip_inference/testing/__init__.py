"""Invented collections and servers over them, for tests, screenshots and benches."""
