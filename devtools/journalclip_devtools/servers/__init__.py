"""Real servers on this machine without Docker: Kafka, MinIO, MLflow and a fault proxy, for development and tests.

Each is built once into a cache outside the repository (``~/.cache/journalclip``), started in a folder of its own on a
free loopback port, and ready only when it answers. What we started we stop, and nothing else. Where a tool to build one
is missing, `missing` says so in one sentence.
"""

from __future__ import annotations

from journalclip_devtools.servers.process import Server, free_port

__all__ = ["Server", "free_port"]
