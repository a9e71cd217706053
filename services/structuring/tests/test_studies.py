"""Reports beside volumes: each sequence with what is said of it, once, and only what is there."""

from __future__ import annotations

import pytest

from journalclip_pipelines.studies.reports import report_of, study_of
from journalclip_shared.artifacts import blob_ref
from journalclip_shared.events import ArticleSubmitted, Event, StudyStructured, VolumesExtracted
from journalclip_shared.records.report import SequenceName
from journalclip_shared.records.study import ExtractedStudy, ExtractedVolume, StructuredStudy
from journalclip_shared.testing.facts import submitted
from journalclip_shared.testing.memory import MemoryArtifacts
from journalclip_structuring.errors import UnreadableDocument
from journalclip_structuring.report_rules import read_report
from journalclip_structuring.rules import RuleStructurer
from journalclip_structuring.studies.handler import ReportOptions, StudyStructuringHandler
from journalclip_synthetic.studies import draw_truth

REPORT = (
    "Sequences: T2WI, FLAIR and DWI. FLAIR shows a hyperintense 12 mm glioma in the left frontal lobe. DWI: normal."
)


def extracted(report: str, sequences: tuple[SequenceName, ...]) -> ExtractedStudy:
    return ExtractedStudy(
        study_id="std_x",
        patient="pat_x",
        extractor="volumes-1",
        source=blob_ref("studies", "0" * 64, 1, "application/json"),
        grid=(4, 8, 8),
        volumes=tuple(
            ExtractedVolume(
                series_id=f"ser_{n}", sequence=name, confidence=0.9, spacing=(1, 1, 1),
                volume=blob_ref("studies", f"{n:064d}", 1, "application/gzip"),
            )
            for n, name in enumerate(sequences)
        ),
        report=report,
    )  # fmt: skip


def handled(store: MemoryArtifacts, study: ExtractedStudy, options: ReportOptions | None = None) -> StructuredStudy:
    document = store.put_manifest("studies", f"extracted/{study.study_id}", study.canonical())
    handler = StudyStructuringHandler(store, RuleStructurer(), options)
    event = Event(VolumesExtracted(study_id=study.study_id, document=document, volumes=1), "test")
    (fact,) = handler.handle(event)
    (again,) = handler.handle(event)
    assert fact == again
    assert isinstance(fact, StudyStructured)
    return StructuredStudy.model_validate_json(store.get(fact.document))


def test_a_sequence_is_paired_with_what_the_report_says_of_it() -> None:
    found = handled(MemoryArtifacts(), extracted(REPORT, ("T1WI", "FLAIR", "DWI")))
    said = {pair.sequence: pair.text for pair in found.pairs}
    assert set(said) == {"FLAIR", "DWI"}, "of T1WI the report says nothing, of T2WI there is no volume"
    assert "hyperintense 12 mm glioma in the left frontal lobe" in said["FLAIR"]
    assert len(found.volumes) == 3, "an undescribed sequence stays part of the study"
    assert found.without_pair == {"not-described": 1}
    assert {pair.sequence for pair in found.pairs if pair.description.normal} == {"DWI"}


def test_a_sequence_of_which_nothing_was_recognised_is_no_normal_example() -> None:
    report = "Technique: T1WI, FLAIR and DWI. Findings: DWI shows an infarct in the pons."
    found = handled(MemoryArtifacts(), extracted(report, ("T1WI", "FLAIR", "DWI")))
    assert [pair.sequence for pair in found.pairs] == ["DWI"]
    assert found.without_pair == {"nothing-recognised": 2}


@pytest.mark.parametrize(
    ("report", "text"),
    [("Old infarct in the pons. No mass.", "T1WI: infarct in the pons; no mass."),
     ("Normal MRI of the brain.", "T1WI: no abnormality."), ("颅脑MRI未见明显异常。", "T1WI: no abnormality.")],
)  # fmt: skip
def test_a_report_without_sequences_is_said_of_all_volumes_by_option(report: str, text: str) -> None:
    study = extracted(report, ("T1WI", "DWI"))
    found = handled(MemoryArtifacts(), study)
    assert [pair.text for pair in found.pairs] == [text, text.replace("T1WI", "DWI")]
    left = handled(MemoryArtifacts(), study, ReportOptions(unnamed="leave"))
    assert left.pairs == ()
    assert left.without_pair == {"not-described": 2}


def test_the_text_of_a_pair_is_in_the_language_that_is_asked_for() -> None:
    study = extracted("左侧额叶见胶质瘤，FLAIR呈高信号。DWI未见异常。", ("FLAIR", "DWI"))
    english = handled(MemoryArtifacts(), study)
    assert english.record.language == "zh"
    assert [pair.text for pair in english.pairs] == [
        "FLAIR: hyperintense glioma in the left frontal lobe.", "DWI: no abnormality.",
    ]  # fmt: skip
    chinese = handled(MemoryArtifacts(), study, ReportOptions(language="zh"))
    assert [pair.text for pair in chinese.pairs] == ["FLAIR：在左侧额叶表现为高信号胶质瘤。", "DWI：未见异常。"]


def test_a_report_in_a_language_that_is_not_read_is_refused_by_its_code_and_its_study_goes_on() -> None:
    german = extracted("Kein Nachweis einer frischen Ischämie in der Diffusion.", ("DWI", "FLAIR"))
    found = handled(MemoryArtifacts(), german)
    assert found.report_failed is not None
    assert found.report_failed.code == "language-unsupported"
    assert (found.pairs, found.without_pair) == ((), {"language-unsupported": 2})
    assert [volume.sequence for volume in found.volumes] == ["DWI", "FLAIR"]
    assert found.record.findings in (None, ())
    assert not any(each.normal for each in found.record.descriptions)


def test_a_study_without_a_report_has_volumes_and_no_pair() -> None:
    found = handled(MemoryArtifacts(), extracted("  ", ("FLAIR",)))
    assert found.pairs == ()
    assert found.record.descriptions == ()


def test_other_facts_and_other_documents_are_refused() -> None:
    store = MemoryArtifacts()
    handler = StudyStructuringHandler(store, RuleStructurer())
    fact = submitted(1)
    assert isinstance(fact, ArticleSubmitted)
    with pytest.raises(TypeError):
        handler.handle(Event(fact, "test"))
    broken = store.put_manifest("studies", "extracted/y", b"{}")
    with pytest.raises(UnreadableDocument):
        handler.handle(Event(VolumesExtracted(study_id="y", document=broken, volumes=0), "test"))


def test_a_phantoms_report_says_what_its_truth_says() -> None:
    """The lesion's kind, site and side are read back from most reports; the rules' own errors are known and counted."""
    right = total = 0
    for number in range(60):
        truth = draw_truth(number, 5)
        if truth.lesion is None:
            continue
        wanted = study_of(truth).findings[0]
        read = read_report(report_of(truth))
        found = {(f.term, f.site, f.laterality) for d in read.descriptions for f in d.findings if not f.negated}
        right += (wanted.term, wanted.site, wanted.laterality) in found
        total += 1
    assert right / total > 0.85
