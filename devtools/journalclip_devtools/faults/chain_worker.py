"""One stage of the light chain as a process: what fault tests start, kill at fail points, and start again.

``python -m journalclip_devtools.faults.chain_worker STAGE``, with settings from the environment as any service. Intake
looks through its whole inbox first and then reads notifications, so that both of its ways are gone in every life.
"""

from __future__ import annotations

import sys

from journalclip_devtools.faults.chain import Chain, FolderRegistry
from journalclip_intake.handler import NotifiedIntake, reconcile
from journalclip_intake.inbox import S3Inbox
from journalclip_shared import wiring
from journalclip_shared.artifacts import ArtifactStore
from journalclip_shared.bus import Bus
from journalclip_shared.consume import Handler
from journalclip_shared.settings import Settings


def main(stage: str) -> None:
    settings = Settings(park_after_crashes=0)  # a fault test kills a worker at one record again and again

    def intake(store: ArtifactStore, bus: Bus) -> Handler:
        inbox = S3Inbox(settings.s3)
        reconcile(store, inbox, bus)
        return NotifiedIntake(store, inbox)

    def handler(store: ArtifactStore, bus: Bus) -> Handler:
        return Chain(bus, store, FolderRegistry(settings.workdir)).handler(stage)

    wiring.main(settings, intake if stage == "intake" else handler)


if __name__ == "__main__":
    main(sys.argv[1])
