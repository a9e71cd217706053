"""The protocol of a kind as commands need it, and what they read of a structured or extracted document."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from journalclip_shared.artifacts import ArtifactRef, ArtifactStore, Bucket
from journalclip_shared.events import Fact
from journalclip_shared.kinds import Kind


@dataclass(frozen=True)
class Document:
    """What a document refers to. ``pairs`` maps each pair's id to the bytes it shows; extracted ones have none."""

    refs: Sequence[ArtifactRef] = ()
    pairs: Mapping[str, ArtifactRef] = field(default_factory=dict)


class SourceKind(Protocol):
    """Facts are those of one step each; a fact's key is the source's id."""

    @property
    def kind(self) -> Kind: ...

    @property
    def source(self) -> str:
        """One source, in words: ``article``."""
        ...

    @property
    def unit(self) -> str:
        """What extraction counts in one: ``figures``."""
        ...

    @property
    def id_prefix(self) -> str: ...

    @property
    def stores_no_refused(self) -> bool:
        """A source that cannot be used is refused before anything of it is stored."""
        ...

    @property
    def submissions(self) -> Bucket:
        """Where sources as taken in lie."""
        ...

    @property
    def documents(self) -> Bucket:
        """Where extracted and structured documents lie."""
        ...

    @property
    def submitted(self) -> type[Fact]: ...

    @property
    def extracted(self) -> type[Fact]: ...

    @property
    def structured(self) -> type[Fact]: ...

    def name_of(self, submitted: Fact) -> str: ...

    def extracted_count(self, extracted: Fact) -> int: ...

    def pairs_count(self, structured: Fact) -> int: ...

    def document_of(self, fact: Fact) -> ArtifactRef:
        """The document of an extracted or structured fact, or the submitted bytes."""
        ...

    def submitted_facts(self, store: ArtifactStore) -> Iterator[Fact]:
        """Every source that was ever submitted, by id, from its manifest."""
        ...

    def extracted_fact(self, store: ArtifactStore, ref: ArtifactRef) -> Fact: ...

    def structured_fact(self, store: ArtifactStore, ref: ArtifactRef) -> Fact: ...

    def read_submitted(self, store: ArtifactStore, fact: Fact) -> Document:
        """Raises `pydantic.ValidationError` for another document."""
        ...

    def read_extracted(self, store: ArtifactStore, ref: ArtifactRef) -> Document:
        """Raises `pydantic.ValidationError` for another document."""
        ...

    def read_structured(self, store: ArtifactStore, ref: ArtifactRef) -> Document:
        """Raises `pydantic.ValidationError` for another document."""
        ...
