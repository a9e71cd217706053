"""Captions from facts, in varied own wording.

A caption states only what the picture shows (modality, plane, sequence, lesion, side, site, size, midline, oedema,
arrows, before or after surgery), so that whoever learns the pair can learn it from pixels. Spelling follows one of two
habits, British or American, as a journal's does.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np

from journalclip_synthetic.journals.facts import CaseFacts, pick

MODALITIES: dict[str, tuple[str, ...]] = {
    "CT": ("CT scan", "computed tomography (CT) scan", "noncontrast CT", "CT image", "head CT"),
    "T1": ("T1-weighted MRI", "T1WI", "T1-weighted magnetic resonance image"),
    "T1C": ("contrast-enhanced T1-weighted MRI", "gadolinium-enhanced T1WI", "T1-weighted MR image with contrast"),
    "T2": ("T2-weighted MRI", "T2WI", "T2-weighted magnetic resonance image"),
    "FLAIR": ("FLAIR MRI", "fluid-attenuated inversion recovery (FLAIR) image", "FLAIR image"),
    "DWI": ("diffusion-weighted image (DWI)", "DWI", "diffusion-weighted MRI"),
}
LESIONS: dict[str, tuple[str, ...]] = {
    "subdural": ("subdural haematoma", "crescent-shaped subdural haematoma", "acute subdural haematoma (SDH)"),
    "epidural": ("epidural haematoma", "lens-shaped epidural haematoma", "biconvex epidural haematoma (EDH)"),
    "haemorrhage": ("intracerebral haemorrhage", "intraparenchymal haematoma", "intracerebral haematoma (ICH)"),
    "glioma": ("ring-enhancing glioblastoma", "necrotic glioblastoma (GBM)", "high-grade glioma with a thick rim"),
    "meningioma": ("homogeneous meningioma", "convexity meningioma", "dural-based meningioma"),
    "abscess": ("thin-walled abscess", "cerebral abscess", "brain abscess"),
    "infarct": ("wedge-shaped infarct", "ischaemic infarct", "territorial infarction"),
    "cyst": ("arachnoid cyst", "cyst isointense to CSF"),
    "metastases": ("multiple metastases", "several brain metastases", "scattered metastatic nodules"),
    "hydrocephalus": ("hydrocephalus with dilated lateral ventricles", "marked ventricular dilatation, hydrocephalus"),
    "normal": (
        "no intracranial abnormality",
        "a normal brain without mass or haemorrhage",
        "normal ventricles and no lesion",
    ),
}
SHOWS = ("showing", "demonstrating", "revealing", "shows", "demonstrates", "reveals")
TISSUES: dict[str, tuple[str, ...]] = {
    "whorls": ("meningothelial whorls", "concentric whorls of a meningioma"),
    "necrosis": ("pseudopalisading necrosis", "necrosis surrounded by palisading tumour cells"),
    "rosettes": ("perivascular pseudorosettes", "rosettes of an ependymoma"),
    "sheets": ("a dense sheet of tumour cells", "diffuse sheets of round cells"),
    "fibres": ("parallel spindle cells", "fascicles of spindle cells of a schwannoma"),
}
AMERICAN = (("haem", "hem"), ("oedema", "edema"), ("ischaem", "ischem"), ("tumour", "tumor"), ("grey", "gray"))


@dataclass(frozen=True)
class Voice:
    """A journal's habits of wording."""

    american: bool = False

    def spell(self, text: str) -> str:
        """``text`` in this journal's spelling."""
        for british, american in AMERICAN if self.american else ():
            text = re.sub(british, american, text)
            text = re.sub(british.capitalize(), american.capitalize(), text)
        return text


def describe(facts: CaseFacts, rng: np.random.Generator, voice: Voice | None = None, brief: bool = False) -> str:
    """A sentence with its full stop; ``brief`` is a subcaption's noun phrase without one."""
    say = {"histology": _tissue, "angiography": _vessels, "X-ray": _spine}.get(facts.modality)
    text = " ".join((say(facts, rng) if say else _head(facts, rng, brief)).split())
    text = (voice or Voice(american=bool(rng.random() < 0.5))).spell(text)
    return text[0].upper() + text[1:] + ("" if brief else ".")


def an(noun: str) -> str:
    """``noun`` with its indefinite article."""
    return f"{'an' if noun[0].lower() in 'aeiou' or noun.startswith(('8-', '11', '18')) else 'a'} {noun}"


def _head(facts: CaseFacts, rng: np.random.Generator, brief: bool) -> str:
    modality = pick(rng, MODALITIES[facts.sequence or "CT"])
    picture = " ".join(filter(None, (facts.stage, facts.plane, modality)))
    finding = _finding(facts, rng)
    extras = [] if brief and rng.random() < 0.6 else _extras(facts, rng)
    if not brief and rng.random() < 0.2:
        return f"{finding} on {picture}" + "".join(f", {e}" for e in extras)
    return f"{picture} {pick(rng, SHOWS)} {finding}" + "".join(f", {e}" for e in extras)


def _finding(facts: CaseFacts, rng: np.random.Generator) -> str:
    lesion = pick(rng, LESIONS[facts.lesion])
    if facts.lesion in ("normal", "hydrocephalus", "metastases"):
        return lesion
    size = ""
    if facts.stage != "postoperative" and facts.size_mm and rng.random() < 0.6:
        thick = facts.lesion in ("subdural", "epidural")
        size = f"{facts.size_mm}-mm{'-thick' if thick and rng.random() < 0.5 else ''}"
    words = " ".join(filter(None, (size, facts.side, facts.site, lesion)))
    if facts.stage == "postoperative":
        return _after(facts, rng, " ".join(filter(None, (facts.side, facts.site, lesion))))
    mark = pick(rng, (" (arrow)", " (white arrow)", " (arrowhead)")) if facts.arrow else ""
    return an(words) + mark


def _after(facts: CaseFacts, rng: np.random.Generator, lesion: str) -> str:
    if facts.lesion in ("subdural", "epidural", "haemorrhage"):
        return pick(rng, (f"complete evacuation of the {lesion}", f"craniotomy for evacuation of {an(lesion)}"))
    if facts.lesion == "abscess":
        return pick(rng, (f"drainage of the {lesion}", f"the cavity after drainage of {an(lesion)}"))
    return pick(
        rng, (f"gross total resection of the {lesion}", f"the resection cavity of the {lesion} after craniotomy")
    )


def _extras(facts: CaseFacts, rng: np.random.Generator) -> list[str]:
    extras: list[str] = []
    if facts.shift:
        away = {"left": "right", "right": "left"}[facts.side or "left"]
        extras.append(pick(rng, ("with midline shift", f"with midline shift to the {away}", "with mass effect")))
    elif facts.lesion in ("subdural", "epidural", "haemorrhage", "glioma") and rng.random() < 0.5:
        extras.append(pick(rng, ("without midline shift", "no midline shift", "no mass effect")))
    if facts.oedema and facts.stage != "postoperative":
        extras.append(pick(rng, ("surrounded by oedema", "with perilesional oedema", "and vasogenic oedema")))
    elif facts.lesion == "meningioma" and rng.random() < 0.3:
        extras.append("without oedema")
    return extras


def _vessels(facts: CaseFacts, rng: np.random.Generator) -> str:
    view = {"coronal": ("anteroposterior", "AP"), "sagittal": ("lateral", "lateral")}[facts.plane or "coronal"]
    picture = pick(rng, ("cerebral angiogram", "digital subtraction angiography (DSA)", "angiogram", "DSA"))
    injection = f"{pick(rng, view)} {picture} of the {facts.side} internal carotid artery"
    finding = {
        "aneurysm": f"{an(f'{facts.size_mm}-mm aneurysm')} of the {facts.site}",
        "malformation": f"an arteriovenous malformation (AVM) nidus fed by the {facts.site}",
        "occlusion": f"occlusion of the {facts.site}",
        "normal": pick(rng, ("no aneurysm or malformation", "normal vessels without stenosis")),
    }[facts.lesion]
    return f"{injection} {pick(rng, SHOWS)} {finding}{' (arrow)' if facts.arrow else ''}"


def _spine(facts: CaseFacts, rng: np.random.Generator) -> str:
    region = "cervical" if (facts.site or "").startswith("C") else "lumbar"
    picture = pick(rng, ("lateral radiograph", "lateral plain radiograph", "lateral X-ray film", "lateral X-ray"))
    finding = {
        "compression fracture": f"a wedge compression fracture of {facts.site}",
        "spondylolisthesis": f"anterior spondylolisthesis of {facts.site}",
        "fixation": f"screw fixation at {facts.site} after fusion",
        "normal": pick(rng, ("normal alignment without fracture", f"no fracture of {facts.site}")),
    }[facts.lesion]
    return f"{picture} of the {region} spine {pick(rng, SHOWS)} {finding}{' (arrow)' if facts.arrow else ''}"


def _tissue(facts: CaseFacts, rng: np.random.Generator) -> str:
    stain = {"H&E": ("haematoxylin and eosin", "H&E"), "Ki-67": ("Ki-67", "Ki-67 (MIB-1)"), "GFAP": ("GFAP", "GFAP")}
    picture = pick(rng, ("photomicrograph", "histological section", "tissue section"))
    pattern = pick(rng, TISSUES[facts.lesion])
    name = pick(rng, stain[facts.site or "H&E"])
    return f"{picture} {pick(rng, SHOWS)} {pattern} ({name} stain, original magnification ×{facts.magnification})"
