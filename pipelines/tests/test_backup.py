"""An installation copied and brought back: the same audit, the same hits; and every copy that is not whole refused."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from journalclip_devtools.doubles.collection import small_world
from journalclip_devtools.faults.chain import STAGES, Chain, FolderRegistry
from journalclip_devtools.faults.light_index import search_handlers
from journalclip_freezing.handler import FreezeRule
from journalclip_inference.engine import SearchEngine
from journalclip_intake.articles import submit
from journalclip_pipelines.cli import app
from journalclip_pipelines.operations.audit import Audit, audit
from journalclip_pipelines.operations.backup import backup, restore
from journalclip_pipelines.operations.repair import rebuild
from journalclip_shared.artifacts import ArtifactCorrupt, ManifestConflict
from journalclip_shared.artifacts.local import LocalArtifacts
from journalclip_shared.bus.sqlite import SqliteBus
from journalclip_shared.consume import Loop, LoopSettings
from journalclip_shared.errors import PermanentError
from journalclip_shared.testing.memory import MemoryArtifacts, MemoryBus

QUICK = LoopSettings(attempts=1, backoff_s=0.0, poll_s=0.0, commit_s=0.0, heartbeat_s=0.2)


@pytest.fixture
def worked(tmp_path: Path) -> Path:
    """A working folder in which two articles went all the way, one to quarantine, and a model became champion."""
    root = tmp_path / "worked"
    root.mkdir()
    chain = opened(root)
    for number, figures in ((0, 2), (1, 2), (9, 0)):
        submit(chain.store, chain.bus, chain.drop(tmp_path, number, figures=figures))
    work(chain)
    chain.bus.close()
    (root / "keys").mkdir()
    (root / "keys" / "sign").write_text("hmac:0")
    return root


def work(chain: Chain) -> None:
    while any(Loop(chain.bus, each, QUICK).drain() for each in (*map(chain.handler, STAGES), *search_handlers(chain))):
        pass


def opened(root: Path) -> Chain:
    bus, store = SqliteBus(root / "events.db"), LocalArtifacts(root / "artifacts")
    return Chain(bus, store, FolderRegistry(root / "registry"), FreezeRule(new_pairs=2))


def audited(chain: Chain) -> Audit:
    return audit(chain.bus, chain.store, {"articles": chain.registry})


def test_a_working_folder_comes_back_with_a_clean_audit(worked: Path, tmp_path: Path) -> None:
    before = audited(opened(worked))
    made = backup(LocalArtifacts(worked / "artifacts"), worked, tmp_path / "copy")
    assert made.copied.databases == ("events.db",)
    assert made.new == sum(made.copied.objects.values()) > 10
    new = tmp_path / "new"
    restore(tmp_path / "copy", LocalArtifacts(new / "artifacts"), new)
    (worked / "registry").rename(new / "registry")  # in a real one it is mlflow.db
    after = audited(opened(new))
    assert after.violations == before.violations == []
    assert (after.states, after.pairs, after.references) == (before.states, before.pairs, before.references)
    assert (new / "keys" / "sign").stat().st_mode & 0o777 == 0o600


def test_a_second_copy_adds_only_what_is_new(worked: Path, tmp_path: Path) -> None:
    store, copy = LocalArtifacts(worked / "artifacts"), tmp_path / "copy"
    first = backup(store, worked, copy)
    store.put("figures", b"came later", "image/png")
    second = backup(store, worked, copy)
    assert (second.new, second.copied.bytes) == (1, first.copied.bytes + len(b"came later"))


def test_a_store_without_its_log_is_told_again_from_the_copy(worked: Path, tmp_path: Path) -> None:
    """As on a cluster: the objects alone are brought back, and the log is made anew from them."""
    chain = opened(worked)
    before = audited(chain)
    backup(chain.store, tmp_path / "no-folder", tmp_path / "copy")
    store, bus = MemoryArtifacts(), MemoryBus()
    restore(tmp_path / "copy", store, tmp_path)
    rebuild(bus, store, {"articles": chain.registry})
    work(Chain(bus, store, chain.registry, FreezeRule(new_pairs=2)))  # what was quarantined is read again
    after = audit(bus, store, {"articles": chain.registry})
    assert after.violations == []
    assert (after.states, after.pairs) == (before.states, before.pairs)


def test_the_champion_answers_a_query_with_the_same_hits(tmp_path: Path) -> None:
    world = small_world(LocalArtifacts(tmp_path / "world"), articles=3)
    world.promote(world.add_model(seed=1), tmp_path / "cache")
    backup(world.store, tmp_path / "no-folder", tmp_path / "copy")
    store = LocalArtifacts(tmp_path / "new")
    restore(tmp_path / "copy", store, tmp_path)
    answers = [
        SearchEngine.open(each, world.registry, tmp_path / f"cache-{number}").answer("axial CT haematoma", None, 10)
        for number, each in enumerate((world.store, store))
    ]
    hits = [[(hit.pair_id, hit.score) for hit in answer.hits] for answer in answers]
    assert hits[0] == hits[1] != []


def test_nothing_that_is_there_is_written_over(worked: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    backup(LocalArtifacts(worked / "artifacts"), worked, copy)
    with pytest.raises(PermanentError, match="holds events") as caught:
        restore(copy, LocalArtifacts(worked / "artifacts"), worked)
    assert caught.value.code == "restore-not-empty"
    other = MemoryArtifacts()
    name = next(iter(LocalArtifacts(worked / "artifacts").list_manifests("figures")))
    other.put_manifest("figures", name, b'{"another": 1}')
    with pytest.raises(ManifestConflict):
        restore(copy, other, tmp_path / "new")


def test_a_copy_that_is_not_whole_is_refused(worked: Path, tmp_path: Path) -> None:
    store, copy = LocalArtifacts(worked / "artifacts"), tmp_path / "copy"
    with pytest.raises(PermanentError, match="no whole backup"):
        restore(copy, MemoryArtifacts(), tmp_path / "new")
    backup(store, worked, copy)
    ref = next(store.list_blobs("figures"))
    LocalArtifacts(copy / "artifacts").path(ref).write_bytes(b"damaged")
    with pytest.raises(ArtifactCorrupt):
        restore(copy, MemoryArtifacts(), tmp_path / "new")
    LocalArtifacts(copy / "artifacts").path(ref).unlink()
    with pytest.raises(PermanentError, match="objects are missing") as caught:
        restore(copy, MemoryArtifacts(), tmp_path / "new")
    assert caught.value.code == "backup-unusable"


def test_by_the_commands(worked: Path, tmp_path: Path) -> None:
    runner, copy, new = CliRunner(), tmp_path / "copy", tmp_path / "new"
    made = runner.invoke(app, ["backup", str(copy), "--workdir", str(worked), "--json"])
    assert made.exit_code == 0, made.output
    assert json.loads(made.stdout)["databases"] == ["events.db"]
    back = runner.invoke(app, ["restore", str(copy), "--workdir", str(new)])
    assert back.exit_code == 0, back.output
    assert "databases: events.db; 1 keys" in back.stdout
    alone = runner.invoke(app, ["backup", str(tmp_path / "alone"), "--workdir", str(worked), "--databases-only"])
    assert alone.stdout.strip() == "copied events.db"
    assert not (tmp_path / "alone" / "artifacts").exists()
