"""Runs the structuring service: settings -> clients -> handler -> loop, nothing else."""

from __future__ import annotations

from journalclip_shared import wiring
from journalclip_shared.kinds import Kind
from journalclip_structuring.build import build_structurer
from journalclip_structuring.handler import StructuringHandler
from journalclip_structuring.settings import StructuringSettings
from journalclip_structuring.studies.handler import ReportOptions, StudyStructuringHandler


def build(settings: StructuringSettings, kind: Kind) -> wiring.Build:
    structurer = build_structurer(settings, "studies" if kind == "studies" else "figures")
    if kind == "studies":
        options = ReportOptions(settings.report_language, settings.report_without_sequences)
        return lambda store, _bus: StudyStructuringHandler(store, structurer, options)
    return lambda store, _bus: StructuringHandler(store, structurer)


def main() -> None:
    settings = StructuringSettings()
    wiring.main_of_kind(settings, lambda kind: build(settings, kind))


if __name__ == "__main__":
    main()
