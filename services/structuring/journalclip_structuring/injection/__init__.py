"""Does a text try to instruct a language model? Such text is structured all the same, as data, and flagged.

Detection is a second wall, never the first: the first is that article text is quoted, that answers are decoded under a
schema, and that nothing acts on what a text says. It asks two questions. How is the text carried (`carriers`): unseen
letters, chat markup, code points that only look like letters, encodings? And what does it do (`orders`): a caption
describes a picture; an order addresses a reader, tells it what to write, or sets aside what it was told before. The
second question is put to every reading of the text (`readings`), the one in print and those that a carrier hides.
"""

from __future__ import annotations

from journalclip_shared.records.caption import RecordFlag
from journalclip_structuring.injection.carriers import carriers
from journalclip_structuring.injection.orders import orders
from journalclip_structuring.injection.readings import readings


def flags_of(text: str) -> tuple[RecordFlag, ...]:
    """The flags a record of this text carries."""
    return ("hidden-instruction",) if suspicions(text) else ()


def suspicions(text: str) -> tuple[str, ...]:
    """What is wrong with it, in words, sorted; empty for ordinary captions."""
    found = set(carriers(text))
    for number, reading in enumerate(readings(text)):
        found.update(orders(reading, disguised=number > 0))
    return tuple(sorted(found))
