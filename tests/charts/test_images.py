"""Every pod's image holds what its process imports: read from the sources and from the lock, so that no image is built.

Followed are imports that a module makes when it is loaded; what a function imports when it is called (torch for the
kind that needs it) is not.
"""

from __future__ import annotations

import ast
import re
import sys
import tomllib
from collections.abc import Iterator
from functools import cache
from importlib.metadata import packages_distributions
from pathlib import Path
from typing import Any

import pytest

from journalclip_devtools.chart.rendered import BRANCHES, Helm, pods

pytestmark = [pytest.mark.charts, pytest.mark.timeout(300)]
ROOT = Path(__file__).parents[2]
PACKAGES = {path.name: path for path in ROOT.glob("*/journalclip*")} | {
    path.name: path for path in ROOT.glob("*/*/journalclip*") if path.is_dir()
}
DISTRIBUTIONS = packages_distributions()


def normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def held(image: str) -> set[str]:
    """Distributions that an image installs, by the lock."""
    lock = tomllib.loads((ROOT / "uv.lock").read_text())["package"]
    locked: dict[str, list[dict[str, Any]]] = {}
    for each in lock:
        locked.setdefault(each["name"], []).append(each)
    root = next(each for each in lock if image_group(image) in each.get("dev-dependencies", {}))
    waiting = list(root["dev-dependencies"][image_group(image)])
    seen: set[tuple[str, str]] = set()
    while waiting:
        wanted = waiting.pop()
        for extra in ("", *wanted.get("extra", ())):
            if (wanted["name"], extra) in seen:
                continue
            seen.add((wanted["name"], extra))
            for each in locked[wanted["name"]]:
                more = each.get("optional-dependencies", {}).get(extra) if extra else each.get("dependencies")
                waiting += more or ()
    return {name for name, _ in seen}


def image_group(image: str) -> str:
    return f"image-{image}"


def files(module: str) -> Iterator[Path]:
    """What Python runs to load a module of ours: its packages' first files, and its own."""
    top, *inner = module.split(".")
    place = PACKAGES[top]
    yield place / "__init__.py"
    for name in inner:
        place /= name
        yield place / "__init__.py" if place.is_dir() else place.with_suffix(".py")


def loaded(body: list[ast.stmt]) -> Iterator[str]:
    """Modules that these statements import when they run, with names that may be modules themselves."""
    for node in body:
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.If) and "TYPE_CHECKING" not in ast.unparse(node.test):
            yield from loaded([*node.body, *node.orelse])
        elif isinstance(node, ast.With):
            yield from loaded(node.body)


@cache
def imports(path: Path) -> frozenset[str]:
    return frozenset(loaded(ast.parse(path.read_text()).body))


def reached(module: str) -> dict[str, Path]:
    """Top-level names of everything that loading a module loads, each with a file of ours that asks for it."""
    found: dict[str, Path] = {}
    waiting, seen = [module], set[Path]()
    while waiting:
        name = waiting.pop()
        for path in files(name):
            if path in seen or not path.is_file():
                continue
            seen.add(path)
            for each in imports(path):
                found.setdefault(each.split(".")[0], path)
                if each.split(".")[0] in PACKAGES:
                    waiting.append(each)
    return found


@pytest.fixture(scope="module")
def processes(helm4: Helm) -> set[tuple[str, str]]:
    """Image and module of every process of ours, in every branch of the chart."""
    found = set()
    for branch in ("studies", "all-values", "bundled-process"):
        for pod in pods(helm4.template(*BRANCHES[branch])):
            for each in pod.containers:
                image = each["image"].rpartition("/")[2].partition(":")[0]
                words = [*(each.get("command") or ()), *(each.get("args") or ())]
                module = next((word for word in words if word.split(".")[0] in PACKAGES), "")
                if image == "parser" and not words:
                    module = "journalclip_extraction.parser"
                if "journalclip/" in each["image"] and module:
                    found.add((image, f"{module}.__main__" if PACKAGES.get(module) else module))
    return found


def test_every_process_finds_in_its_image_what_it_imports(processes: set[tuple[str, str]]) -> None:
    assert {image for image, _ in processes} >= {"backbone", "extraction", "structuring", "studies", "ray"}
    lacking = []
    for image, module in sorted(processes):
        there = held(image)
        for name, path in reached(module).items():
            if name in sys.stdlib_module_names or name == "__future__":
                continue
            ours = {f"journalclip-{name.removeprefix('journalclip_')}"} if name.startswith("journalclip_") else None
            wanted = ours or {normal(each) for each in DISTRIBUTIONS.get(name, ())} or {name}
            if name == "journalclip":
                wanted = {"journalclip-client"}
            if not wanted & there:
                lacking.append(f"{image}: {module} needs {name}, by {path.relative_to(ROOT)}")
    assert lacking == []
