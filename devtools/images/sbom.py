"""The bill of materials of the image it runs in: Debian's packages and Python's distributions, as CycloneDX 1.5 JSON.

It is made from what is installed, not from what was asked for, so it cannot differ from the image. No time and no
random number are in it: the same image gives the same bytes. Only the standard library is used, since it runs while
the image is being built.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import json
import shutil
import subprocess
import sys
from collections.abc import Iterable, Iterator
from email.message import Message
from urllib.parse import quote

Component = dict[str, object]
_LICENCE = "AGPL-3.0-or-later"


def python_components(distributions: Iterable[importlib.metadata.Distribution]) -> Iterator[Component]:
    """One component a distribution, with the licence that its metadata declare."""
    for each in distributions:
        name = each.metadata["Name"]
        component: Component = {
            "type": "library",
            "name": name,
            "version": each.version,
            "purl": f"pkg:pypi/{quote(name.lower().replace('_', '-'))}@{quote(each.version)}",
        }
        if licence := licence_of(each.metadata):
            component["licenses"] = [licence]
        yield component


def licence_of(metadata: Message) -> Component | None:
    """An SPDX expression where there is one, else the first words of the licence field or its classifiers."""
    if expression := metadata.get("License-Expression"):
        return {"expression": expression}
    classifiers = [each.rpartition(" :: ")[2] for each in metadata.get_all("Classifier", []) if "License ::" in each]
    # Some distributions paste the whole text of their licence here.
    words = (metadata.get("License") or "").strip().splitlines()
    name = ", ".join(classifiers) or (words[0][:100] if words else "")
    return {"license": {"name": name}} if name else None


def debian_components() -> Iterator[Component]:
    """Debian's packages; none where there is no dpkg."""
    if shutil.which("dpkg-query") is None:
        return
    listing = ["dpkg-query", "--show", "--showformat=${Package}\t${Version}\t${Architecture}\n"]
    for line in subprocess.run(listing, capture_output=True, text=True, check=True).stdout.splitlines():
        name, version, architecture = line.split("\t")
        purl = f"pkg:deb/debian/{quote(name)}@{quote(version, safe='')}?arch={architecture}"
        yield {"type": "library", "name": name, "version": version, "purl": purl}


def document(name: str, components: Iterable[Component]) -> Component:
    """The whole document, its components in the order of their package URLs."""
    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.5",
        "version": 1,
        "metadata": {
            "component": {"type": "container", "name": name, "licenses": [{"expression": "AGPL-3.0-or-later"}]}
        },
        "components": sorted(components, key=lambda each: str(each["purl"])),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else None)
    parser.add_argument("--name", required=True, help="The image's name.")
    name = parser.parse_args().name
    found = [*debian_components(), *python_components(importlib.metadata.distributions())]
    json.dump(document(name, found), sys.stdout, indent=1)


if __name__ == "__main__":
    main()
