"""``python -m journalclip_devtools.mutants [SUITE ...]``: the mutation score of each suite.

A record (JSON lines) keeps what each mutant came to, so that a broken-off run goes on; survivors are tried again.
A survivor that changes nothing that a user could see may be excused by a reason in ``excused.toml``. Excuses count as
killed for at most 5 % of a suite.
"""

from __future__ import annotations

import hashlib
import importlib
import json
import tempfile
import tomllib
from collections import Counter
from pathlib import Path
from typing import Annotated

import typer

from journalclip_devtools.mutants.drawing import Mutant, draw
from journalclip_devtools.mutants.suites import SUITES, Suite
from journalclip_devtools.mutants.trial import trial

EXCUSED_SHARE = 0.05
LIBRARIES = (
    "numpy", "pydantic", "pyarrow", "sqlalchemy", "hypothesis", "yaml", "PIL.Image", "fastapi", "starlette.testclient",
    "scipy.stats", "typer.testing",
)  # fmt: skip


def digest(mutant: Mutant) -> str:
    return hashlib.sha256(f"{mutant.module}\n{mutant.text}".encode()).hexdigest()[:16]


def excuses() -> dict[str, str]:
    """The reason of each excused survivor, by the digest of the mutant's diff."""
    with (Path(__file__).parent / "excused.toml").open("rb") as file:
        return {
            f"{entry['module']}\n{entry['diff'].strip()}": entry["reason"]
            for entry in tomllib.load(file).get("mutant", [])
        }


def run(name: str, suite: Suite, number: int, seed: int, record: Path) -> tuple[Counter[str], list[str]]:
    """Outcomes of a suite, and its survivors as text."""
    done = {row["mutant"]: row for row in map(json.loads, record.read_text().splitlines())} if record.exists() else {}
    originals = {module: Path(module).read_text() for module in suite.modules}
    outcomes, survivors, known = Counter[str](), list[str](), excuses()
    with tempfile.TemporaryDirectory(prefix="mutants-") as folder:
        log = Path(folder) / "log"
        first = suite.modules[0]
        undisturbed = trial(Path(first), originals[first], suite.tests, 600, log)
        if undisturbed.outcome != "survived":
            raise typer.BadParameter(f"the tests of {name} fail without any change:\n{log.read_text()[-4000:]}")
        limit_s = int(10 + 5 * undisturbed.cpu_s)
        for at, mutant in enumerate(draw(suite.modules, number, seed)):
            key = f"{name}:{digest(mutant)}"
            diff = mutant.diff(originals[mutant.module])
            if done.get(key, {}).get("outcome", "survived") == "survived":  # a test may have come since
                result = trial(Path(mutant.module), mutant.text, suite.tests, limit_s, log)
                done[key] = {
                    "mutant": key, "outcome": result.outcome, "module": mutant.module, "line": mutant.line,
                    "operator": mutant.operator, "diff": diff,
                }  # fmt: skip
                with record.open("a") as file:
                    file.write(json.dumps(done[key]) + "\n")
            outcome = done[key]["outcome"]
            if outcome == "survived" and f"{mutant.module}\n{diff.strip()}" in known:
                outcome = "excused"
            outcomes[outcome] += 1
            if outcome == "survived":
                survivors.append(f"{mutant.module}:{mutant.line} {mutant.operator}\n{diff}")
            if at % 25 == 24:
                typer.echo(f"{name}: {at + 1} of at most {number}: {dict(outcomes)}", err=True)
    return outcomes, survivors


def main(
    suites: Annotated[
        list[str] | None, typer.Argument(help=f"Of {', '.join(SUITES)}; all where none is named.")
    ] = None,
    number: Annotated[int, typer.Option(help="Mutants drawn for each suite.")] = 150,
    seed: Annotated[int, typer.Option(help="Of the draw.")] = 0,
    record: Annotated[Path, typer.Option(help="What each mutant came to; a later run goes on from it.")] = Path(
        "mutants.jsonl"
    ),
) -> None:
    """Try mutants and print each suite's score and survivors."""
    for library in LIBRARIES:
        importlib.import_module(library)
    rows = list[str]()
    for name in suites or SUITES:
        outcomes, survivors = run(name, SUITES[name], number, seed, record)
        total = outcomes.total()
        excused = min(outcomes["excused"], int(EXCUSED_SHARE * total))
        killed = outcomes["killed"] + outcomes["time"]
        for survivor in survivors:
            typer.echo(survivor)
        shares = f"{outcomes['excused']} | {outcomes['survived']} | {(killed + excused) / total:.3f}"
        rows.append(f"| {name} | {total} | {killed} | {shares} |")
    typer.echo("| suite | mutants | killed | excused | survived | score |\n|---|---|---|---|---|---|")
    typer.echo("\n".join(rows))


if __name__ == "__main__":
    typer.run(main)
