"""A compound figure's caption to its panels' texts, by a language model: the first of two steps.

The model quotes: the words that hold for all panels, and each panel's own. A quotation that the caption does not hold,
a letter that was not asked for or one that is missing makes the answer wrong. The second step structures each text.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

from journalclip_shared.ids import sha256_hex
from journalclip_structuring.endpoint.strict import strict_schema
from journalclip_structuring.prompts import quoted, system_of
from journalclip_structuring.structurer import SplitRequest

_MOST: Final = 26  # panels of one figure
_QUOTE: Final = 600  # characters of one quotation
_RULES: Final = """You divide the caption of a figure with several panels. Answer with one JSON object and nothing else.
"common" holds the words that are true of all panels, "panels" for each letter asked for its own words. Quote letter by
letter from the caption; join nothing, change nothing, and leave panel letters out of the quotations. A description that
is said of two panels ("A, B: ...") is quoted for both. Where a letter has no words of its own, "quotes" is empty."""
_EXAMPLES: Final = (
    (
        "A, B",
        "MRI of a 40-year-old man. (A) Axial FLAIR image with a cyst. (B) The same after contrast.",
        '{"common":["MRI of a 40-year-old man."],"panels":[{"letter":"A","quotes":["Axial FLAIR image with a cyst."]},'
        '{"letter":"B","quotes":["The same after contrast."]}]}',
    ),
    (
        "a, b, c",
        "Axial CT before (a) and after surgery (b, c). No haemorrhage.",
        '{"common":["Axial CT","No haemorrhage."],"panels":[{"letter":"a","quotes":["before"]},'
        '{"letter":"b","quotes":["after surgery"]},{"letter":"c","quotes":["after surgery"]}]}',
    ),
)


@dataclass(frozen=True)
class SplitTask:
    """One caption; the answer is the text of each letter."""

    request: SplitRequest
    temperature: float = 0.0
    name: str = "panels"

    @property
    def task_id(self) -> str:
        return self.request.request_id

    @property
    def text(self) -> str:
        return self.request.caption

    def messages(self, remark: str) -> list[dict[str, str]]:
        turns = [
            turn
            for letters, caption, answer in _EXAMPLES
            for turn in (_asked(caption, letters), {"role": "assistant", "content": answer})
        ]
        asked = _asked(self.request.caption, ", ".join(self.request.letters))
        return [{"role": "system", "content": system_of(_RULES, split_schema(), remark)}, *turns, asked]

    def schema(self) -> dict[str, Any]:
        return strict_schema(split_schema())

    def read(self, answer: dict[str, Any]) -> dict[str, str]:
        """The text of each letter: common words, then its own, in the caption's order. Raises ValueError."""
        if set(answer) != {"common", "panels"} or not isinstance(answer["panels"], list):
            raise ValueError(f"keys {sorted(answer)[:6]}")
        common = _spans(answer["common"], self.text)
        found: dict[str, str] = {}
        for panel in answer["panels"]:
            if not isinstance(panel, dict) or set(panel) != {"letter", "quotes"}:
                raise ValueError("a panel has other keys")
            own = _spans(panel["quotes"], self.text)
            if panel["letter"] in found:
                raise ValueError(f"the letter {str(panel['letter'])[:3]!r} comes twice")
            words = [self.text[start:end] for start, end in sorted({*common, *own})]
            found[str(panel["letter"])] = " ".join(words) if own else ""
        if set(found) != set(self.request.letters):
            raise ValueError(f"letters {sorted(found)[:_MOST]}, asked for {list(self.request.letters)}")
        return found


@cache
def split_schema() -> dict[str, Any]:
    """The JSON Schema of an answer."""
    quotes = {"type": "array", "items": {"type": "string", "maxLength": _QUOTE}, "maxItems": _MOST}
    panel = {
        "type": "object",
        "properties": {"letter": {"type": "string", "maxLength": 3}, "quotes": quotes},
        "required": ["letter", "quotes"],
        "additionalProperties": False,
    }
    return {
        "type": "object",
        "properties": {"common": quotes, "panels": {"type": "array", "items": panel, "maxItems": _MOST}},
        "required": ["common", "panels"],
        "additionalProperties": False,
    }


@cache
def split_version() -> str:
    """Four hexadecimal digits that change with the words and the schema."""
    return sha256_hex(json.dumps([_RULES, _EXAMPLES, split_schema()]).encode())[:4]


def _asked(caption: str, letters: str) -> dict[str, str]:
    turn = quoted(caption)
    return turn | {"content": f"Panels: {letters}\n{turn['content']}"}


def _spans(quotes: object, text: str) -> list[tuple[int, int]]:
    if not isinstance(quotes, list) or len(quotes) > _MOST:
        raise ValueError("quotations are no short list")
    spans = []
    for quote in quotes:
        start = text.find(quote) if isinstance(quote, str) and quote.strip() else -1
        if start < 0:
            raise ValueError(f"quotation {str(quote)[:60]!r} is not in the caption")
        spans.append((start, start + len(quote)))
    return spans
