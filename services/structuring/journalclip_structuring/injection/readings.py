"""A text as it is printed, and as someone who hides an order in it means it to be read.

Every reading undoes one disguise: look-alike letters, digits for letters, spaced letters, scrambled words, reversal,
encodings. An ordinary text read so is gibberish, which gives no order; so a reading more costs time, not false alarms.
"""

from __future__ import annotations

import base64
import binascii
import codecs
import html
import re
import unicodedata
from collections.abc import Iterator
from functools import cache
from typing import Final
from urllib.parse import unquote

from journalclip_structuring.injection.words import words

_TAGS: Final = range(0xE0020, 0xE007F)  # Unicode's tag characters: ASCII that no font shows
_BASE64: Final = re.compile(r"[A-Za-z0-9+/_-]{16,}={0,2}")
_BASE32: Final = re.compile(r"\b[A-Z2-7]{24,}={0,6}")
_HEX: Final = re.compile(r"\b(?:(?:0x|\\x)?[0-9A-Fa-f]{2}[\s:]?){12,}")
_BITS: Final = re.compile(r"\b(?:[01]{8}\s?){8,}")
_CODES: Final = re.compile(r"\b(?:1?\d{2}[\s,]+){11,}1?\d{2}\b")  # character codes in decimal
_ESCAPES: Final = re.compile(r"\\u([0-9A-Fa-f]{4})")
_SPACED: Final = re.compile(r"(?<!\w)(?:\w[ .\-·•_|]{1,2}){7,}\w(?!\w)")
_LEET: Final = str.maketrans("0134578@$!|", "oieastbasil")
_MORSE: Final = re.compile(r"(?:[.\-·−]{1,5}[ /]+){12,}")
# Letters of other scripts that print as Latin ones; compatibility forms (bold, full width) are NFKC's business.
_ALIKE: Final = str.maketrans(
    "аеорсухіјѕԁԛԝһАВЕКМНОРСТХІЈЅɑοΟΑΒΕΖΗΙΚΜΝΡΤΥΧıɡℓ",
    "aeopcyxijsdqwhABEKMHOPCTXIJSaoOABEZHIKMNPTYXigl",
)
_LETTERS: Final = 4  # a shorter word cannot be scrambled and still be read


def readings(text: str) -> list[str]:
    """Distinct readings, the plain one first."""
    bare = plain(text)
    found = [bare, *_disguised(text, bare), *(reading for _, reading in decoded(bare))]
    return list(dict.fromkeys(found))


def plain(text: str) -> str:
    """Compatibility forms and look-alike letters as the letters they print as, invisible characters gone."""
    shown = unicodedata.normalize("NFKC", html.unescape(text))
    shown = "".join(letter for letter in shown if letter in "\n\t" or unicodedata.category(letter) not in {"Cf", "Cc"})
    # Accents stacked on letters are a disguise; an accented letter of a language is one character in this form.
    shown = re.sub(r"[\u0300-\u036f]+", "", shown)
    return re.sub(r"\w+", lambda word: _latin(word.group()), shown)


def _latin(word: str) -> str:
    """Look-alikes as Latin, but in words of one script alone ("α", "что") nothing is disguised."""
    if word.isascii():
        return word
    folded = word.translate(_ALIKE)
    return folded if folded.isascii() and len(word) > 1 else word


def _disguised(text: str, bare: str) -> Iterator[str]:
    tags = "".join(chr(ord(letter) - 0xE0000) for letter in text if ord(letter) in _TAGS)
    if tags:
        yield tags
    yield bare.translate(_LEET)
    yield _SPACED.sub(lambda run: _closed_up(run.group()), bare)
    yield " ".join(_unscrambled(word) for word in bare.split(" "))
    yield codecs.encode(bare, "rot13")
    yield bare[::-1]
    yield " ".join(word[::-1] for word in bare.split())
    yield re.sub(r"(?<=\w)[*_~`^|]+(?=\w)", "", bare)


def _closed_up(run: str) -> str:
    """``i g n o r e   a l l``: one separator within a word, more or an underscore between words."""
    parts = re.split(r"\s{2,}|_|[ ]?[|·•][ ]?", run)
    if len(parts) == 1:
        parts = [run]
    return " ".join(re.sub(r"[\W_]", "", part) for part in parts)


@cache
def _signatures() -> dict[tuple[str, str, str], str]:
    return {_signature(word): word for word in words().scrambled if len(word) > _LETTERS}


def _signature(word: str) -> tuple[str, str, str]:
    return word[0], word[-1], "".join(sorted(word[1:-1]))


def _unscrambled(word: str) -> str:
    bare = word.lower().strip(".,;:!?")
    return _signatures().get(_signature(bare), word) if len(bare) > _LETTERS else word


def decoded(text: str) -> Iterator[tuple[str, str]]:
    """Encodings in the text that decode to words: name of the encoding and what it says."""
    for name, decode, pattern in _DECODERS:
        for found in pattern.finditer(text):
            said = decode(found.group())
            if said and _is_words(said):
                yield name, said
    if "%" in text and unquote(text) != text and _is_words(unquote(text)):
        yield "percent", unquote(text)
    if _ESCAPES.search(text):
        yield "escapes", _ESCAPES.sub(lambda code: chr(int(code[1], 16)), text)


def _is_words(text: str) -> bool:
    """Two words of letters at least, and little else: a gene's sequence decodes to something, but not to this."""
    letters = sum(letter.isalpha() or letter == " " for letter in text)
    return text.isprintable() and len(re.findall(r"[A-Za-z]{2,}", text)) > 1 and letters > 0.8 * len(text)


def _base64(blob: str) -> str:
    body = blob.rstrip("=").translate(str.maketrans("-_", "+/"))
    return _text_of(lambda: base64.b64decode(body + "=" * (-len(body) % 4)))


def _base32(blob: str) -> str:
    body = blob.rstrip("=")
    return _text_of(lambda: base64.b32decode(body + "=" * (-len(body) % 8)))


def _hex(blob: str) -> str:
    return _text_of(lambda: bytes.fromhex(re.sub(r"0x|\\x|[\s:]", "", blob)))


def _bits(blob: str) -> str:
    return _text_of(lambda: bytes(int(octet, 2) for octet in blob.split()))


def _codes(blob: str) -> str:
    return _text_of(lambda: bytes(int(code) for code in re.findall(r"\d+", blob)))


def _text_of(decode: object) -> str:
    assert callable(decode)
    try:
        return str(decode().decode())
    except (binascii.Error, UnicodeDecodeError, ValueError):
        return ""


def _morse(run: str) -> str:
    signs = run.translate(str.maketrans("·−", ".-")).replace("/", " / ").split()
    return "".join(" " if sign == "/" else words().morse.get(sign, "") for sign in signs)


_DECODERS: Final = (
    ("base64", _base64, _BASE64),
    ("base32", _base32, _BASE32),
    ("hexadecimal", _hex, _HEX),
    ("binary", _bits, _BITS),
    ("character codes", _codes, _CODES),
    ("morse", _morse, _MORSE),
)
