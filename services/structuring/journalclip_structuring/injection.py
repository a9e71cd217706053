"""Does a text try to instruct a language model? Such text is structured all the same, as data, and flagged.

Detection is a second wall, never the first: the first is that article text is quoted, that answers are decoded under a
schema, and that nothing acts on what a text says. Each family of patterns is one way of smuggling an instruction.
"""

from __future__ import annotations

import base64
import binascii
import re
import unicodedata

from journalclip_shared.records.caption import RecordFlag

_FAMILIES = {
    "override": (
        r"\b(?:ignore|disregard|forget|override|bypass)\b.{0,40}\b(?:previous|prior|above|earlier|preceding|all|any|system"
        r"|your)\b.{0,30}\b(?:instruction|prompt|rule|direction|guideline|context|order|polic)"
    ),
    "role": (
        r"(?:^|\s)(?:system|assistant|developer|user)\s*(?::|>|\])\s"
        r"|<\|?(?:im_start|im_end|system|assistant|endoftext)|\[/?INST\]|<<SYS>>"
        r"|\byou are now\b|\bact as (?:an?|the)\b|\bpretend (?:to be|you are)\b|\bnew persona\b"
    ),
    "command": (
        r"\b(?:output|print|respond|reply|answer|return|write|say|repeat|emit|include|append|add|contain)\b"
        r".{0,40}\b(?:only|exactly|the (?:word|phrase|string|text|following)|with|verbatim)\b"
        r".{0,60}(?:[\"'“‘`]|\b(?:and |with )?nothing else\b|(?-i:\b[A-Z]{2,}[-_]?[A-Z0-9]{2,}\b))"
    ),
    "model": (
        r"\b(?:language model|LLMs?|AI (?:model|assistant|system|reviewer)|chatbot|chatgpt|GPT-?\d|as an AI"
        r"|the model (?:must|should|shall)|note to (?:the )?(?:AI|model|parser|extractor|annotator))\b"
    ),
    "exfiltrate": (
        r"\b(?:reveal|leak|disclose|show|print|send|post|upload)\b.{0,40}"
        r"\b(?:system prompt|your (?:prompt|instructions)"
        r"|api key|secret|credential|password|token)s?\b|\b(?:curl|wget)\s+https?://|!\[[^\]]*\]\(https?://"
    ),
    "markup": r"<!--.*?-->|<(?:script|style|span|div|instruction|prompt)\b[^>]*>|\{\{.*?\}\}|```",
    "schema": r"[\"'](?:modality|findings|anatomy|procedure|schema_version|term|rendering)[\"']\s*:",
    "end of data": (
        r"\b(?:end of (?:the )?(?:caption|text|data|document|article|report|input)"
        r"|begin (?:new )?(?:instruction|task|prompt)|new (?:task|instructions?)\s*:|END[ _]?(?:CAPTION|TEXT|DATA))\b"
    ),
    "translation": (
        r"\b(?:ignorez|ignoriere|ignora|ignore[nz]|olvida|vergiss|oubliez)\b"
        r".{0,40}\b(?:instruc|anweisung|istruzion|consigne)"
    ),
}
_PATTERNS = {name: re.compile(pattern, re.IGNORECASE | re.DOTALL) for name, pattern in _FAMILIES.items()}
# Cues that captions seldom hold and orders seldom lack; no single one is enough.
_CUES = tuple(
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        # Somebody is spoken to.
        r"\b(?:you|your|yours|yourself|us a favou?r|whoever|anyone (?:who|reading|processing)|kindly|please|attention"
        r"|we ask|readers?|reviewers?|administrator|bots?)\b",
        # An imperative, or what amounts to one.
        r"(?:^|[.;:!?>)\]]\s*|\b(?:please|now|and|then|to|orders?:?)\s+)"
        r"(?:write|put|set|say|output|respond|reply|answer|return|print|stop|ignore|forget|disregard|pretend|act"
        r"|translate|reveal|classify|label|mark|treat|report|state|insert|use|skip|assume|give|make|do not|don't"
        r"|only|consider|add|mention|list|tag|approve|replace|sign|end|code|do us)\b",
        # Necessity.
        r"\b(?:must|has to|have to|shall|should|needs? to|required to|obliged to|is to be|are always|are now"
        r"|only (?:acceptable|valid|correct)|correct answer|essential that|important that|mandatory|exactly once)\b",
        # The work of coding, or the machine that does it.
        r"\b(?:task|job|instructions?|prompts?|answer|response|output|label|json|fields?|models?|assistant|AI|system|parser"
        r"|pipeline|software|automated|summary|this (?:line|picture|figure)|test and|as confirmed|extractor|annotators?"
        r"|graders?|document|record|coding|coded as|policy|all findings|quality control|bots?|diagnosis is"
        r"|as the diagnosis|in the result)\b",
        # Everything else is set aside.
        r"\b(?:whatever|regardless|no matter|nothing else|instead|from now on|always"
        r"|(?:everything|anything|all) (?:above|before)|(?:in )?(?:every|each) (?:list|field)|real (?:job|task)"
        r"|updated policy|skip quality)\b",
    )
)
_ENOUGH_CUES = 3  # of the five kinds, in one sentence or in two that follow each other
_LEET_WORD = re.compile(r"\b[A-Za-z]*[a-z][013457][a-z]+[A-Za-z0-9]*\b")
_MANY_LEET = 3  # "p53" and "IL6" are genes; three words with digits inside lower case are writing
_ENCODED = re.compile(r"[A-Za-z0-9+/]{24,}={0,2}")
_INVISIBLE = re.compile(r"[\u200b-\u200f\u2060-\u2064\u202a-\u202e\u2066-\u2069\ufeff\U000e0000-\U000e007f]")
_SPACED = re.compile(r"(?:\S[ .\-]){8,}\S")  # "i g n o r e _ a l l"
_LEET = str.maketrans("013457@$", "oieastas")
_MANY_INVISIBLE = 4  # one or two soft breaks are typesetting


def flags_of(text: str) -> tuple[RecordFlag, ...]:
    """The flags a record of this text carries."""
    return ("hidden-instruction",) if suspicions(text) else ()


def suspicions(text: str) -> tuple[str, ...]:
    """Names of the families that fit, sorted; empty for ordinary captions."""
    found = set()
    if len(_INVISIBLE.findall(text)) >= _MANY_INVISIBLE:
        found.add("invisible")
    if _SPACED.search(text):
        found.add("letter spacing")
    if len(_LEET_WORD.findall(text)) >= _MANY_LEET:
        found.add("leet")
    if any(_decoded(blob) for blob in _ENCODED.findall(text)):
        found.add("encoded")
    for reading in _readings(text):
        if _orders(reading):
            found.add("order")
        found.update(name for name, pattern in _PATTERNS.items() if pattern.search(reading))
    return tuple(sorted(found))


def _orders(reading: str) -> bool:
    """Enough kinds of cue close together."""
    parts = re.split(r"(?<=[.!?;])\s+|\n+", reading)
    windows = [" ".join(parts[index : index + 2]) for index in range(len(parts))]
    return any(sum(bool(cue.search(window)) for cue in _CUES) >= _ENOUGH_CUES for window in windows)


def _readings(text: str) -> list[str]:
    """The text as printed, and as someone who hides an instruction means it to be read."""
    plain = unicodedata.normalize("NFKC", text)
    tags = "".join(chr(ord(c) - 0xE0000) for c in text if 0xE0020 <= ord(c) <= 0xE007E)
    bare = _INVISIBLE.sub("", plain)
    readings = [bare, bare.translate(_LEET)]
    if tags:
        readings.append(tags)
    if _SPACED.search(bare):
        readings.append(_SPACED.sub(lambda found: found.group()[::2].replace("_", " "), bare))
    for blob in _ENCODED.findall(bare):
        readings.extend(_decoded(blob))
    return readings


def _decoded(blob: str) -> list[str]:
    try:
        decoded = base64.b64decode(blob + "=" * (-len(blob) % 4)).decode()
    except (binascii.Error, UnicodeDecodeError):
        return []
    # A long gene sequence decodes to something as well, but not to words.
    return [decoded] if decoded.isprintable() and " " in decoded else []
