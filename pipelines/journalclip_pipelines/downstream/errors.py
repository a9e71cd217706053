"""Every way a folder of labelled cases, or one of its cases, can be refused; docs/operations/errors.md lists the codes.

Cases are read where they lie and stay there, so that a reason may name the case. What extraction says of one file
(``nifti-...``, ``labels-...``) keeps its code.
"""

from __future__ import annotations

from journalclip_shared.errors import PermanentError

REMEDIES: dict[str, str] = {
    "cases-missing": "Give a folder of CLASS/CASE/CASE_t1ce.nii.gz, as BraTS 2019 has it with the classes HGG and LGG.",
    "cases-one-class": "Give a second class, or ask for `--task segment` alone.",
    "cases-too-few": "Each class needs two patients at least: one to learn from, one to be asked.",
    "case-without-sequence": "Name its files as CASE_t1, CASE_t1ce, CASE_t2, CASE_flair (.nii or .nii.gz).",
    "case-sequence-twice": "Keep one file a sequence in the case's folder.",
    "labels-missing": "Put CASE_seg.nii.gz beside its volumes, or ask for `--task classify` alone.",
    "cases-source": "Give PATH, or a frozen dataset's id with a finding's name: --dataset ds_... --finding infarct.",
    "finding-unknown": "Name a finding that the reports assert, as it is coded.",
    "fractions-invalid": "Give shares above 0 and up to 1, as in `--fractions 0.01,0.1,1`.",
    "sequences-invalid": "Give names of the model's sequences, as in `--sequences T1CE`.",
    "start-missing": "Name a model's folder, or `journalclip studies run` until one is promoted.",
}


class CasesUnusable(PermanentError):
    """``code`` is one of `REMEDIES`."""

    def __init__(self, code: str, reason: str) -> None:
        super().__init__(code, reason, REMEDIES[code])
