"""Local mode: the very handlers of a cluster, wired to one SQLite log and one folder, in one process."""
