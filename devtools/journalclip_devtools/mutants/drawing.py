"""The mutants of a module: each the module's text with one change."""

from __future__ import annotations

import ast
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import unified_diff
from pathlib import Path

import cosmic_ray.plugins
from cosmic_ray.ast import ast_nodes, get_ast
from cosmic_ray.mutating import mutate_code


@dataclass(frozen=True)
class Mutant:
    module: str  # path of the file
    operator: str  # cosmic-ray's name
    line: int
    text: str  # of the whole module, changed

    def diff(self, original: str) -> str:
        """The changed lines."""
        lines = unified_diff(original.splitlines(), self.text.splitlines(), lineterm="", n=0)
        return "\n".join(line for line in lines if line[:3] not in {"---", "+++"} and not line.startswith("@@"))


class _Behaviour(ast.NodeTransformer):
    """Leaves out what does not run: annotations (postponed in every module) and docstrings."""

    def visit_AnnAssign(self, node: ast.AnnAssign) -> ast.AST:
        node.annotation = ast.Constant(None)
        return self.generic_visit(node)

    def visit_arg(self, node: ast.arg) -> ast.AST:
        node.annotation = None
        return node

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        node.returns = None
        return self.generic_visit(node)


def _behaviour(text: str) -> str:
    return ast.dump(_Behaviour().visit(ast.parse(text)))


@dataclass(frozen=True)
class _Place:
    module: str
    operator: str
    occurrence: int
    line: int


def _places(module: str, text: str) -> Iterator[_Place]:
    tree = get_ast(text)
    for name in cosmic_ray.plugins.operator_names():
        kind = cosmic_ray.plugins.get_operator(name)
        if kind.arguments() or name.endswith("NoOp"):
            continue
        starts = [start for node in ast_nodes(tree) for start, _ in kind().mutation_positions(node)]
        yield from (_Place(module, name, at, line) for at, (line, _) in enumerate(starts))


def _changed(place: _Place, text: str) -> str | None:
    """The module's text with the change, or None where cosmic-ray can make none that is Python."""
    try:
        changed = mutate_code(text, cosmic_ray.plugins.get_operator(place.operator)(), place.occurrence)
        return changed if changed and ast.parse(changed) else None
    except (SyntaxError, AttributeError):  # a word taken away that was needed; a tuple of exceptions replaced
        return None


def draw(modules: Sequence[str], number: int, seed: int) -> Iterator[Mutant]:
    """Up to ``number`` mutants of these files that can behave otherwise, by a seed, each text once.

    The draw is over the places of all the files together: a large file gives more of them.
    """
    texts = {module: Path(module).read_text() for module in modules}
    seen = {_behaviour(text) for text in texts.values()}
    places = [place for module in modules for place in _places(module, texts[module])]
    random.Random(seed).shuffle(places)  # noqa: S311 - a sample, no secret
    drawn = 0
    for place in places:
        text = _changed(place, texts[place.module])
        if drawn == number:
            return
        if text is None or (behaviour := _behaviour(text)) in seen:
            continue
        seen.add(behaviour)
        drawn += 1
        yield Mutant(place.module, place.operator.removeprefix("core/"), place.line, text)
