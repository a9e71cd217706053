"""One stage of the light chain as a process: what fault tests start, kill at fail points, and start again.

``python -m journalclip_pipelines.testing.worker STAGE``, with settings from the environment as any service.
"""

from __future__ import annotations

import sys

from journalclip_pipelines.testing.chain import Chain, FolderRegistry
from journalclip_shared import wiring
from journalclip_shared.settings import Settings


def main(stage: str) -> None:
    settings = Settings()
    registry = FolderRegistry(settings.workdir)
    wiring.main(settings, lambda store, bus: Chain(bus, store, registry).handler(stage))


if __name__ == "__main__":
    main(sys.argv[1])
