"""Hostile files: what an attacker, a broken exporter or a bad download may send in place of an article.

`FILES` maps a name to a builder of bytes; every file is made here from nothing, and but for the salts of locked files
each time the same. A file ends as an article or as a permanent error; which ends are right for it is part of its entry.
`mutants` makes any number more by seeded damage to real-looking PDFs.
"""

from journalclip_devtools.hostile.catalogue import FILES, Hostile
from journalclip_devtools.hostile.mutate import mutant, mutants

__all__ = ["FILES", "Hostile", "mutant", "mutants"]
