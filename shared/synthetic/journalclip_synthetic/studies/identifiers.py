"""Invented persons and places to plant into headers, names and reports: each one a string that occurs nowhere else.

A test that looks for any of `Planted.words` in what left a service proves that none of it was carried along.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

_SYLLABLES = (
    "zor",
    "vax",
    "quil",
    "bren",
    "tosk",
    "yml",
    "drau",
    "fesk",
    "gwon",
    "hulj",
    "kriv",
    "plon",
    "sturb",
    "wex",
)


@dataclass(frozen=True)
class Planted:
    """What one patient's headers hold. All values are invented."""

    family: str
    given: str
    physician: str
    operator: str
    institution: str
    street: str
    patient_id: str
    accession: str
    phone: str
    birth: str
    private: str

    @property
    def words(self) -> tuple[str, ...]:
        """Everything that must not survive."""
        return (self.family, self.given, self.physician, self.operator, self.institution, self.street, self.patient_id,
                self.accession, self.phone, self.birth, self.private)  # fmt: skip

    def signature(self) -> str:
        """A report's head and foot as people write them."""
        return (
            f"Patient: {self.given} {self.family}\nMRN: {self.patient_id}\nDOB: {self.birth[6:]}.{self.birth[4:6]}."
            f"{self.birth[:4]}\nReferring physician: Dr. {self.physician}\nAccession number: {self.accession}\n"
            f"{{report}}\n{self.family} was called at {self.phone}. Electronically signed by Dr. {self.physician}, "
            f"{self.institution}, {self.street}."
        )


def planted(rng: np.random.Generator) -> Planted:
    """One patient."""

    def word(parts: int = 3) -> str:
        return "".join(str(rng.choice(_SYLLABLES)) for _ in range(parts)).capitalize()

    def digits(count: int) -> str:
        return "".join(str(rng.integers(10)) for _ in range(count))

    return Planted(
        family=word(), given=word(2) + "ia", physician=word(4), operator=word() + "o",
        institution=f"{word()} Klinik {word(2)}",
        street=f"{digits(3)} {word()} Street", patient_id=f"{word(1).upper()}{digits(7)}", accession=f"A{digits(9)}",
        phone=f"+49 {digits(3)} {digits(4)} {digits(3)}",
        birth=f"19{rng.integers(30, 99)}0{rng.integers(1, 9)}1{rng.integers(1, 9)}",
        private=word(5),
    )  # fmt: skip
