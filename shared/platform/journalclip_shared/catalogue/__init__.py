"""The catalogue: where every source is and why, as SQL that is projected from the event log.

It is nothing's truth: manifests in the store and facts in the log are, and `journalclip catalogue rebuild` makes it
anew from them. Only the projector of the service ``catalogue`` writes it; everybody else reads it by `Catalogue`.
"""

from journalclip_shared.catalogue.queries import Catalogue, Place, SourceRow

__all__ = ["Catalogue", "Place", "SourceRow"]
