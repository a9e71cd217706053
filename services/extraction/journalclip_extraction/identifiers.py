"""The article's own DOI, from all that a first page prints.

An article names other DOIs: of its trial's registration, its data, the article it comments on. What stands before a DOI
and who registers it tell them apart. A DOI that a line end breaks goes on in the next line; one whose rest is lost is
a stump, and no DOI.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from journalclip_sources.pdf.content import Line

_DOI = re.compile(r"\b(10\.\d{4,9}/[^\s\"<>|]+)", re.IGNORECASE)
_TAIL = re.compile(r"[.,;:)\]}]+$")
# Who registers data, trials, funders, supplements and reviews rather than articles.
_REGISTRIES = re.compile(
    r"10\.(?:17605|5281|5061|6084|7910|17632|5524|13039|17616|25504|15468|5067|1594|3886|18112|24433|57760|7303|4121|"
    r"7937|48550|5255|11588)/|10\.1186/isrctn|10\.\d+/isrctn",
    re.IGNORECASE,
)
_PART = re.compile(r"(?:\.[sgt]\d{3}|/suppl\w*|\.supp\w*|/fig-?\d+|/table-?\d+)$", re.IGNORECASE)
_FOREIGN = re.compile(
    r"(?:regist\w+|trial|data(?:set)?s?|deposited|repository|supplement\w*|protocol|code|software|isrctn|funder|preprint|"
    r"correct(?:ion|s)\s+(?:to|of)|corrigendum|erratum|retract\w+|comment(?:ary)?\s+on|reply\s+to|related\s+(?:to|article)|"
    r"see\s+(?:also|page|the)|editorial\s+on|response\s+to|linked|refers?\s+to|original\s+article|this\s+corrects)"
    r"[^.]{0,90}$",
    re.IGNORECASE,
)
_NUMBER = re.compile(r"\d{6,}$")
_CONTINUES = re.compile(r"^[./_\-()]?[A-Za-z0-9][\w./\-();:]*$")
_OPEN = ("/", "-", "_", ".", "(")


def own_doi(lines: Sequence[Line]) -> str | None:
    """The first DOI in ``lines`` that is not another thing's; of two editions' the one that is printed more often."""
    found = list(_own_dois(lines))
    twins = [each for each in found if _edition(each) == _edition(found[0])]
    return max(twins, key=twins.count, default=None)  # of equal ones the first


def _edition(doi: str) -> tuple[str, str]:
    """What two editions' DOIs of one article share: who registers it and the article's own number."""
    number = _NUMBER.search(doi)
    return doi.split("/")[0], number[0] if number else doi.lower()


def _own_dois(lines: Sequence[Line]) -> Iterator[str]:
    texts = ["", *(line.text for line in lines), ""]
    for before, text, after in zip(texts, texts[1:], texts[2:], strict=False):
        for match in _DOI.finditer(text):
            context = f"{before} {text[: match.start()]}" if match.start() < 40 else text[: match.start()]
            found = _whole(match, text, after)
            if found and not _REGISTRIES.match(found) and not _PART.search(found) and not _is_foreign(context, text):
                yield found


def _is_foreign(context: str, text: str) -> bool:
    """Words before the DOI say that it is something else's; an address that fills its line is nobody's but its own."""
    return bool(
        _FOREIGN.search(re.sub(r"https?://(?:dx\.)?doi\.org/$|doi:?\s*$", "", context, flags=re.I)[-140:])
    ) and not (re.fullmatch(r"\W*(?:doi:?\s*)?(?:https?://(?:dx\.)?doi\.org/)?10\.\S+\W*", text.strip(), re.IGNORECASE))


def find_doi(text: str) -> str | None:
    """The first whole DOI in ``text``."""
    match = _DOI.search(text)
    return _whole(match, text, "") if match else None


def _whole(match: re.Match[str], text: str, after: str) -> str | None:
    found = match[1]
    if match.end() == len(text):
        first, *rest = after.split(" ", 1) if after else [""]
        continues = (
            bool(first) and _CONTINUES.match(first) is not None and (first[0] in "./_-(" or found.endswith(_OPEN))
        )
        if continues and (not rest or any(c.isdigit() for c in first)):
            found += first
        elif found.endswith(("/", "-", "_", "(")):
            return None
    found = _TAIL.sub("", found) if found.count("(") == found.count(")") or not found.endswith(")") else found[:-1]
    found = _TAIL.sub("", found) if not (found.endswith(")") and "(" in found) else found
    suffix = found.split("/", 1)[1] if "/" in found else ""
    return found if len(suffix) > 2 and any(c.isdigit() for c in suffix) else None
