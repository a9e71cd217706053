"""What differs between kinds where commands read an installation: facts, documents, ids, exports, stages of a run.

One protocol, `SourceKind`, with one implementation a kind. Status, audit, rebuild and the local run know no kind by
name; they ask for those there are.
"""

from __future__ import annotations

from journalclip_pipelines.kinds.articles import Articles
from journalclip_pipelines.kinds.source_kind import Document, SourceKind
from journalclip_pipelines.kinds.studies import Studies
from journalclip_shared.kinds import KINDS, Kind

__all__ = ["Document", "SourceKind", "every_kind", "source_kind"]

_KINDS: dict[Kind, SourceKind] = {"articles": Articles(), "studies": Studies()}


def source_kind(kind: Kind) -> SourceKind:
    return _KINDS[kind]


def every_kind() -> list[SourceKind]:
    return [_KINDS[kind] for kind in KINDS]
