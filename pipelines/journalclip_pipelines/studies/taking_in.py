"""Taking studies in: an archive is surveyed, each study read in the sandbox, stored de-identified and announced.

It needs the reader and intake alone: in the cluster it runs in an image that has no model, no trainer, no registry.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from journalclip_intake.studies import read_key, submit_study
from journalclip_pipelines.local.local_kind import Submitted
from journalclip_pipelines.progress import Reporter
from journalclip_pipelines.studies.destination import Destination
from journalclip_shared.errors import PermanentError
from journalclip_shared.events import Event, SourceQuarantined
from journalclip_shared.sealed import local_texts
from journalclip_shared.withdrawals import Withdrawals
from journalclip_sources.studies.cells import reading, surveying
from journalclip_sources.studies.heads import SurveyOptions
from journalclip_sources.studies.options import DeidentifyOptions
from journalclip_sources.studies.survey import survey


@dataclass(frozen=True, kw_only=True)
class TakingIn:
    """What is done to each study on its way in. ``review`` is a local folder for pictures that show faces."""

    face: bool = True
    burned_in: bool = True
    review: Path | None = None
    columns: tuple[tuple[str, str], ...] = ()  # of a table of reports: role and name
    vault: bool = False  # keep reports' texts, sealed, so that they can be structured anew

    def find(self, folder: Path) -> list[Path]:
        """The folder itself: which of its files are one study is found while they are read."""
        if not folder.exists():
            raise PermanentError("input-missing", f"{folder} does not exist", "Give a folder of studies, or a zip.")
        if not (folder.is_file() or any(each.is_file() for each in folder.rglob("*"))):
            raise PermanentError("input-empty", f"{folder} holds no study", "Give a folder of studies, or a zip.")
        return [folder]

    def submit(self, destination: Destination, paths: list[Path], reporter: Reporter) -> Submitted:
        """One that cannot be used is announced as quarantined."""
        done, bundles = Submitted(), []
        texts = local_texts(destination.store, destination.root, self.vault)
        deidentify, words = self.deidentify(destination), Withdrawals(destination.store)
        options = SurveyOptions(dict(self.columns))
        with surveying() as heads, reporter.stage("look for studies", 0) as progress:
            for path in paths:
                archive = survey(path, heads, options, lambda count: progress.update(count, 0, "files"))
                done.files += archive.files
                done.left_out.update(archive.left_out + archive.reports_left_out)
                bundles.extend(archive.bundles)
        with reading() as cell, reporter.stage("read studies", len(bundles)) as progress:
            for bundle in bundles:
                found = submit_study(texts, words, cell, bundle, deidentify, self.review)
                destination.bus.publish([Event(found.fact, "study-intake")])
                done.count += 1
                done.new += found.new
                if isinstance(found.fact, SourceQuarantined):
                    done.refused.append(found.fact)
                note = f"{len(done.refused)} refused" if done.refused else ""
                progress.update(done.count, len(bundles), note)
        return done

    def deidentify(self, destination: Destination) -> DeidentifyOptions:
        """With the working folder's key of pseudonyms."""
        return DeidentifyOptions(
            key=read_key(destination.root / "studies.key"), face=self.face, burned_in=self.burned_in
        )
