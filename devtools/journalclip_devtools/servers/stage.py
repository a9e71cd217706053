"""Kafka's jars and MinIO's program put where the Dockerfile takes them from: ``build/servers`` of the checkout.

``python -m journalclip_devtools.servers.stage FOLDER [kafka] [minio]`` copies what the cache holds, built if need be.
"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

from journalclip_devtools.servers import build


def stage(folder: Path, which: str, cache: Path) -> Path:
    """Put one server's files below ``folder``. Raises `PermanentError` where it cannot be built."""
    folder.mkdir(parents=True, exist_ok=True)
    target = folder / which
    if which == "kafka":
        return Path(shutil.copytree(build.kafka(cache), target, dirs_exist_ok=True))
    return Path(shutil.copy2(build.binary(which, cache), target))


if __name__ == "__main__":
    for wanted in sys.argv[2:] or ("kafka", "minio"):
        print(stage(Path(sys.argv[1]), wanted, build.default_cache()))
