"""The import rules of the house: they keep the services separate deployables."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
SERVICES = ("extraction", "structuring", "training", "promotion", "inference")
ALLOWED = {
    "shared": set[str](),
    "modeling": {"shared"},
    "evaluation": {"shared", "modeling"},
    **{service: {"shared", "modeling", "evaluation"} for service in SERVICES},
    "pipelines": {"shared", "modeling", "evaluation", *SERVICES},
}


def package(member: str) -> Path:
    return ROOT / ("services" if member in SERVICES else "") / member / f"journalclip_{member}"


def imported(source: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(source.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module


@pytest.mark.parametrize("member", ALLOWED)
def test_member_imports_only_what_it_may(member: str) -> None:
    sources = list(package(member).rglob("*.py"))
    assert sources
    for source in sources:
        ours = {name.split(".")[0].removeprefix("journalclip_") for name in imported(source) if "journalclip_" in name}
        assert ours - {member} <= ALLOWED[member], f"{source.relative_to(ROOT)} imports {ours}"


@pytest.mark.parametrize("service", SERVICES)
def test_services_have_the_same_inner_shape(service: str) -> None:
    for name in ("__main__.py", "settings.py", "handler.py", "errors.py"):
        assert (package(service) / name).is_file(), f"{service} lacks {name}"
    for name in ("README.md", "tests"):
        assert (package(service).parent / name).exists(), f"{service} lacks {name}"


def test_one_broad_except_at_most() -> None:
    broad = [
        f"{source.relative_to(ROOT)}:{node.lineno}"
        for member in ALLOWED
        for source in package(member).rglob("*.py")
        for node in ast.walk(ast.parse(source.read_text()))
        if isinstance(node, ast.ExceptHandler) and (node.type is None or _broad(node.type))
    ]
    assert len(broad) <= 1, broad


def _broad(caught: ast.expr) -> bool:
    return isinstance(caught, ast.Name) and caught.id in {"Exception", "BaseException"}
