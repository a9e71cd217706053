"""Measures search of studies by words. The phantoms' facts say which studies are right; reports are pseudo reports.

A hit is right if the phantom shows the finding, whatever the record says. So errors of the report reader lower the
precision. We wrote both the queries and the reports, so the precision is higher than with real ones.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from journalclip_devtools.doubles.studies import DIM, Archive
from journalclip_inference.search.asking import Asked
from journalclip_inference.studies.said import StudyFilters
from journalclip_synthetic.studies.truth import KINDS, SITES, StudyTruth

_K = 10
_LEAST = 2  # studies that must be right for a query to count
# How a reader may name a phantom's lesion.
_NAMES: dict[str, tuple[str, ...]] = {
    "glioblastoma": ("glioblastoma", "GBM"),
    "glioma": ("low-grade glioma",),
    "meningioma": ("meningiomas", "meningioma"),
    "metastasis": ("brain metastases", "metastasis"),
    "infarct": ("ischaemic stroke", "infarction"),
    "hemorrhage": ("intracerebral haemorrhage", "hemorrhage"),
    "abscess": ("brain abscess", "cerebral abscesses"),
    "demyelinating plaque": ("demyelinating plaques", "demyelination"),
    "arachnoid cyst": ("arachnoid cysts",),
}


@dataclass(frozen=True)
class StudyQuery:
    """A query, a test for right phantoms, the side of right hits, and a finding that no hit may show."""

    type: str
    text: str
    right: Callable[[StudyTruth], bool]
    side: str | None = None
    denied: str | None = None


@dataclass(frozen=True)
class StudySearchFigures:
    """Mean P@10 over all queries and by type.

    ``side_right`` and ``denial_right`` are shares of queries: all first hits on the wanted side, and no hit with the
    denied finding. ``weakest`` is the text of the query with the lowest precision.
    """

    queries: int
    precision: float
    by_type: dict[str, float]
    side_right: float
    denial_right: float
    weakest: str


Ask = Callable[[str], Sequence[str]]  # a query's words to the ids of the studies that are found, best first


def measure_study_search(studies: Archive, ask: Ask | None = None) -> StudySearchFigures:
    """Ask all queries and score their hits.

    ``side_right`` checks the first n hits of a query with a side, where n is the number of right studies, at most 10.
    ``ask`` sends one query, for example to the API or to the page; by default the reader is called directly.
    """
    ask = ask or by_reader(studies)
    found: dict[str, list[float]] = {}
    sides, denials, worst = [], [], (2.0, "")
    for query in queries(studies):
        right = {name for name, truth in studies.truths.items() if query.right(truth)}
        hits = list(ask(query.text))[:_K]
        precision = sum(name in right for name in hits) / min(_K, len(right))
        found.setdefault(query.type, []).append(precision)
        worst = min(worst, (precision, query.text))
        first = [studies.truths[name].lesion for name in hits[: min(_K, len(right))]]
        if query.side:
            sides.append(all(each is not None and each.side == query.side for each in first))
        if query.denied:
            denials.append(not any(_shows(studies.truths[name], query.denied) for name in hits))
    every = [value for values in found.values() for value in values]
    return StudySearchFigures(
        len(every), round(float(np.mean(every)), 4),
        {name: round(float(np.mean(values)), 4) for name, values in found.items()},
        float(np.mean(sides)), float(np.mean(denials)), worst[1],
    )  # fmt: skip


def by_reader(studies: Archive) -> Ask:
    """Ask the reader directly. The image vector of a query is random, so only words can find a study."""
    rng = np.random.default_rng(0)

    def ask(text: str) -> list[str]:
        vector = rng.standard_normal(DIM).astype(np.float32)
        answer = studies.reader.search(Asked(text, vector / np.linalg.norm(vector), _K, StudyFilters()))
        return [hit.study_id for hit in answer.hits]

    return ask


def queries(studies: Archive) -> list[StudyQuery]:
    """Queries for which at least `_LEAST` phantoms are right, in a fixed order."""
    return [query for query in _all(studies) if sum(query.right(truth) for truth in studies.truths.values()) >= _LEAST]


def _all(studies: Archive) -> Iterator[StudyQuery]:
    for kind, names in _NAMES.items():
        for name in names:
            yield StudyQuery("finding", name, _of(kind))
    for n, kind in enumerate(KINDS):
        side = ("left", "right")[n % 2]
        yield StudyQuery("side", f"{_NAMES[kind][0]} on the {side}", _of(kind, side), side)
        for site in list(SITES)[n % 3 :: 3]:
            yield StudyQuery("side x site", f"{side} {site} {_NAMES[kind][-1]}", _of(kind, side, site), side)
    for side in ("left", "right"):
        yield StudyQuery("signal", f"restricted diffusion on the {side}", _restricted(side), side)
        yield StudyQuery("signal", f"ring-enhancing lesion on the {side}", _ring(side), side)
    yield StudyQuery("signal", "glioma hyperintense on FLAIR", _of("glioma"))
    by_id = {id(truth): name for name, truth in studies.truths.items()}
    for term in ("hydrocephalus", "midline shift", "hemorrhage", "infarct"):
        yield StudyQuery("denial", f"no {term}", _denied(studies, by_id, term), denied=term)


def _of(kind: str, side: str | None = None, site: str | None = None) -> Callable[[StudyTruth], bool]:
    def right(truth: StudyTruth) -> bool:
        lesion = truth.lesion
        return lesion is not None and (lesion.kind, side or lesion.side, site or lesion.site) == (
            kind, lesion.side, lesion.site
        )  # fmt: skip

    return right


def _denied(studies: Archive, by_id: dict[int, str], term: str) -> Callable[[StudyTruth], bool]:
    return lambda truth: term in studies.denied(by_id[id(truth)])


def _restricted(side: str) -> Callable[[StudyTruth], bool]:
    def right(truth: StudyTruth) -> bool:
        lesion = truth.lesion
        dark = lesion is not None and lesion.signals.get("ADC") == "hypointense"
        return lesion is not None and dark and lesion.signals.get("DWI") == "hyperintense" and lesion.side == side

    return right


def _ring(side: str) -> Callable[[StudyTruth], bool]:
    return lambda truth: truth.lesion is not None and truth.lesion.enhancement == "ring" and truth.lesion.side == side


def _shows(truth: StudyTruth, term: str) -> bool:
    lesion = truth.lesion
    if lesion is None:
        return False
    return lesion.kind == term or (term == "midline shift" and lesion.mass_effect == "marked")
