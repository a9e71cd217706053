"""Retraction notices, and articles that their own title or metadata call retracted: what a steward should look at.

A notice is known by its article type, by the articles that its XML names as retracted, or by its title. It only
proposes: whether the target is withdrawn is a person's decision (`journalclip withdraw --proposed`).
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping

from journalclip_extraction.article import ReadArticle
from journalclip_shared.ids import identify_article, normalise_doi, normalise_pmcid
from journalclip_shared.records.withdrawal import Proposal

_TYPES = frozenset({"retraction", "partial-retraction", "removal", "withdrawal"})
# "Retraction of the frontal lobe" and "Withdrawal of aspirin" are research: a colon or the word "notice" tells.
_NOTICE = re.compile(
    r"^(?:notice of )?(?:partial )?(?:retraction|withdrawal)"
    r"(?:\s+(?:notice|note|statement)(?:\s+(?:to|of|for))?\s*:?|\s+to\s*:|\s*:)\s+(?P<title>.+)",
    re.IGNORECASE,
)
_OWN = re.compile(r"^\W*(?:retracted|withdrawn)(?:\s+article)?\s*[:\]]\s*(?P<title>.+)", re.IGNORECASE)
_MAX_JSON = 1_000_000  # bytes; metadata of one article has a few thousand


def proposals(article: ReadArticle, identity: str, delivery: str) -> list[Proposal]:
    """What ``article`` gives reason to withdraw; empty for nearly all."""
    title = article.facts.title.value or ""
    notice, own = _NOTICE.match(title), _OWN.match(title)
    known = {"notice": identity, "delivery": delivery, "title": title[:1000]}
    if article.retracted or (own is not None and article.article_type not in _TYPES):
        why = "its metadata says that it is retracted" if article.retracted else "its own title says so"
        return [Proposal.model_validate({**known, "target": identity, "target_doi": _doi(article), "why": why})]
    if article.article_type not in _TYPES and not article.retracts and notice is None:
        return []
    why = "a retraction notice names it"
    found = [
        Proposal.model_validate({**known, "target": identify_article(doi, None, ""), "target_doi": doi, "why": why})
        for doi in article.retracts
        if doi != _doi(article)
    ]
    if found:
        return found
    said = notice["title"].strip() if notice else ""
    why = "the title of a retraction notice" if said else "a retraction notice; it does not say of what"
    return [Proposal.model_validate({**known, "target_title": said[:1000], "why": why})]


def said_retracted(article: ReadArticle, files: Mapping[str, bytes], alone: bool) -> bool:
    """Whether a metadata file of the delivery has ``is_retracted`` for this article (or, ``alone``, for any)."""
    for name, data in files.items():
        if not name.lower().endswith(".json") or len(data) > _MAX_JSON:
            continue
        try:
            said = json.loads(data)
        except (ValueError, RecursionError):
            continue
        if isinstance(said, dict) and said.get("is_retracted") is True and (alone or _is_of(said, article)):
            return True
    return False


def _is_of(said: Mapping[str, object], article: ReadArticle) -> bool:
    doi, pmcid = str(said.get("doi") or ""), str(said.get("pmcid") or "")
    return bool(doi and normalise_doi(doi) == _doi(article)) or bool(pmcid and normalise_pmcid(pmcid) == article.pmcid)


def _doi(article: ReadArticle) -> str | None:
    return normalise_doi(article.facts.doi.value or "")
