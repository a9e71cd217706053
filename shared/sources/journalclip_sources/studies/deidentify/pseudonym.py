"""Pseudonyms and shifted dates: functions of a secret key and the patient, the same at every submission.

Without the key nobody can go back, or try out all patient numbers; with it one patient's studies stay together and a
patient's dates keep their distances. The key is a file on the submitting machine.
"""

from __future__ import annotations

import hashlib
import hmac
from datetime import date, timedelta

from journalclip_shared.ids import make_id


def patient_pseudonym(key: bytes, identity: str) -> str:
    """``pat_...`` of a patient's number and its issuer."""
    return make_id("pat", _mac(key, "patient", identity))


def study_key(key: bytes, identity: str) -> str:
    """``std_...`` of a study's own unique number, or of its bytes where it has none."""
    return make_id("std", _mac(key, "study", identity))


def day_shift(key: bytes, identity: str, most: int) -> int:
    """1 to ``most`` days, for all dates of a patient."""
    return 1 + int(_mac(key, "days", identity)[:12], 16) % max(1, most)


def shifted(day: str, back: int) -> str | None:
    """DICOM's YYYYMMDD as an ISO date ``back`` days earlier; None where it is no date."""
    try:
        found = date(int(day[:4]), int(day[4:6]), int(day[6:8]))
        return (found - timedelta(days=back)).isoformat()
    except (ValueError, OverflowError):
        return None


def _mac(key: bytes, purpose: str, value: str) -> str:
    return hmac.new(key, f"{purpose}\0{value}".encode(), hashlib.sha256).hexdigest()
