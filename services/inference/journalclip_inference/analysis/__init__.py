"""How captions and queries become terms: one analysis for both, so that what means the same is the same term.

Words are cut, folded to one spelling (``folding``), put into the singular (``plurals``) or, in German, Spanish and
French, stripped of their endings (``stems``), marked where the sentence denies them (``negation``), and joined to the
concepts they name (``concepts``). The result is plain tokens: any engine that can look up a token can search them.
`ANALYSIS` names the version and is part of an index's id: captions and queries are always analysed alike.
"""

from journalclip_inference.analysis.analyzer import ANALYSIS, Analyzer, analyzer

__all__ = ["ANALYSIS", "Analyzer", "analyzer"]
