"""Forms that an order travels in and a caption does not: each is suspicious whatever it says."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from typing import Final

from journalclip_structuring.injection.readings import decoded, plain

_INVISIBLE: Final = re.compile(r"[\u200b-\u200f\u2060-\u2064\u202a-\u202e\u2066-\u2069\ufeff\U000e0000-\U000e007f]")
_MANY_INVISIBLE: Final = 4  # one or two soft breaks are typesetting
_LEET: Final = re.compile(r"\b[A-Za-z]*[a-z][013457][a-z]+[A-Za-z0-9]*\b")
_MANY_LEET: Final = 3  # "p53" and "IL6" are genes; three words with digits inside lower case are writing
_SPACED: Final = re.compile(r"(?<!\w)(?:[A-Za-z_][ .\-·•|]{1,2}){9,}[A-Za-z](?!\w)")
_STACKED: Final = re.compile(r"[\u0300-\u036f]{2,}")
_FORMS: Final = {
    "chat markup": re.compile(
        r"<\|?/?(?:im_start|im_end|system|assistant|user|human|endoftext|begin_of_text|start_header_id|eot_id|sep|bos|eos"
        r"|turn|start_of_turn|end_of_turn|tool_call|think)\b[^>]{0,20}\|?>|\[/?(?:INST|SYS|SYSTEM|ASSISTANT|PROMPT)\]"
        r"|<</?SYS>>|</?s>\s*\[|###\s*(?:instruction|system|response|human|assistant|input|task|new|end)",
        re.IGNORECASE,
    ),
    "role prefix": re.compile(
        r"(?:^|[\n.!?)\]]\s*)[\"'*_#>\[({]{0,3}\s*"
        r"(?:system(?: (?:message|prompt|note|notice|override|update|instruction))?"
        r"|assistant|developer|user|human|admin(?:istrator)?|root|operator)[\"'*_\])}]{0,3}\s*(?::|>|\]|=>|\|)\s",
        re.IGNORECASE,
    ),
    "comment or markup": re.compile(
        r"<!--|-->|/\*.{3,}?\*/|\[//\]:|<!\[CDATA\[|\{[{%#].{2,}?[}%#]\}"
        r"|</?(?:script|style|span|div|instructions?|prompt|system|hidden|note|important|data|text|caption|document|context"
        r"|admin|override|iframe|img|meta|template|details|function|tool|answer|output|rules?)\b[^<>]{0,200}>"
        r"|```|\\(?:textcolor|phantom|hidden)\b|%%\s*\w",
        re.IGNORECASE | re.DOTALL,
    ),
    "end of data": re.compile(
        r"\b(?:end|begin(?:ning)?|start|close|stop) (?:of )?(?:the |this |untrusted |user |new |real )?"
        r"(?:figure |quoted |caption |input )?(?:caption|text|data|document|article|report|input|legend|quot(?:e|ation)"
        r"|context|instructions?|prompt|task|message|transcript|excerpt)\b(?=\s*(?:[.:;\-=*#>\])}\"']|$|\n))"
        r"|\bEND[ _]?(?:OF[ _])?(?:CAPTION|TEXT|DATA|INPUT)\b|[-=*#_]{3,}\s*(?:END|BEGIN|STOP|SYSTEM|NEW)\b",
        re.IGNORECASE,
    ),
    "answer's own keys": re.compile(
        r"[\"'“](?:modality|findings?|anatomy|procedure|schema_version|term|rendering|laterality|role|content|response_format)"
        r"[\"'”]\s*[:=]",
        re.IGNORECASE,
    ),
    "link that carries data": re.compile(
        r"!\[[^\]]{0,80}\]\(\s*https?://|\b(?:curl|wget|fetch)\s+(?:-\S+\s+)*[\"']?https?://"
        r"|https?://\S*[?&][\w-]+=[{<\[$]|\bhttps?://\S+\.(?:invalid|example|evil|attacker)\b",
        re.IGNORECASE,
    ),
    "code that runs": re.compile(
        r"\b(?:os\.system|subprocess|eval|exec|__import__|document\.cookie|alert)\s*\(|;\s*(?:rm -rf|drop table)\b"
        r"|\bjavascript:",
        re.IGNORECASE,
    ),
}


def carriers(text: str) -> Iterator[str]:
    """Names of the forms that the text shows."""
    shown = plain(text)
    if len(_INVISIBLE.findall(text)) >= _MANY_INVISIBLE:
        yield "invisible letters"
    if _look_alikes(text) or _STACKED.search(unicodedata.normalize("NFD", text)):
        yield "look-alike letters"
    if _SPACED.search(shown):
        yield "letter spacing"
    if len(_LEET.findall(shown)) >= _MANY_LEET:
        yield "leet"
    yield from (name for name, _ in decoded(shown))
    yield from (name for name, form in _FORMS.items() if form.search(shown))


def _look_alikes(text: str) -> bool:
    """A word of two scripts, Latin and one that looks like it; or two words of letters that are pictures."""
    mixed = pictures = 0
    for word in re.findall(r"\w{3,}", text):
        if word.isascii():
            continue
        scripts = {unicodedata.name(letter, "?").split(" ")[0] for letter in word if letter.isalpha()}
        mixed += "LATIN" in scripts and bool(scripts & {"CYRILLIC", "ARMENIAN", "CHEROKEE"})
        pictures += bool(scripts & {"MATHEMATICAL", "FULLWIDTH", "CIRCLED", "PARENTHESIZED", "SQUARED"})
    return mixed > 0 or pictures > 1
