"""Invented words for layouts: body text, captions and labels in several languages."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Language:
    """The words of one language.

    In ``labels``, ``table`` and ``mention``, {n} is replaced by a number. ``continued`` is printed after a label.
    ``subjects``, ``verbs`` and ``objects`` make the sentences of captions and body text.
    """

    labels: tuple[str, ...]
    continued: str
    table: str
    mention: str
    subjects: tuple[str, ...]
    verbs: tuple[str, ...]
    objects: tuple[str, ...]


ENGLISH = Language(
    ("Figure {n}.", "FIG. {n}.", "Fig. {n} |", "Figure {n}:", "FIGURE {n}", "Fig. {n}", "Figure {n}", "Fig {n}:"),
    "(continued)", "Table {n}.", "Figure {n} shows that",
    ("Axial computed tomography", "The operative photograph", "A sagittal magnetic resonance image", "The histology",
     "Digital subtraction angiography", "The follow-up study", "The bar graph", "Intraoperative ultrasound"),
    ("demonstrates", "confirms", "reveals", "illustrates", "suggests", "excludes"),
    ("a mass in the left temporal lobe", "an unruptured aneurysm of the carotid artery", "oedema around the lesion",
     "complete removal of the tumour (arrow)", "no residual haemorrhage", "a fracture of the second vertebra",
     "numbers of patients by week of treatment", "thickened leptomeninges (arrowheads)"),
)  # fmt: skip
GERMAN = Language(
    ("Abb. {n}", "Abbildung {n}:", "Abb. {n}."), "(Fortsetzung)", "Tabelle {n}:", "Abbildung {n} zeigt, dass",
    ("Das axiale Computertomogramm", "Die Aufnahme", "Die Histologie", "Das Balkendiagramm"),
    ("zeigt", "belegt", "bestätigt"),
    ("eine Raumforderung links temporal", "ein Aneurysma der Arteria carotis", "ein Ödem um die Läsion",
     "die Zahl der Patienten nach Wochen"),
)  # fmt: skip
SPANISH = Language(
    ("Figura {n}.", "Figura {n}:", "Fig. {n}."), "(continuación)", "Tabla {n}.", "La figura {n} muestra que",
    ("La tomografía axial", "La resonancia sagital", "La histología", "El gráfico"),
    ("muestra", "confirma", "sugiere"),
    ("una masa temporal izquierda", "un aneurisma de la carótida", "el edema alrededor de la lesión",
     "el número de pacientes por semana"),
)  # fmt: skip
FRENCH = Language(
    ("Fig. {n}.", "Figure {n} :", "Fig. {n} -"), "(suite)", "Tableau {n}.", "La figure {n} montre que",
    ("Le scanner axial", "La coupe sagittale", "L'histologie", "Le graphique"),
    ("montre", "confirme", "révèle"),
    ("une masse temporale gauche", "un anévrisme de la carotide", "un œdème autour de la lésion".replace("œ", "oe"),
     "le nombre de patients par semaine"),
)  # fmt: skip
LANGUAGES = (ENGLISH, ENGLISH, ENGLISH, ENGLISH, GERMAN, SPANISH, FRENCH)
ROMAN = ("I", "II", "III", "IV", "V", "VI", "VII", "VIII", "IX", "X")


def sentence(language: Language, rng: np.random.Generator) -> str:
    parts = (language.subjects, language.verbs, language.objects)
    return " ".join(part[int(rng.integers(len(part)))] for part in parts) + "."


def prose(language: Language, rng: np.random.Generator, sentences: int) -> str:
    return " ".join(sentence(language, rng) for _ in range(sentences))
