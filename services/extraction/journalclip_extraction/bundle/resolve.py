"""An address in an XML -> names of files in the delivery: all renditions of one picture."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping

from journalclip_shared.errors import PermanentError
from journalclip_sources.jats.parse import local, parse
from journalclip_sources.jats.text import attribute
from journalclip_sources.package.kinds import IMAGES, kind_of
from journalclip_sources.package.names import stem

_MANIFEST = re.compile(r"(?:^|/)manifest\.xml$", re.IGNORECASE)


class Names:
    """Files of a delivery by the ways in which XML names them."""

    def __init__(self, files: Mapping[str, bytes]) -> None:
        self._exact = {name.lower(): name for name in files}
        self._base: dict[str, list[str]] = defaultdict(list)
        self._stem: dict[str, list[str]] = defaultdict(list)
        for name, data in files.items():
            self._base[name.rpartition("/")[2].lower()].append(name)
            if kind_of(data) in IMAGES | {"pdf"}:
                self._stem[stem(name)].append(name)
        self._listed: dict[str, list[str]] = {}
        for name, data in files.items():
            if _MANIFEST.search(name):
                self._read_manifest(data, name.rpartition("/")[0])

    def find(self, address: str) -> list[str]:
        """File names, best guess first: listed in a manifest, exact, base name, the same with another extension."""
        key = address.strip().lower()
        if key in self._listed:
            return self._listed[key]
        last = re.split(r"[/\\]", key.split("?")[0])[-1]
        if not last:
            return []
        if key in self._exact:
            return [self._exact[key]]
        if last in self._base:
            return self._base[last]
        return self._stem.get(last) or self._stem.get(stem(last)) or self._ending(last)

    def _ending(self, last: str) -> list[str]:
        """``journal.pone.0056489.g001`` is the file ``pone.0056489.g001.tif``."""
        return [
            name for known, names in self._stem.items() if "." in known and last.endswith(f".{known}") for name in names
        ]  # fmt: skip

    def _read_manifest(self, data: bytes, folder: str) -> None:
        """PLOS's manifest maps addresses to files. Another's is a hint that is not needed."""
        try:
            root = parse(data)
        except PermanentError:
            return
        for thing in root.iter():
            if local(thing) == "object" and (address := attribute(thing, "uri")):
                entries = [attribute(each, "entry") for each in thing if local(each) == "representation"]
                self._listed[address.lower()] = self._existing(entries, folder)

    def _existing(self, entries: list[str], folder: str) -> list[str]:
        full = (f"{folder}/{entry}".lstrip("/").lower() for entry in entries)
        return [self._exact[name] for name in full if name in self._exact]
