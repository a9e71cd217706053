"""Runs the structuring service: settings -> clients -> handler -> loop, nothing else."""

from __future__ import annotations

from journalclip_shared import wiring
from journalclip_structuring.build import build_structurer
from journalclip_structuring.handler import StructuringHandler
from journalclip_structuring.settings import StructuringSettings


def main() -> None:
    settings = StructuringSettings()
    wiring.main(settings, lambda store, _bus: StructuringHandler(store, build_structurer(settings)))


if __name__ == "__main__":
    main()
