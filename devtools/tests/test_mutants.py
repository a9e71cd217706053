from __future__ import annotations

from pathlib import Path

import pytest

from journalclip_devtools.mutants.drawing import draw
from journalclip_devtools.mutants.suites import SUITES
from journalclip_devtools.mutants.trial import trial

MODULE = '''"""A module."""
from __future__ import annotations

def larger(a: int | None, b: int) -> int:
    return b if a is None or a < b else a
'''
TEST = """
import sys; sys.path.insert(0, {folder!r})
from counted.sizes import larger

def test_larger():
    assert larger(1, 2) == 2 and larger(3, 2) == 3 and larger(None, 2) == 2
"""


@pytest.fixture
def module(tmp_path: Path) -> Path:
    path = tmp_path / "counted" / "sizes.py"
    path.parent.mkdir()
    (path.parent / "__init__.py").touch()
    path.write_text(MODULE)
    (tmp_path / "test_sizes.py").write_text(TEST.format(folder=str(tmp_path)))
    return path


def test_a_mutant_is_a_change_that_runs_and_the_seed_draws_the_same(module: Path) -> None:
    drawn = list(draw([str(module)], 100, 0))
    assert {m.line for m in drawn} == {5}, "an annotation does not run"
    assert "ReplaceComparisonOperator_Lt_GtE" in {m.operator for m in drawn}
    assert len({m.text for m in drawn}) == len(drawn)
    assert list(draw([str(module)], 3, 7)) == list(draw([str(module)], 3, 7)) != list(draw([str(module)], 3, 8))
    assert drawn[0].diff(MODULE).startswith("-    return b if a is None or a < b else a\n+")


@pytest.mark.parametrize(
    ("text", "outcome"),
    [
        (MODULE, "survived"),
        (MODULE.replace("a < b", "a <= b"), "survived"),
        (MODULE.replace("a < b", "a > b"), "killed"),
        (MODULE + "\nwhile True: pass\n", "time"),
    ],
)
def test_the_tests_run_on_the_changed_text_and_the_file_stays(module: Path, text: str, outcome: str) -> None:
    tests = [str(module.parents[1] / "test_sizes.py")]
    done = trial(module, text, tests, 30 if outcome != "time" else 3, module.parents[1] / "log")
    assert done.outcome == outcome, (module.parents[1] / "log").read_text()
    assert module.read_text() == MODULE


def test_every_suite_names_files_that_are_there() -> None:
    root = Path(__file__).parents[2]
    missing = [
        path for suite in SUITES.values() for path in (*suite.modules, *suite.tests) if not (root / path).exists()
    ]
    assert not missing
