"""All hostile files by name, each with the ends that are right for it.

``READ`` stands for an article with figures. A file that only may be slow is right with any end: what matters there is
that it ends within the limits.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from journalclip_devtools.hostile import containers, content, reaching, streams, structure

READ = "read"
_ANY: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Hostile:
    """``ends``: the codes (or `READ`) one of which is right; empty where every end with a code is."""

    name: str
    build: Callable[[], bytes]
    ends: frozenset[str] = _ANY


_KNOWN: dict[Callable[[], bytes], tuple[str, ...]] = {
    containers.empty: ("pdf-empty",),
    containers.one_byte: ("pdf-invalid",),
    containers.header_only: ("pdf-invalid", "pdf-truncated", "pdf-no-pages"),
    containers.web_page: ("pdf-invalid", "pdf-truncated"),
    containers.zeros: ("pdf-invalid",),
    containers.truncated: ("pdf-truncated", "pdf-invalid", "pdf-no-pages", READ),
    containers.zero_pages: ("pdf-no-pages",),
    containers.user_password: ("pdf-encrypted",),
    containers.empty_user_password: (READ,),
    containers.empty_user_password_aes: (READ,),
    containers.plain: (READ,),
    containers.no_trailer: (READ, "pdf-truncated"),
    containers.zip_and_pdf: (READ,),
    containers.web_page_and_pdf: (READ,),
    reaching.hostile_text: (READ,),
}

_MODULES = (containers, streams, structure, content, reaching)


def _all() -> dict[str, Hostile]:
    found = {}
    for module in _MODULES:
        for name, build in vars(module).items():
            if callable(build) and not name.startswith("_") and build.__module__ == module.__name__:
                key = name.replace("_", "-")
                found[key] = Hostile(key, build, frozenset(_KNOWN.get(build, ())))
    return found


FILES: dict[str, Hostile] = _all()
