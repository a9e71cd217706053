"""What one image holds and may do, asked from inside it: run by `devtools/images/prove.sh` with the image's name.

Prints packages and user; exits with 1 and a sentence for each promise that does not hold. Standard library only.
"""

from __future__ import annotations

import importlib.metadata
import importlib.util
import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

MUST = {
    "backbone": ("journalclip_pipelines", "kafka", "minio"),
    "extraction": ("journalclip_extraction", "pymupdf", "kafka", "minio"),
    "parser": ("journalclip_extraction", "pymupdf"),
    "structuring": ("journalclip_structuring", "kafka", "minio"),
    "studies": ("journalclip_extraction", "journalclip_pipelines", "nibabel", "kafka", "minio"),
    "ray": (
        *("journalclip_training", "journalclip_promotion", "journalclip_inference", "journalclip_pipelines"),
        *("ray", "torch", "mlflow"),
    ),
}
SLIM = ("torch", "ray", "transformers", "mlflow", "nvidia")
MUST_NOT = {
    "backbone": SLIM,
    "extraction": SLIM,
    "structuring": SLIM,
    "studies": SLIM,
    "parser": (*SLIM, "kafka", "minio", "boto3", "requests"),
    "kafka": SLIM,
    "minio": SLIM,
    "postgres": SLIM,
}
PROGRAMS = {"kafka": "java", "minio": "minio", "postgres": "postgres"}


def broken(name: str) -> Iterator[str]:
    """A sentence for each promise that does not hold."""
    for module in MUST.get(name, ()):
        if importlib.util.find_spec(module) is None:
            yield f"{module} is missing"
    for module in MUST_NOT.get(name, ()):
        if importlib.util.find_spec(module) is not None:
            yield f"{module} should not be here"
    if name in PROGRAMS and shutil.which(PROGRAMS[name]) is None:
        yield f"{PROGRAMS[name]} is missing"
    if name == "parser" and any(shutil.which(shell) for shell in ("sh", "bash", "dash")):
        yield "there is a shell"
    if os.getuid() == 0 or os.geteuid() == 0:
        yield "it runs as root"
    if capabilities() != 0:
        yield f"it has capabilities {capabilities():x}"
    for folder in ("/", "/etc", "/opt", "/usr"):
        if os.access(folder, os.W_OK):
            yield f"{folder} can be written"
    if name in MUST and not Path("/opt/journalclip/sbom.cdx.json").is_file():
        yield "there is no bill of materials"


def capabilities() -> int:
    """The bounding, permitted and effective sets together."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return sum(int(line.split()[1], 16) for line in lines if line.startswith(("CapPrm", "CapEff", "CapBnd")))


if __name__ == "__main__":
    said = list(broken(sys.argv[1]))
    print(f"{len(list(importlib.metadata.distributions())):>9} {os.getuid()}:{os.getgid()} {'; '.join(said)}", end="")
    sys.exit(1 if said else 0)
