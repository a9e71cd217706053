"""Proof of the sandbox: hostile files and mutants through the extraction handler, each to one end within its limits.

Every file takes the way of a real event: stored, handled, and either announced or refused with a code. What counts is
that the service lives (no error but our own leaves the handler), that the right ends are reached where one is right,
and that no file takes more time and memory than its limits.
"""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path

import pymupdf

from journalclip_devtools.hostile import FILES, mutant
from journalclip_devtools.hostile.catalogue import READ
from journalclip_extraction.article import ExtractOptions, ReadDelivery
from journalclip_extraction.handler import ExtractionHandler
from journalclip_extraction.sandbox import Sandbox
from journalclip_shared.artifacts import ArtifactStore
from journalclip_shared.artifacts.local import LocalArtifacts
from journalclip_shared.errors import PermanentError, TransientError
from journalclip_shared.events import ArticleSubmitted
from journalclip_shared.ids import article_id
from journalclip_sources.sandbox import Outcome, Usage

_BATCH = 50
MOST_S = 20.0  # what an article may cost: the figure
MOST_BYTES = 1 << 30


@dataclass(frozen=True)
class Trial:
    """One file's end: `READ`, a code, or ``died`` where the zygote was lost."""

    name: str
    end: str
    usage: Usage
    right: bool = True

    @property
    def over(self) -> bool:
        """Beyond what an article may cost?"""
        return self.usage.wall_s > MOST_S or self.usage.peak_bytes > MOST_BYTES


@dataclass(frozen=True)
class Report:
    """``over`` names the files beyond 20 s of wall-clock or 1 GiB."""

    files: int
    mutants: int
    deaths: int
    wrong: tuple[str, ...]
    over: tuple[str, ...]
    states: dict[str, int]
    slowest: Trial
    largest: Trial

    @property
    def passed(self) -> bool:
        return not (self.deaths or self.wrong or self.over)


def run(
    folder: Path,
    sandbox: Sandbox,
    bases: Iterable[bytes],
    count: int,
    seed: int,
    jobs: int,
    record: Path | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Report:
    """All of `FILES`, then ``count`` mutants of ``bases``; artifacts go below ``folder``.

    ``record`` is a file of one JSON line a trial: what stands in it is not tried again, so a stopped run goes on; but a
    trial beyond its limits is, since a busy machine stretches wall-clock.
    Raises `PermanentError` ``bench-record`` where it belongs to another seed.
    """
    store = LocalArtifacts(folder)
    good = tuple(bases)
    done = read_record(record, seed)
    builders: dict[str, Callable[[], bytes]] = {name: file.build for name, file in FILES.items()}
    builders |= {f"mutant-{number}": partial(mutant, good, seed, number) for number in range(count)}
    waiting = [name for name in builders if name not in done]
    with ThreadPoolExecutor(jobs) as pool, _appending(record, seed) as write:
        # By the batch, so that two thousand mutants are not in memory at once.
        for start in range(0, len(waiting), _BATCH):
            batch = waiting[start : start + _BATCH]
            for trial in pool.map(lambda name: _trial(store, sandbox, name, builders[name]()), batch):
                done[trial.name] = trial
                write(trial)
                if progress is not None:
                    progress(len(done), len(builders))
    return _report([done[name] for name in FILES], [done[f"mutant-{number}"] for number in range(count)])


def read_record(path: Path | None, seed: int) -> dict[str, Trial]:
    """The trials of an earlier run with the same seed; a last line that was cut off counts as not there."""
    if path is None or not path.exists():
        return {}
    head, *lines = path.read_text().splitlines()
    if json.loads(head) != {"seed": seed}:
        raise PermanentError("bench-record", f"{path} belongs to another seed", "Name another file, or remove it.")
    trials: dict[str, Trial] = {}
    for line in lines:
        try:
            fields = json.loads(line)
        except ValueError:
            continue
        trials[fields["name"]] = Trial(fields["name"], fields["end"], Usage(**fields["usage"]), fields["right"])
    return {name: trial for name, trial in trials.items() if not trial.over}


@contextmanager
def _appending(path: Path | None, seed: int) -> Iterator[Callable[[Trial], None]]:
    path = path or Path(os.devnull)
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = not path.exists()
    with path.open("a") as out:
        out.write(json.dumps({"seed": seed}) + "\n" if fresh else "\n")  # the line before may have been cut off

        def write(trial: Trial) -> None:
            out.write(json.dumps(asdict(trial)) + "\n")
            out.flush()

        yield write


def slices(pdf: bytes) -> list[bytes]:
    """A good article as short files of two pages, each also with its streams unpacked, where wounds hit operators."""
    with pymupdf.open(stream=pdf, filetype="pdf") as whole:
        found: list[bytes] = []
        for first in range(0, whole.page_count, 2):
            with pymupdf.open() as part:
                part.insert_pdf(whole, from_page=first, to_page=min(first + 1, whole.page_count - 1))
                found += [part.tobytes(garbage=3, no_new_id=True), part.tobytes(garbage=3, no_new_id=True, expand=1)]
        return found


class _Watched:
    """A sandbox that remembers what the last article used."""

    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox
        self.usage = Usage()

    def read(self, data: bytes, options: ExtractOptions) -> ReadDelivery:
        outcome: Outcome[ReadDelivery] = self._sandbox.run(data, options)
        self.usage = outcome.usage
        return outcome.article()


def _trial(store: ArtifactStore, sandbox: Sandbox, name: str, data: bytes) -> Trial:
    pdf = store.put("articles", data, "application/pdf")
    watched = _Watched(sandbox)
    handler = ExtractionHandler(store, watched, ExtractOptions())
    try:
        handler.extract(ArticleSubmitted(article_id=article_id(pdf.sha256), pdf=pdf, name=f"{name}.pdf"))
    except PermanentError as error:
        return Trial(name, error.code, watched.usage, _is_right(name, error.code))
    except TransientError:
        return Trial(name, "died", watched.usage, right=False)
    return Trial(name, READ, watched.usage, _is_right(name, READ))


def _is_right(name: str, end: str) -> bool:
    ends = FILES[name].ends if name in FILES else frozenset[str]()
    return not ends or end in ends


def _report(known: list[Trial], rest: list[Trial]) -> Report:
    trials = [*known, *rest]
    return Report(
        files=len(known),
        mutants=len(rest),
        deaths=sum(trial.end == "died" for trial in trials),
        wrong=tuple(f"{trial.name}: {trial.end}" for trial in trials if not trial.right),
        over=tuple(trial.name for trial in trials if trial.over),
        states=dict(sorted(Counter(trial.end for trial in trials).items())),
        slowest=max(trials, key=lambda trial: trial.usage.wall_s),
        largest=max(trials, key=lambda trial: trial.usage.peak_bytes),
    )
