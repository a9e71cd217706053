"""What is mutated, and the tests that must notice."""

from __future__ import annotations

from dataclasses import dataclass

PLATFORM, SOURCES = "shared/platform/journalclip_shared", "shared/sources/journalclip_sources"
PLATFORM_TESTS = "shared/platform/tests"
EXTRACTION = "services/extraction"
STUDIES_TESTS = "shared/sources/tests/studies"
DEIDENTIFY = f"{SOURCES}/studies/deidentify"
PROMOTION, INFERENCE = "services/promotion/journalclip_promotion", "services/inference/journalclip_inference"
PROMOTION_TESTS, INFERENCE_TESTS = "services/promotion/tests", "services/inference/tests"


@dataclass(frozen=True)
class Suite:
    """Modules of one concern, by path, and the test files (or single tests) that are run on each of their mutants."""

    modules: tuple[str, ...]
    tests: tuple[str, ...]


SUITES = {
    "consume": Suite(
        (f"{PLATFORM}/consume.py",),
        tuple(f"{PLATFORM_TESTS}/test_{name}.py" for name in ("consume", "whose_error", "keyed_queue")),
    ),
    "de-identification": Suite(
        tuple(f"{DEIDENTIFY}/{name}.py" for name in ("profile", "pseudonym", "text", "words", "chinese")),
        (f"{STUDIES_TESTS}/test_deidentify.py",),
    ),
    "gates": Suite(
        (f"{PROMOTION}/gates.py",),
        tuple(f"{PROMOTION_TESTS}/test_{name}.py" for name in ("gates", "finding_gate", "around")),
    ),
    "licences": Suite(
        (
            f"{PLATFORM}/licences.py",
            f"{SOURCES}/jats/licence.py",
            f"{EXTRACTION}/journalclip_extraction/licences.py",
        ),
        (
            f"{PLATFORM_TESTS}/test_licences.py",
            "shared/sources/tests/test_jats_licence.py",
            f"{EXTRACTION}/tests/test_licences.py",
        ),
    ),
    "promotion": Suite(
        tuple(f"{PROMOTION}/{name}.py" for name in ("promoter", "decision", "ledger", "lease", "verify")),
        tuple(f"{PROMOTION_TESTS}/test_{name}.py" for name in ("handler", "around", "faults")),
    ),
    "reviews": Suite(
        (f"{PLATFORM}/reviews.py", f"{PLATFORM}/records/review.py"),
        (f"{PLATFORM_TESTS}/test_reviews.py", f"{INFERENCE_TESTS}/test_review.py"),
    ),
    "search-filters": Suite(
        tuple(f"{INFERENCE}/index/{name}.py" for name in ("facets", "plan", "collection")),
        tuple(f"{INFERENCE_TESTS}/test_{name}.py" for name in ("facets", "index", "browsing")),
    ),
    "splits": Suite(
        ("services/freezing/journalclip_freezing/splits.py", f"{PLATFORM}/pairtable.py"),
        ("services/freezing/tests/test_splits.py", f"{PLATFORM_TESTS}/test_leaks.py"),
    ),
}
