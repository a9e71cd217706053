"""The rules of the layout: which package may import which, and what every folder holds."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
SERVICES = ("catalogue", "intake", "extraction", "structuring", "freezing", "training", "promotion", "inference")
LIBRARIES = {
    "shared": set[str](),
    "sources": {"shared"},
    "modeling": {"shared"},
    "evaluation": {"shared", "modeling"},
    "synthetic": {"shared", "sources"},
    "client": set[str](),  # for notebooks: no other package of ours, not even the platform
}
ALLOWED = {
    **LIBRARIES,
    **{service: {"shared", "sources", "modeling", "evaluation"} for service in SERVICES},
    "pipelines": {*LIBRARIES, *SERVICES},
    "devtools": {*LIBRARIES, *SERVICES, "pipelines"},
}
# What git tracks at the top level; a new entry is a decision, see docs/architecture/overview.md.
TOP_LEVEL = {
    ".ci", ".dockerignore", ".github", ".gitignore", "CHANGELOG.md", "CONTRIBUTING.md", "Dockerfile", "LICENSE",
    "Makefile", "README.md", "SECURITY.md", "charts", "compose.yaml", "conftest.py", "devtools", "docs", "pipelines",
    "pyproject.toml", "services", "shared", "skaffold.yaml", "tests", "uv.lock",
}  # fmt: skip
# What a developer's machine may have there besides; git ignores it.
UNTRACKED = {
    ".git",
    ".venv",
    ".uv",
    ".mypy_cache",
    ".pytest_cache",
    ".ruff_cache",
    ".hypothesis",
    "build",
    "__pycache__",
}


def folder(member: str) -> Path:
    if member in SERVICES:
        return ROOT / "services" / member
    if member in LIBRARIES:
        return ROOT / "shared" / ("platform" if member == "shared" else member)
    return ROOT / member


def package(member: str) -> Path:
    return folder(member) / ("journalclip" if member == "client" else f"journalclip_{member}")


def member_of(module: str) -> str:
    top = module.split(".")[0]
    return "client" if top == "journalclip" else top.removeprefix("journalclip_")


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
        ours = {member_of(name) for name in imported(source) if name.startswith("journalclip")}
        assert ours - {member} <= ALLOWED[member], f"{source.relative_to(ROOT)} imports {ours}"


@pytest.mark.parametrize("service", SERVICES)
def test_services_have_the_same_inner_shape(service: str) -> None:
    for name in ("__main__.py", "settings.py", "handler.py"):
        assert (package(service) / name).is_file(), f"{service} lacks {name}"
    for name in ("README.md", "tests", "pyproject.toml"):
        assert (folder(service) / name).exists(), f"{service} lacks {name}"


def test_the_top_level_is_what_the_architecture_says() -> None:
    there = {path.name for path in ROOT.iterdir()} - UNTRACKED
    unknown = {name for name in there - TOP_LEVEL if not name.startswith(("journalclip-", ".coverage"))}
    assert not unknown
    assert {path.name for path in (ROOT / "services").iterdir() if path.is_dir()} == set(SERVICES)
    assert {path.name for path in (ROOT / "shared").iterdir() if path.is_dir()} == {
        folder(each).name for each in LIBRARIES
    }


def test_no_image_installs_development_tools() -> None:
    groups = (ROOT / "pyproject.toml").read_text().split("image-backbone", 1)[1].split("[tool.ruff]", 1)[0]
    assert "devtools" not in groups
    assert "synthetic" not in groups


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


@pytest.mark.parametrize("member", ALLOWED)
def test_no_kind_has_a_default(member: str) -> None:
    """Who forgets to say which kind gets an error, not articles. What is of one kind by nature names it itself."""
    for source in package(member).rglob("*.py"):
        if "journalclip_shared.kinds" not in set(imported(source)):
            continue
        for node in ast.walk(ast.parse(source.read_text())):
            where = f"{source.relative_to(ROOT)}:{getattr(node, 'lineno', 0)}"
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                arguments = [*node.args.posonlyargs, *node.args.args]
                late = arguments[len(arguments) - len(node.args.defaults) :]
                given = [*zip(late, node.args.defaults, strict=True)]
                given += [
                    (argument, value)
                    for argument, value in zip(node.args.kwonlyargs, node.args.kw_defaults, strict=True)
                    if value is not None
                ]
                assert not [a.arg for a, _ in given if _is_kind(a.annotation)], where
            elif isinstance(node, ast.ClassDef) and (node.decorator_list or node.bases):
                fields = [each for each in node.body if isinstance(each, ast.AnnAssign) and _is_kind(each.annotation)]
                assert not [each for each in fields if each.value is not None and not _fixed(each.value)], where


def _is_kind(annotation: ast.expr | None) -> bool:
    return isinstance(annotation, ast.Name) and annotation.id == "Kind"


def _fixed(value: ast.expr) -> bool:
    """A field that no caller can set, or a pydantic field without a default."""
    if not isinstance(value, ast.Call):
        return False
    keywords = {each.arg: each.value for each in value.keywords}
    if "init" in keywords:
        return isinstance(keywords["init"], ast.Constant) and keywords["init"].value is False
    return not value.args and not {"default", "default_factory"} & keywords.keys()
