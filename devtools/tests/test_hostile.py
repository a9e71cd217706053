import json
import random
from dataclasses import asdict
from pathlib import Path

import pytest

from journalclip_devtools.hostile import FILES, mutants
from journalclip_devtools.hostile.bench import Trial, read_record, run, slices
from journalclip_devtools.hostile.containers import plain
from journalclip_extraction.article import ExtractOptions
from journalclip_extraction.extractor import read_article
from journalclip_extraction.sandbox import Sandbox
from journalclip_shared.errors import PermanentError
from journalclip_sources.sandbox import Limits, Usage

CHEAP = Limits(wall_s=8, cpu_s=1)  # bombs end sooner than in production; the ends are the same


def test_there_are_enough_of_every_kind() -> None:
    assert len(FILES) >= 32
    for name in ("nested-flate", "form-recursion", "huge-image", "page-tree-bomb", "xref-loop", "deep-arrays"):
        assert name in FILES
    for name in ("broken-font", "embedded-paths", "empty-user-password", "zip-and-pdf", "zero-pages", "empty"):
        assert name in FILES


def test_a_hostile_file_is_the_same_each_time() -> None:
    for name in ("plain", "nested-flate", "form-laughs", "many-images"):
        assert FILES[name].build() == FILES[name].build()


def test_a_seed_gives_the_same_mutants_and_another_gives_others() -> None:
    first = list(mutants([plain()], 20, seed=1))
    assert first == list(mutants([plain()], 20, seed=1))
    assert first != list(mutants([plain()], 20, seed=2))
    assert len(set(first)) > 15


def test_no_wound_fails_on_any_bytes() -> None:
    rng = random.Random(7)
    for size in (0, 1, 2, 50):
        assert len(list(mutants([rng.randbytes(size)], 100, seed=3))) == 100


def test_an_image_that_cannot_be_decoded_costs_its_crop_only() -> None:
    (figure,) = read_article(FILES["huge-predictor"].build(), ExtractOptions()).figures
    assert figure.crop is None


@pytest.mark.slow
def test_every_hostile_file_and_some_mutants_end_with_a_code(tmp_path: Path) -> None:
    with Sandbox(CHEAP) as sandbox:
        report = run(tmp_path, sandbox, [plain(), *slices(plain())], count=40, seed=5, jobs=2)
    assert report.deaths == 0
    assert report.wrong == ()
    assert report.files == len(FILES)
    assert report.mutants == 40
    assert not list(tmp_path.rglob("*owned*"))


def test_a_stopped_run_goes_on_where_it_was(tmp_path: Path) -> None:
    record = tmp_path / "trials.jsonl"
    known = [Trial(name, "read", Usage()) for name in FILES] + [
        Trial(f"mutant-{n}", "no-figures", Usage()) for n in (0, 2)
    ]
    lines = [json.dumps({"seed": 5}), *(json.dumps(asdict(trial)) for trial in known), '{"name": "mutant-1", "en']
    record.write_text("\n".join(lines))
    told: list[tuple[int, int]] = []
    with Sandbox(CHEAP) as sandbox:
        report = run(tmp_path, sandbox, [plain()], 3, 5, 1, record, lambda *at: told.append(at))
    assert told == [(len(FILES) + 3, len(FILES) + 3)]
    assert report.mutants == 3
    assert set(read_record(record, 5)) == {*FILES, "mutant-0", "mutant-1", "mutant-2"}
    late = Trial("mutant-2", "read", Usage(wall_s=33.0, cpu_s=0.6))
    with record.open("a") as out:
        out.write("\n" + json.dumps(asdict(late)) + "\n")
    assert "mutant-2" not in read_record(record, 5), "a trial that took too long is tried again"
    with pytest.raises(PermanentError, match="another seed"):
        read_record(record, 6)
