"""Names that several services and the chart share, each declared once: topics, groups, manifests, registered models.

A manifest's name says what a document is of; the bucket it lies in is beside it. A consumer group is called
``<step>-<kind>``, which is also the name of its chart part and of its logins.
"""

from __future__ import annotations

import re

from journalclip_shared.ids import sha256_hex
from journalclip_shared.kinds import Kind
from journalclip_shared.records.withdrawal import Scope

_PLAIN = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,99}")  # a subject that may stand in a manifest's name as it is

# Where the object store's own notifications arrive, before intake makes facts of them.
NOTIFICATIONS = "bucket.notifications"


def submitted(source_id: str = "") -> str:
    """The document of a source as it was taken in; in the bucket of submissions of its kind."""
    return f"submitted/{source_id}"


def extracted(extractor: str = "", source_id: str = "") -> str:
    """What one extractor read from a source. Without arguments: the prefix of all."""
    return f"extracted/{extractor}/{source_id}" if extractor else "extracted/"


def delivered(extractor: str = "", delivery_id: str = "") -> str:
    """What one extractor version found in a delivery; without arguments the prefix of all."""
    return f"delivered/{extractor}/{delivery_id}" if extractor else "delivered/"


def structured(extractor: str = "", structurer: str = "", source_id: str = "") -> str:
    """What one structurer made of it; the versions are slugs. Without arguments: the prefix of all."""
    return f"structured/{extractor}/{structurer}/{source_id}" if extractor else "structured/"


def frozen(dataset_id: str = "") -> str:
    """A dataset's manifest, in ``datasets``."""
    return f"frozen/{dataset_id}"


def members(dataset_id: str) -> str:
    """Which ids a dataset holds, by split, in ``datasets``."""
    return f"members/{dataset_id}"


def freezes(kind: Kind, number: int | None = None) -> str:
    """What a freeze by rule covered, in ``datasets``. Without a number: the prefix of all of the kind."""
    prefix = "freezes/" if kind == "articles" else f"freezes-{kind}/"
    return prefix if number is None else f"{prefix}{number:08d}"


def source_of(name: str) -> str:
    """The article whose document has this name; an ending says how a bundle was read."""
    return name.rpartition("/")[2].partition(".")[0]


def reviewed(kind: Kind, subject: str = "") -> str:
    """Prefix of what reviewers decided about a pair or study, in ``datasets``; without a subject of all."""
    prefix = "reviewed/" if kind == "articles" else f"reviewed-{kind}/"
    return f"{prefix}{subject}/" if subject else prefix


def remarked(subject: str = "") -> str:
    """Prefix of notes, reports and disputes about a pair or study, in ``datasets``; without a subject of all."""
    return f"remarked/{subject}/" if subject else "remarked/"


def assigned(assignment_id: str = "") -> str:
    """A share-out of pairs among reviewers, in ``datasets``; without an id the prefix of all."""
    return f"assigned/{assignment_id}"


def withdrawn(scope: Scope | None = None, subject: str = "") -> str:
    """Prefix of what people said about a subject, in ``quarantine``. Without a scope: the prefix of all."""
    if scope is None:
        return "withdrawn/"
    plain = subject if _PLAIN.fullmatch(subject) else sha256_hex(subject.encode())[:32]
    return f"withdrawn/{scope}/{plain}/"


def proposal(notice: str = "", target: str = "") -> str:
    """A reason to withdraw, in ``quarantine``; without arguments the prefix of all."""
    return f"proposals/{notice}/{target or 'unknown'}" if notice else "proposals/"


def tombstone(uri: str) -> str:
    """What is left of an erased object, in ``quarantine``."""
    return f"tombstones/{sha256_hex(uri.encode())[:32]}"


def trained(model_id: str = "") -> str:
    """A model's manifest, in ``models``."""
    return f"trained/{model_id}"


def index(model_id: str, dataset_id: str) -> str:
    """The search index of a model over a dataset, in ``models``; below it, each edition of an index of articles."""
    return f"indexes/{model_id}/{dataset_id}"


def decided(model_id: str) -> str:
    """The answer to a candidate's event, in ``models``."""
    return f"decided/{model_id}"


def ledger(kind: Kind) -> str:
    """Prefix of one kind's promotion ledger, in ``models``."""
    return "" if kind == "articles" else f"{kind}/"


def registered_model(kind: Kind, installation: str = "") -> str:
    """The registered model, the tracking experiment and the lease of one kind; each installation has its own."""
    own = f"journalclip-{installation}" if installation else "journalclip"
    return own if kind == "articles" else f"{own}-{kind}"


def promotion_lock(kind: Kind) -> str:
    """File of the promoter's lock, in the working folder."""
    return "promotion.lock" if kind == "articles" else f"promotion-{kind}.lock"


def group(step: str, kind: Kind) -> str:
    """Consumer group, chart part and login of a step for one kind."""
    return f"{step}-{kind}"


# Groups that had another name in the last release. A new group that has no place in the log begins at the old one's.
FORMER_GROUPS: dict[str, str] = {
    group(step, "articles"): step
    for step in (
        "extraction",
        "structuring",
        "freezing",
        "training",
        "promotion",
        "inference-index",
        "inference-segments",
    )
}
