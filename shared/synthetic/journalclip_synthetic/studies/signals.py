"""Brightness of each tissue on each sequence, 0 black to 1 white: what a scanner of usual settings shows.

ADC follows the diffusion coefficient (1 is 3.0e-3 mm2/s). Numbers are ours, after the textbook order of brightness.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from journalclip_shared.records.report import SequenceName

TISSUES = (
    "air", "scalp", "bone", "csf", "grey", "white", "deep", "eye", "oedema", "enhancing", "necrosis", "solid",
    "meningioma", "infarct", "blood", "pus", "plaque", "cyst",
)  # fmt: skip
CODE = {name: code for code, name in enumerate(TISSUES)}
FIRST_LESION = CODE["oedema"]

# In the order of TISSUES.
_TABLE: dict[SequenceName, tuple[float, ...]] = {
    "T1WI": (0.02, 0.8, 0.06, 0.13, 0.42, 0.58, 0.46, 0.15, 0.34, 0.4, 0.2, 0.32, 0.44, 0.32, 0.8, 0.22, 0.34, 0.12),
    "T1CE": (0.02, 0.78, 0.06, 0.13, 0.43, 0.6, 0.47, 0.15, 0.35, 0.97, 0.2, 0.33, 0.93, 0.32, 0.8, 0.22, 0.36, 0.12),
    "T2WI": (0.02, 0.62, 0.05, 0.95, 0.52, 0.36, 0.46, 0.95, 0.78, 0.62, 0.86, 0.74, 0.5, 0.76, 0.2, 0.86, 0.78, 0.97),
    "FLAIR": (0.02, 0.55, 0.05, 0.08, 0.47, 0.38, 0.44, 0.3, 0.84, 0.66, 0.4, 0.76, 0.5, 0.8, 0.6, 0.55, 0.85, 0.07),
    "DWI": (0.02, 0.1, 0.04, 0.06, 0.38, 0.34, 0.36, 0.1, 0.36, 0.5, 0.2, 0.4, 0.48, 0.97, 0.3, 0.97, 0.45, 0.05),
    "ADC": (0.0, 0.15, 0.02, 0.95, 0.3, 0.28, 0.29, 0.95, 0.5, 0.3, 0.75, 0.5, 0.3, 0.1, 0.2, 0.1, 0.45, 0.97),
    "SWI": (0.02, 0.4, 0.05, 0.7, 0.5, 0.45, 0.42, 0.6, 0.55, 0.45, 0.55, 0.55, 0.48, 0.5, 0.05, 0.5, 0.5, 0.7),
}  # fmt: skip
NOISE: dict[SequenceName, float] = {
    "T1WI": 0.025, "T1CE": 0.025, "T2WI": 0.025, "FLAIR": 0.03, "DWI": 0.045, "ADC": 0.03, "SWI": 0.035,
}  # fmt: skip
ADC_UNIT = 3000.0  # 1e-6 mm2/s at brightness 1

# The labels of the BraTS challenges: 1 necrotic or non-enhancing core, 2 oedema, 4 enhancing tumour.
BRATS = {"necrosis": 1, "solid": 1, "pus": 1, "oedema": 2, "enhancing": 4, "meningioma": 4}


def brightness(sequence: SequenceName) -> NDArray[np.float32]:
    """By tissue code."""
    return np.array(_TABLE[sequence], np.float32)


def brats_labels(tissue: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """0, 1, 2, 4 a voxel; lesions that are no tumour count as core."""
    table = np.zeros(len(TISSUES), np.uint8)
    for name, code in CODE.items():
        table[code] = BRATS.get(name, 1 if code >= FIRST_LESION else 0)
    labels: NDArray[np.uint8] = table[tissue]
    return labels
