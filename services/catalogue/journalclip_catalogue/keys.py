"""Which thing an id names, whatever version of extractor or structurer gave it: rows of the table `alias`.

Two ids with the same key within the same thing are ids of one thing. The rows of a document follow from it alone, so
their order does not matter.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping

from journalclip_shared.records.article import ExtractedArticle
from journalclip_shared.records.study import ExtractedStudy

Keys = set[tuple[str, str, str, int]]  # id, what it is within, its key there, rank of who says so


def keys_of_article(article: ExtractedArticle, rank: int) -> Keys:
    """The article within its submission, its figures and panels within it."""
    own = article.article_id
    found: Keys = {(own, article.delivery_id or own, f"page {article.first_page}", rank)}
    seen = Counter[str]()
    for figure in article.figures:
        number = f"{figure.series}|{figure.number}|{figure.suffix}"
        key = f"figure {number} {seen[number]}"
        seen[number] += 1
        found.add((figure.figure_id, own, key, rank))
        for place, panel in enumerate(figure.panels):
            found.add((panel.panel_id, own, f"{key} panel {panel.letter or place}", rank))
    return found


def keys_of_study(study: ExtractedStudy, rank: int) -> Keys:
    """Its series within it."""
    return {(each.series_id, study.study_id, f"series {each.sequence}", rank) for each in study.volumes}


def keys_of_pairs(pairs: Iterable[Mapping[str, object]], rank: int) -> Keys:
    """Rows of the table `pair`: each by the figure and panel, or the sequence, that it is of."""
    return {
        (str(each["pair_id"]), str(each["source_id"]), f"pair {each['parent_id']} {each['part_id']}", rank)
        for each in pairs
    }
