"""What a language model answers for a caption, and how that becomes a `CaptionRecord`.

The model names vocabulary terms and quotes the words it took them from. A quote that the caption does not hold, or a
term that the vocabulary does not, makes the answer wrong: so an answer cannot bring anything in from elsewhere.
"""

from __future__ import annotations

from typing import Any, get_args

from journalclip_shared.records.caption import CaptionRecord, Certainty, Coded, Finding, Laterality
from journalclip_structuring.coverage import with_coverage
from journalclip_structuring.rendering import render_caption
from journalclip_structuring.structurer import StructureRequest
from journalclip_structuring.vocabulary import vocabulary

CODED_FIELDS = ("modality", "sequence", "plane", "anatomy", "laterality", "procedure", "stage")
_MAX_ITEMS = 12  # more of one field than any caption names
_MAX_QUOTE = 120


def caption_schema() -> dict[str, Any]:
    """The JSON Schema sent with the request; lists and strings are capped."""
    quote = {"type": "string", "maxLength": _MAX_QUOTE}

    def listed(properties: dict[str, Any]) -> dict[str, Any]:
        item = {"type": "object", "properties": properties, "required": list(properties), "additionalProperties": False}
        return {"type": "array", "items": item, "maxItems": _MAX_ITEMS}

    fields = {name: listed({"term": {"enum": list(vocabulary(name).terms)}, "quote": quote}) for name in CODED_FIELDS}
    fields["findings"] = listed(
        {
            "term": {"enum": list(vocabulary("finding").terms)},
            "quote": quote,
            "negated": {"type": "boolean"},
            "certainty": {"enum": list(get_args(Certainty))},
            "site": {"enum": [*vocabulary("anatomy").terms, None]},
            "laterality": {"enum": [*get_args(Laterality), None]},
        }
    )
    return {"type": "object", "properties": fields, "required": list(fields), "additionalProperties": False}


def caption_record(answer: dict[str, Any], request: StructureRequest, by: str) -> CaptionRecord:
    """Raises ValueError for an answer outside the schema, the vocabularies or the caption's own words."""
    if set(answer) != {*CODED_FIELDS, "findings"}:
        raise ValueError(f"keys {sorted(answer)[:12]}")
    coded = {name: tuple(_coded(each, name, request.text) for each in _items(answer[name])) for name in CODED_FIELDS}
    findings = tuple(_finding(each, request.text) for each in _items(answer["findings"]))
    record = CaptionRecord.model_validate({**coded, "findings": findings, "panel": request.panel, "by": by})
    return with_coverage(record.model_copy(update={"rendering": render_caption(record)}), request.text)


def _items(value: object) -> list[dict[str, Any]]:
    if not isinstance(value, list) or len(value) > _MAX_ITEMS or not all(isinstance(each, dict) for each in value):
        raise ValueError("a field is not a short list of objects")
    return value


def _coded(item: dict[str, Any], name: str, text: str) -> Coded:
    if set(item) != {"term", "quote"}:
        raise ValueError(f"keys {sorted(item)[:6]} in {name}")
    return Coded(term=_term(item, name), **_quoted(item, text))


def _finding(item: dict[str, Any], text: str) -> Finding:
    extra = {key: value for key, value in item.items() if key not in {"term", "quote"}}
    if set(extra) != {"negated", "certainty", "site", "laterality"}:
        raise ValueError(f"keys {sorted(item)[:8]} in findings")
    if extra["site"] is not None and extra["site"] not in vocabulary("anatomy").terms:
        raise ValueError(f"unknown site {extra['site']!r}")
    return Finding.model_validate({"term": _term(item, "finding"), **_quoted(item, text), **extra}, strict=True)


def _term(item: dict[str, Any], name: str) -> str:
    term = item["term"]
    if not isinstance(term, str) or term not in vocabulary(name).terms:
        raise ValueError(f"unknown {name} {str(term)[:60]!r}")
    return term


def _quoted(item: dict[str, Any], text: str) -> dict[str, Any]:
    quote = item["quote"]
    start = text.find(quote) if isinstance(quote, str) and quote else -1
    if start < 0:
        raise ValueError(f"quote {str(quote)[:60]!r} is not in the caption")
    return {"text": quote, "span": (start, start + len(quote))}
