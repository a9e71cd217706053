"""The structuring service for studies: settings -> structurer -> handler -> consume loop."""

from __future__ import annotations

from journalclip_shared import wiring
from journalclip_structuring.build import build_structurer
from journalclip_structuring.settings import StructuringSettings
from journalclip_structuring.studies.handler import ReportOptions, StudyStructuringHandler


def main() -> None:
    settings = StructuringSettings()
    structurer = build_structurer(settings)
    options = ReportOptions(settings.report_language, settings.report_without_sequences)
    wiring.main(settings, lambda store, _bus: StudyStructuringHandler(store, structurer, options))


if __name__ == "__main__":
    main()
