"""Runs the structuring service: settings -> clients -> handler -> loop, nothing else."""

from __future__ import annotations

from journalclip_shared import wiring
from journalclip_shared.artifacts import ArtifactStore
from journalclip_shared.kinds import Kind
from journalclip_shared.sealed import REPORTS_KEY, ReportTexts, SealedTexts, key_of_file, local_texts
from journalclip_structuring.build import build_structurer
from journalclip_structuring.handler import StructuringHandler
from journalclip_structuring.settings import StructuringSettings
from journalclip_structuring.studies.handler import ReportOptions, StudyStructuringHandler


def build(settings: StructuringSettings, kind: Kind) -> wiring.Build:
    structurer = build_structurer(settings, "studies" if kind == "studies" else "figures")
    if kind == "studies":
        options = ReportOptions(settings.report_language, settings.report_without_sequences)
        return lambda store, _bus: StudyStructuringHandler(store, structurer, options, _texts(settings, store))
    return lambda store, _bus: StructuringHandler(store, structurer)


def _texts(settings: StructuringSettings, store: ArtifactStore) -> ReportTexts | None:
    """By the keys of the settings, else of the working folder. None without: then a sealed report ends the process."""
    if settings.reports_key_file is None:
        made = (settings.workdir / REPORTS_KEY).exists()
        return local_texts(store, settings.workdir) if made else None
    reports = SealedTexts(store, key_of_file(settings.reports_key_file, "REPORTS_KEY_FILE"))
    if settings.vault_key_file is None:
        return ReportTexts(reports)
    vault = SealedTexts(store, key_of_file(settings.vault_key_file, "VAULT_KEY_FILE"), "vault")
    return ReportTexts(reports, vault)


def main() -> None:
    settings = StructuringSettings()
    wiring.main_of_kind(settings, lambda kind: build(settings, kind))


if __name__ == "__main__":
    main()
