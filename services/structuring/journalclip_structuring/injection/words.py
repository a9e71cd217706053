"""The words that orders are made of, from ``words.toml``."""

from __future__ import annotations

import tomllib
import unicodedata
from dataclasses import dataclass
from functools import cache
from importlib import resources


@dataclass(frozen=True)
class Language:
    """Imperatives, and what they would be about, as regular expressions."""

    orders: tuple[str, ...]
    objects: tuple[str, ...]


@dataclass(frozen=True)
class Words:
    """``verbs`` are plain words by their kind, ``cues`` regular expressions by theirs."""

    verbs: dict[str, tuple[str, ...]]
    cues: dict[str, tuple[str, ...]]
    languages: dict[str, Language]
    morse: dict[str, str]

    @property
    def scrambled(self) -> frozenset[str]:
        """Words worth looking for with their inner letters shuffled."""
        said = {word for kind in ("aside", "say", "act") for word in self.verbs[kind] if word.isalpha()}
        return frozenset(said | _OBJECTS)


_OBJECTS = frozenset(
    {"previous", "instructions", "instruction", "system", "prompt", "assistant", "language", "model", "everything",
     "nothing", "following", "answer", "response", "always", "rules", "guidelines", "please", "should", "exactly"}
)  # fmt: skip


@cache
def words() -> Words:
    source = (resources.files(__package__ or "") / "words.toml").read_text(encoding="utf-8")
    content = tomllib.loads(unicodedata.normalize("NFKC", source))  # as every text is that is searched for them
    return Words(
        {name: tuple(listed) for name, listed in content["verbs"].items()},
        {name: tuple(listed) for name, listed in content["cues"].items()},
        {name: Language(tuple(each["orders"]), tuple(each["objects"])) for name, each in content["languages"].items()},
        dict(content["morse"]),
    )
