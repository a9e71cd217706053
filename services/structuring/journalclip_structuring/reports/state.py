"""What holds within one sentence while it is read."""

from __future__ import annotations

from dataclasses import dataclass, field

from journalclip_structuring.reports.chunks import Binding, Chunk, Place
from journalclip_structuring.reports.entity import Entity
from journalclip_structuring.reports.lexicon import Mention

Attribute = Mention | Binding | Place


@dataclass
class State:
    """What holds within one sentence."""

    start: int
    end: int
    number: int
    section: str
    group: list[Entity] = field(default_factory=list)  # what attributes now go to
    main: list[Entity] = field(default_factory=list)  # the sentence's last affirmed findings
    opened: list[Entity] = field(default_factory=list)
    waiting: list[Attribute] = field(default_factory=list)  # said before their finding
    deny_end: int | None = None
    sign_denied: bool = False
    hedge: str | None = None
    linked: bool = False
    hedged_at: int | None = None  # where the last word that gives a diagnosis ends
    around: str | None = None
    off: bool = False  # places named now are those of something pressed upon
    touched: list[list[Entity]] = field(default_factory=list)  # affirmed findings, in the order they were spoken of
    change: str | None = None
    read: bool = False
    lead: Binding | None = None  # sequences named without a signal: a signal that follows is theirs
    last_finding: Mention | None = None
    chosen: Entity | None = None  # "the former", "the latter": what the chunk speaks of
    hosts: dict[int, Entity] = field(default_factory=dict)  # what was chosen when a finding was opened, by its id
    entry: Mention | None = None  # the plural above the list that this sentence is an entry of

    def binds(self) -> list[Binding]:
        """Signals and sequences that wait for their finding."""
        return [each for each in self.waiting if isinstance(each, Binding)]

    def places(self) -> list[Place]:
        return [each for each in self.waiting if isinstance(each, Place)]

    def place(self) -> tuple[str | None, str | None]:
        """Site and side that wait for their finding; one with a code before one without."""
        found = self.places()
        coded = [each for each in found if each.site not in {None, "-"}] or found
        return (coded[0].site, coded[0].side) if coded else (None, None)


def following(at: int, chunk: Chunk) -> Mention | None:
    """The chunk's first finding at ``at`` or behind it."""
    return next(
        (each for each in chunk.mentions if each.start >= at and (each.get("finding") or each.get("sign"))), None
    )
