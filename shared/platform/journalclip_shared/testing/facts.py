"""Hypothesis strategies and small samples of every fact: what contract suites and property tests publish."""

from __future__ import annotations

from hypothesis import strategies as st

from journalclip_shared.artifacts import ArtifactRef, blob_ref
from journalclip_shared.events import (
    ArticleSubmitted,
    DatasetFrozen,
    DeliverySubmitted,
    Event,
    Fact,
    FiguresExtracted,
    ModelPromoted,
    ModelTrained,
    PairsStructured,
    ReviewDecided,
    ReviewRemarked,
    ReviewsAssigned,
    SourceQuarantined,
    SourcesReinstated,
    SourcesWithdrawn,
    StudyStructured,
    StudySubmitted,
    SubmittedFile,
    TrainingRequested,
    VolumesExtracted,
)
from journalclip_shared.ids import article_id, sha256_hex
from journalclip_shared.kinds import KINDS
from journalclip_shared.records.withdrawal import REASONS


def sample_ref(content: str = "x", media_type: str = "application/pdf") -> ArtifactRef:
    """A reference to bytes that need not exist anywhere."""
    data = content.encode()
    return blob_ref("articles", sha256_hex(data), len(data), media_type)


def submitted(number: int, name: str = "") -> ArticleSubmitted:
    """The ``number``-th of an endless row of distinct submissions."""
    ref = sample_ref(f"article {number}")
    return ArticleSubmitted(article_id=article_id(ref.sha256), pdf=ref, name=name or f"issue-{number}.pdf")


def events(count: int, start: int = 0) -> list[Event]:
    """``count`` distinct submissions as events."""
    return [Event(submitted(number), "test") for number in range(start, start + count)]


_text = st.text(st.characters(exclude_categories=["Cs"]), max_size=60)
_name = st.text(st.characters(categories=["Lu", "Ll", "Nd"]), min_size=1, max_size=20)
_count = st.integers(0, 10_000)
_kind = st.sampled_from(KINDS)
_ref = st.builds(sample_ref, _text, st.sampled_from(["application/pdf", "application/json"]))

facts: st.SearchStrategy[Fact] = st.one_of(
    st.builds(ArticleSubmitted, article_id=_name, pdf=_ref, name=_text),
    st.builds(
        DeliverySubmitted,
        delivery_id=_name,
        files=st.lists(st.builds(SubmittedFile, name=_text, ref=_ref), min_size=1, max_size=3).map(tuple),
        name=_text,
    ),
    st.builds(StudySubmitted, study_id=_name, study=_ref, name=_text),
    st.builds(VolumesExtracted, study_id=_name, document=_ref, volumes=_count),
    st.builds(StudyStructured, study_id=_name, document=_ref, pairs=_count),
    st.builds(FiguresExtracted, article_id=_name, document=_ref, figures=_count, panels=_count),
    st.builds(PairsStructured, article_id=_name, document=_ref, pairs=_count),
    st.builds(DatasetFrozen, dataset_id=_name, manifest=_ref, pairs=_count, kind=_kind),
    st.builds(
        TrainingRequested,
        dataset_id=_name,
        manifest=_ref,
        recipe=_name,
        overrides=st.lists(_name, max_size=3).map(tuple),
        asked_by=_name,
        attempt=st.integers(1, 9),
        kind=_kind,
    ),
    st.builds(ModelTrained, model_id=_name, dataset_id=_name, manifest=_ref, version=_name, kind=_kind),
    st.builds(
        ModelPromoted,
        model_id=_name,
        dataset_id=_name,
        manifest=_ref,
        version=_name,
        sequence=_count,
        kind=_kind,
    ),
    st.builds(SourceQuarantined, source_id=_name, name=_text, stage=_name, code=_name, reason=_text, remedy=_text),
    st.builds(
        SourcesWithdrawn,
        scope=st.sampled_from(["article", "patient"]),
        subject=_name,
        sequence=st.integers(1, 99),
        reason=st.sampled_from(REASONS),
        document=_ref,
    ),
    st.builds(SourcesReinstated, scope=st.just("figure"), subject=_name, sequence=st.integers(1, 99), document=_ref),
    st.builds(
        ReviewDecided,
        decision_id=_name,
        pair_id=_name,
        article_id=_name,
        choice=st.sampled_from(["accept", "reject", "edit", "undo"]),
        reviewer=_name,
        document=_ref,
    ),
    st.builds(
        ReviewRemarked,
        remark_id=_name,
        pair_id=_name,
        article_id=_name,
        purpose=st.sampled_from(["note", "report", "dispute", "settlement"]),
        author=_name,
        document=_ref,
    ),
    st.builds(ReviewsAssigned, assignment_id=_name, pairs=_count, by=_name, document=_ref),
)
