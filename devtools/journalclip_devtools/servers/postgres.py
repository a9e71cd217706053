"""A PostgreSQL server in a temporary folder, by the machine's own packages (Debian's ``postgresql``)."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from journalclip_devtools.servers.process import Server, free_port
from journalclip_shared.errors import PermanentError

_USER = "nobody"  # the server refuses to run as root
_SETTINGS = {"fsync": "off", "shared_buffers": "512MB", "max_wal_size": "4GB", "unix_socket_directories": ""}


def binaries() -> Path | None:
    """The folder of the newest installed server's programs; None where there is none."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"), key=lambda each: int(each.parts[-3]))
    return found[-1].parent if found else None


@contextmanager
def running() -> Iterator[str]:
    """A new server's address, as SQLAlchemy takes it; the server and its folder end with the context.

    Raises `PermanentError` ``server-missing``, ``server-start-failed``.
    """
    programs = binaries()
    if programs is None:
        raise PermanentError("server-missing", "no PostgreSQL server is installed", "Install Debian's `postgresql`.")
    folder, port = Path(tempfile.mkdtemp(prefix="journalclip-postgres-")), free_port()
    try:
        unprivileged = _unprivileged(folder)
        data = folder / "data"
        made = [*unprivileged, str(programs / "initdb"), "--auth=trust", "--username=journalclip", "-D", str(data)]
        subprocess.run(made, check=True, stdout=subprocess.DEVNULL, cwd=folder)
        options = [word for name, value in _SETTINGS.items() for word in ("-c", f"{name}={value}")]
        command = [*unprivileged, str(programs / "postgres"), "-D", str(data), "-p", str(port), *options]
        asked = [str(programs / "pg_isready"), "--quiet", "--host=127.0.0.1", f"--port={port}"]
        server = Server("postgres", command, folder, lambda: subprocess.run(asked, check=False).returncode == 0)
        server.start()
        try:
            yield f"postgresql+psycopg://journalclip@127.0.0.1:{port}/postgres"
        finally:
            server.stop()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _unprivileged(folder: Path) -> list[str]:
    """What to put before a command, so that it does not run as root; the folder is then that user's."""
    if os.geteuid() != 0:
        return []
    shutil.chown(folder, _USER)
    # Another user's process forgets its parent-death signal, so it is set again.
    return ["setpriv", f"--reuid={_USER}", "--regid=nogroup", "--clear-groups", "--pdeathsig=QUIT"]
