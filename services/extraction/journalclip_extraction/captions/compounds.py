"""What hyphenated compounds of medical English are made of, for words that a line end breaks at their hyphen.

A tail such as ``weighted`` or ``sided`` is hardly ever the second half of a word broken by syllables, and a head such
as ``non`` or ``contrast`` hardly ever its first. Heads that build words without a hyphen as often (pre, post, anti,
sub) are left to the document's own words.
"""

from __future__ import annotations


def _set(words: str) -> frozenset[str]:
    return frozenset(words.split())


_TAILS = _set("""
    weighted enhanced enhancing enhancement sided based related associated dependent independent like induced
    derived mediated treated specific negative positive free guided assisted matched controlled blind blinded
    suppressed saturated defined shaped labelled labeled tagged stained dimensional resolution density intensity
    signal attenuation scale grade stage risk level quality frequency energy acquired established differentiated
    limited looking occurring weighting recovery echo slice emission randomized randomised up linked poor
    deficient resistant sensitive responsive operated lasting resolved reported section reading sectional dose
    term year years
""")
_HEADS = _set("""
    non self well ill contrast gadolinium diffusion perfusion susceptibility fat proton cross high low long
    short half left right double single two three four five six seven eight nine ten ring rim spin gradient dose
    age sex quasi patient placebo case
""")
_OLD = frozenset({"year", "month", "week", "day"})  # what "old" is joined to; it also ends "threshold"
# Beginnings of words that stand without a hyphen, whatever follows.
_SOLID_HEADS = _set("""
    un re pre post over under out mis dis de in im ir co cor con com sub inter intra peri trans hyper hypo iso
    para micro macro anti bi tri neo auto ultra extra super pro retro supra infra semi uni multi mono poly up
    down back fore en em ab ad per inde cont
""")
_SOLID_TAILS = _set("""
    ing ed er ers est en ens ened ening ment ments tion tions ation ly al ally ity ness ous ic ical ive able
    ible ism ist ular most more way ways ward wards ship hood dom ful less age ance ence ent ents ant ants ate
    ated
""")
_PARTS = {  # what a head that else builds solid words is hyphenated with
    "multi": frozenset({"slice", "detector", "row", "parametric"}),
    "follow": frozenset({"up", "ups"}),
    "inter": frozenset({"observer", "reader", "rater"}),
    "intra": frozenset({"observer", "reader", "rater"}),
    "pre": frozenset({"existing"}),
    "post": frozenset({"mortem", "hoc"}),
}


def is_compound(head: str, tail: str, chained: bool = False) -> bool:
    """Do ``head`` and ``tail`` (lower case) make a compound with a hyphen? ``chained``: a hyphen stands before head."""
    if head in _PARTS:
        return tail in _PARTS[head]
    if tail in _SOLID_TAILS or head in _SOLID_HEADS:
        return False
    if tail == "old":
        return head in _OLD
    return tail in _TAILS or (head in _HEADS and len(tail) > 2) or (chained and tail == "art")
