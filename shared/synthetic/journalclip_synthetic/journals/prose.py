"""The words around the figures: titles, paragraphs, tables, references and the mentions of figures.

All sentences are our own and mean little; what matters is that they fill columns as an article's do, and that the
paragraphs which mention a figure are known.
"""

from __future__ import annotations

import numpy as np

from journalclip_synthetic.journals.facts import pick

TOPICS = (
    "Chronic Subdural Collections", "Deep Cerebral Haemorrhage", "Ring-Enhancing Masses", "Convexity Meningiomas",
    "Acute Territorial Infarction", "Communicating Hydrocephalus", "Ruptured Aneurysms", "Vascular Malformations",
    "Lumbar Instability", "Cervical Fractures", "Brain Metastases", "Cerebral Abscess",
)  # fmt: skip
FORMS = (
    "Imaging Features of {topic}: A Series of {n} Patients",
    "{topic} in Adults: Findings in {n} Consecutive Studies",
    "Outcome after Treatment of {topic}, with {n} Illustrated Cases",
    "A Retrospective Review of {topic} at {n} Centers",
)
OPENINGS = ("In this series", "During follow-up", "At admission", "In most patients", "On review", "After discharge",
            "In the second year", "By consensus of two readers", "In the remaining cases")  # fmt: skip
SUBJECTS = (
    "the radiological findings", "the clinical course", "the extent of the lesion", "the final diagnosis",
    "the neurological deficit", "the choice of approach", "the interval between studies", "the volume of the mass",
)  # fmt: skip
VERBS = ("was recorded by two observers", "remained stable over several months", "differed between the groups",
         "correlated with the outcome", "was confirmed by a second examination", "could not be explained by age alone",
         "improved after treatment in a minority", "was classified according to a fixed protocol")  # fmt: skip
TAILS = (
    "", ", although the number of patients was small", ", which agrees with earlier observations",
    ", and no complication was attributed to it", ", with a difference that was not significant",
    "; the reasons are considered below", ", despite different scanners and protocols",
)  # fmt: skip
SECTIONS = ("Introduction", "Materials and Methods", "Results", "Illustrative Cases", "Discussion", "Conclusions")
SURNAMES = ("Aldane", "Brenholt", "Cavire", "Dunmark", "Eskola", "Farrow", "Gelder", "Hartwin", "Iwakura", "Jorvik")
LICENCES: tuple[tuple[str, str], ...] = (
    ("CC BY", "This is an open access article under the terms of the "
              "Creative Commons Attribution License (CC BY 4.0)."),
    ("CC BY", "Licensed under a Creative Commons Attribution 4.0 International License "
              "(https://creativecommons.org/licenses/by/4.0/)."),
    ("CC BY-NC", "Distributed under the Creative Commons Attribution-NonCommercial 4.0 License "
                 "(https://creativecommons.org/licenses/by-nc/4.0/)."),
    ("CC0", "The authors dedicate this work to the public domain (CC0 1.0, "
            "https://creativecommons.org/publicdomain/zero/1.0/)."),
    ("unknown", ""),
)  # fmt: skip
LICENCE_SHARES = (0.5, 0.3, 0.1, 0.05, 0.05)


def draw_title(rng: np.random.Generator) -> str:
    """A title; the count in it keeps titles apart."""
    return pick(rng, FORMS).format(topic=pick(rng, TOPICS), n=int(rng.integers(3, 400)))


def draw_authors(rng: np.random.Generator) -> list[str]:
    """Two to five authors, surname last."""
    names = rng.permutation(SURNAMES)[: int(rng.integers(2, 6))]
    return [f"{chr(65 + int(rng.integers(26)))}. {name}" for name in names]


def draw_sentence(rng: np.random.Generator) -> str:
    """A sentence of filler."""
    share = f", in {int(rng.integers(3, 97))}% of examinations," if rng.random() < 0.25 else ""
    return f"{pick(rng, OPENINGS)}, {pick(rng, SUBJECTS)}{share} {pick(rng, VERBS)}{pick(rng, TAILS)}."


def draw_paragraph(rng: np.random.Generator, mention: str = "") -> str:
    """Three to six sentences, one of which may be ``mention``."""
    sentences = [draw_sentence(rng) for _ in range(int(rng.integers(3, 7)))]
    if mention:
        sentences.insert(int(rng.integers(len(sentences) + 1)), mention)
    return " ".join(sentences)


def draw_mention(rng: np.random.Generator, number: int, panels: int, last: int) -> tuple[str, tuple[int, ...]]:
    """A sentence that refers to figure ``number`` and perhaps its neighbours; the numbers it refers to."""
    if number + 2 <= last and rng.random() < 0.12:
        span = (number, number + 1, number + 2)
        return f"The course is illustrated in Figures {number}-{number + 2}.", span
    if number < last and rng.random() < 0.15:
        return f"Typical examples are given (Figs. {number} and {number + 1}).", (number, number + 1)
    if panels and rng.random() < 0.4:
        letter = chr(65 + int(rng.integers(panels)))
        return f"The lesion was seen at once on the first study (Fig. {number}{letter}).", (number,)
    forms = (
        "Figure {n} shows the findings in a representative patient.",
        "The examination revealed the abnormality (Fig. {n}), and treatment followed.",
        "As seen in Figure {n}, the appearance is characteristic.",
        "Follow-up was uneventful (see Fig. {n}).",
    )
    return pick(rng, forms).format(n=number), (number,)


def draw_reference(rng: np.random.Generator, number: int, short: str) -> str:
    """A reference to nothing."""
    authors = ", ".join(f"{name} {chr(65 + int(rng.integers(26)))}" for name in rng.permutation(SURNAMES)[:3])
    year, volume, page = int(rng.integers(1991, 2026)), int(rng.integers(3, 90)), int(rng.integers(11, 980))
    title = f"{pick(rng, TOPICS)} and {pick(rng, SUBJECTS)}"
    return f"{number}. {authors}: {title}. {short} {volume}:{page}–{page + 7}, {year}"


def draw_table(rng: np.random.Generator, number: int) -> tuple[str, list[list[str]]]:
    """A caption and rows of cells, the first row being the head."""
    groups = int(rng.integers(2, 5))
    rows = [["Variable", *(f"Group {g + 1}" for g in range(groups))]]
    names = ("Age (years)", "Women", "Volume (mL)", "Follow-up (months)", "Recurrence")[: int(rng.integers(3, 6))]
    rows.extend([name, *(f"{rng.uniform(2, 80):.1f}" for _ in range(groups))] for name in names)
    return f"Table {number}. {pick(rng, SUBJECTS).capitalize()} by group.", rows
