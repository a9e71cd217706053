"""Synthetic studies sent to `journalclip studies receive`: does each whole one arrive once?

``python -m journalclip_devtools.benches.receiving --studies 40``. Half comes by DCMTK's ``storescu`` and half by
pynetdicom, at once; a third association is broken off in the middle: its sender is killed while it sends the tenth
object. Wants Debian's package ``dcmtk``. Prints one JSON object; exit code 1 where a study is missing, doubled or
incomplete, the break is not reported, or a name is found in what is left on the disk.
"""

from __future__ import annotations

import argparse
import gzip
import json
import os
import shutil
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
from pydicom import dcmread
from pynetdicom import AE
from pynetdicom.sop_class import MRImageStorage  # type: ignore[attr-defined]  # made at import

from journalclip_devtools.servers.process import free_port
from journalclip_pipelines.local.workspace import Workspace
from journalclip_pipelines.studies.summary import submitted_studies
from journalclip_pipelines.studies.synthesize import SynthesizeOptions, synthesize_studies
from journalclip_synthetic.studies.identifiers import planted

_SLICES = 8
_BROKEN_AT = 10  # objects


def dcmtk(name: str) -> str:
    """Path of a program of DCMTK: pynetdicom installs scripts of the same names beside this Python."""
    own = Path(sys.prefix) / "bin"
    path = os.pathsep.join(each for each in os.get_exec_path() if Path(each).resolve() != own.resolve())
    found = shutil.which(name, path=path)
    if found is None:
        sys.exit(f"there is no {name}: install Debian's package dcmtk")
    return found


def storescu(port: int, *paths: Path) -> list[str]:
    return [
        dcmtk("storescu"), "-v", "-aet", "PACS", "-aec", "JOURNALCLIP", "+sd", "+r", "+sp", "*.dcm", "127.0.0.1",
        str(port), *map(str, paths),
    ]  # fmt: skip


def by_pynetdicom(port: int, folders: list[Path]) -> int:
    """0 where every object was taken."""
    entity = AE(ae_title="PACS")
    entity.add_requested_context(MRImageStorage)
    association = entity.associate("127.0.0.1", port, ae_title="JOURNALCLIP")
    if not association.is_established:
        return 1
    for each in (each for folder in folders for each in sorted(folder.rglob("*.dcm"))):
        if not association.is_established or association.send_c_store(dcmread(each)).get("Status") != 0:
            return 1
    association.release()
    return 0


def send(port: int, folders: list[Path], broken: Path) -> list[int]:
    """Exit codes of the two whole senders: DCMTK, and pynetdicom."""
    half = len(folders) // 2
    first = subprocess.Popen(storescu(port, *folders[:half]), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    with ThreadPoolExecutor(1) as pool:
        second = pool.submit(by_pynetdicom, port, folders[half:])
        third = subprocess.Popen(storescu(port, broken), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        assert third.stdout is not None
        sending = (line for line in third.stdout if "Sending file" in line)
        for _ in zip(range(_BROKEN_AT), sending, strict=False):
            pass
        third.kill()
        third.communicate()
        return [first.wait(), second.result()]


def names_left(work: Path, studies: int) -> int:
    """Planted words in any file of the working folder, unzipped where it is a gzip."""
    words = {
        word.lower().encode()
        for number in range(studies)
        for word in planted(np.random.default_rng((0, number, 1))).words
    }
    found = 0
    for path in (each for each in work.rglob("*") if each.is_file()):
        data = path.read_bytes()
        data = gzip.decompress(data) if data[:2] == b"\x1f\x8b" else data
        found += sum(word in data.lower() for word in words)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--studies", type=int, default=40)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        archive, work, port = Path(scratch) / "archive", Path(scratch) / "W", free_port()
        synthesize_studies(archive, options.studies, SynthesizeOptions(size=32, slices=_SLICES, identifiers=True))
        synthesize_studies(Path(scratch) / "broken", 1, SynthesizeOptions(seed=1, size=256, slices=64))
        command = [
            str(Path(sys.executable).with_name("journalclip")), "studies", "receive", "--allow", "PACS", "--port",
            str(port), "--quiet", "3", "--until-idle", "20", "--no-face", "--workdir", str(work),
        ]  # fmt: skip
        server = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert server.stdout is not None
        first = server.stdout.readline()
        whole = sorted(each for each in archive.iterdir() if each.is_dir())
        (cut,) = (each for each in (Path(scratch) / "broken").iterdir() if each.is_dir())
        codes = send(port, whole, cut)
        lines = [first, *server.stdout]
        server.wait()
        studies = list(submitted_studies(Workspace.existing(work)))
        reported = sum("study-transfer-broken" in line for line in lines)
        found = {
            "sent": options.studies, "senders": codes, "submitted": len(studies),
            "different": len({each.study_id for each in studies}), "broken_reported": reported,
            "series": sum(len(each.series) for each in studies), "names_left": names_left(work, options.studies),
        }  # fmt: skip
    sys.stdout.write(json.dumps(found) + "\n")
    sys.exit(
        0
        if codes == [0, 0]
        and len(studies) == found["different"] == options.studies
        and reported
        and not found["names_left"]
        else 1
    )


if __name__ == "__main__":
    main()
