"""Which words of a report are no names: a list, inflections by rule, and the endings that medical words have."""

from __future__ import annotations

import re
from functools import cache
from importlib import resources

# Common words that are also given or family names: names where they stand in a name's place, else words.
NAMESAKES = frozenset(
    [
        "abbott",
        "alexander",
        "amber",
        "archer",
        "armstrong",
        "art",
        "arnold",
        "august",
        "baker",
        "ball",
        "banks",
        "barber",
        "barre",
        "bell",
        "berry",
        "best",
        "bill",
        "bird",
        "bishop",
        "black",
        "blake",
        "bloom",
        "bond",
        "bright",
        "broad",
        "brook",
        "brooks",
        "brown",
        "burns",
        "bush",
        "butler",
        "carpenter",
        "carter",
        "case",
        "chance",
        "chase",
        "chester",
        "christian",
        "church",
        "clay",
        "cliff",
        "cook",
        "cooper",
        "cross",
        "crystal",
        "daisy",
        "dale",
        "dawn",
        "dawson",
        "day",
        "dean",
        "drew",
        "duke",
        "earl",
        "east",
        "eve",
        "evans",
        "faith",
        "farmer",
        "field",
        "fields",
        "fisher",
        "flowers",
        "ford",
        "fox",
        "frank",
        "freeman",
        "gale",
        "gardener",
        "gene",
        "glass",
        "good",
        "gold",
        "grace",
        "grant",
        "gray",
        "green",
        "grey",
        "guy",
        "hall",
        "hand",
        "hardy",
        "harmony",
        "heather",
        "hill",
        "holly",
        "hope",
        "hunt",
        "hunter",
        "iris",
        "ivy",
        "jack",
        "jasmine",
        "joy",
        "judge",
        "june",
        "king",
        "knight",
        "lake",
        "lamb",
        "lane",
        "lewy",
        "lily",
        "little",
        "long",
        "love",
        "luck",
        "lynch",
        "mark",
        "marsh",
        "martin",
        "mason",
        "matt",
        "max",
        "may",
        "mercy",
        "miles",
        "mill",
        "miller",
        "mills",
        "mills",
        "moon",
        "moore",
        "moss",
        "nelson",
        "noble",
        "north",
        "olive",
        "page",
        "park",
        "parker",
        "parkinson",
        "parsons",
        "pat",
        "pearl",
        "peck",
        "penny",
        "perry",
        "pick",
        "pike",
        "pitts",
        "pole",
        "pond",
        "pool",
        "poole",
        "pope",
        "porter",
        "potter",
        "power",
        "powers",
        "price",
        "prince",
        "pryor",
        "rain",
        "ray",
        "read",
        "reed",
        "rice",
        "rich",
        "rivers",
        "rob",
        "robin",
        "rock",
        "rose",
        "ross",
        "ruby",
        "rush",
        "rusty",
        "sage",
        "sharp",
        "shepherd",
        "short",
        "simpson",
        "skinner",
        "small",
        "smart",
        "smith",
        "snow",
        "south",
        "spencer",
        "spring",
        "stark",
        "steel",
        "stein",
        "sterling",
        "stern",
        "stone",
        "stout",
        "street",
        "strong",
        "sue",
        "summer",
        "swift",
        "sylvius",
        "taylor",
        "teal",
        "temple",
        "thorn",
        "todd",
        "tucker",
        "turner",
        "viola",
        "violet",
        "walker",
        "ward",
        "waters",
        "weaver",
        "weber",
        "webb",
        "well",
        "wells",
        "west",
        "wheeler",
        "white",
        "will",
        "willis",
        "wilson",
        "winter",
        "wise",
        "wolf",
        "wood",
        "woods",
        "wright",
        "young",
    ]
)
_ENDINGS = re.compile(
    r"(?:itis|osis|oses|iasis|emia|aemia|pathy|pathic|malacia|rrhage|rrhagic|cele|oedema|edema|trophy|trophic|plasia|"
    r"plastic|genesis|"
    r"genic|gram|graphy|graphic|tomy|ectomy|ostomy|oplasty|scopy|metry|logic|logical|oma|omas|omata|blastoma|cytoma|"
    r"itary|ality|ility|icity|osity|arity|ivity|ements?|ations?|itions?|usions?|ctions?|ssions?|ously|ively|ically|"
    r"ably|ibly|"
    r"ated|ized|ised|ified|ating|izing|ising|ifying|iform|ular|oidal|intensity|intense|dense|density|ventricular|"
    r"cranial|cortical|lesional|"
    r"spheric|spherical|axial|dural|cerebral|hemispheric|thalamic|pontine|basilar|vascular|foraminal|sellar|tentorial)$"
)
# At the beginning of a sentence any word has a capital; these endings names seldom have.
_START_ENDINGS = re.compile(
    r"(?:tion|sion|ment|ness|ity|ously|ally|able|ible|ical|ized|ised|ated|ently|antly|ively|ular|ious|eous|ing|edly|"
    r"ed)$"
)
_PREFIXES = re.compile(
    r"(?:intra|inter|extra|peri|para|hyper|hypo|supra|infra|retro|trans|post|pre|sub|anti|non|un|re|dis|mis|over|"
    r"under|micro|macro|neuro|leuko|leuco|"
    r"encephal|cerebr|cerebell|crani|ventricul|hippocamp|thalam|hypothalam|mening|gli|demyelin|isch|infarct|"
    r"h[a]?emorrh|cortico|fronto|parieto|"
    r"temporo|occipito|spheno|ethmo|maxill|mastoid|pituit|chiasm|gangli|medull|brainst|cistern|parenchym|vascul|"
    r"arterio|atheroscl|arterioscl|ven[o]|angi[o]|"
    r"fibro|lipo|lymph|cyst|necro|calcif|enhanc|restrict|diffus|suscept|artifact|artefact)"
)
_CUTS = (
    "'s",
    "s",
    "es",
    "ed",
    "d",
    "ing",
    "ly",
    "al",
    "ally",
    "er",
    "ers",
    "ic",
    "ness",
    "ment",
    "ion",
    "ions",
    "ation",
    "ations",
    "ive",
    "y",
    "ity",
    "able",
    "ally",
    "ary",
    "ous",
    "iness",
    "est",
    "ility",
)


@cache
def vocabulary() -> frozenset[str]:
    text = (resources.files(__package__) / "vocabulary.txt").read_text(encoding="utf-8")
    return frozenset(word for line in text.splitlines() if not line.startswith("#") for word in line.split())


@cache
def is_known(word: str) -> bool:
    """Whether a word, in any case, is one of reports or of everyday language."""
    low = word.lower().replace("\u2019", "'").strip("'-")
    if re.search(r"\d", low) or len(low) < 2:
        return True
    if "-" in low:
        return all(is_known(part) for part in low.split("-") if part)
    return _base(low) or bool(_ENDINGS.search(low)) or _prefixed(low)


def starts_sentence_as_word(word: str) -> bool:
    """Whether an unknown word at a sentence's beginning looks like a word of the language."""
    return bool(_START_ENDINGS.search(word.lower()))


def _prefixed(low: str) -> bool:
    match = _PREFIXES.match(low)
    if match is None:
        return False
    rest = low[match.end() :].lstrip("-")
    return len(rest) > 2 and (
        _base(rest)
        or (len(match[0]) >= 5 and bool(re.search(r"(?:al|ar|ic|ous|ia|is|us|um|oid|ine|ary|ed|ing)$", rest)))
    )


def _base(low: str) -> bool:
    words = vocabulary()
    if low in words:
        return True
    for cut in _CUTS:
        if low.endswith(cut) and len(low) - len(cut) >= 3:
            stem = low[: -len(cut)]
            if (
                stem in words
                or stem + "e" in words
                or stem + "y" in words
                or (stem[-1] == stem[-2:-1] and stem[:-1] in words)
            ):
                return True
            if stem.endswith("i") and stem[:-1] + "y" in words:
                return True
    return False
