"""Collecting keeps the newest versions and every promoted lineage; shared blocks stay, the audit knows what went."""

from __future__ import annotations

from pathlib import Path

from journalclip_catalogue.handler import Projector
from journalclip_catalogue.loop import catch_up
from journalclip_catalogue.migrate import upgrade
from journalclip_devtools.faults.chain import STAGES, Chain
from journalclip_freezing.handler import FreezeRule
from journalclip_intake.articles import submit
from journalclip_modeling.data import FrozenDataset
from journalclip_pipelines.operations.audit import audit
from journalclip_pipelines.operations.collecting import collect
from journalclip_shared.catalogue.engine import open_engine, sqlite_url
from journalclip_shared.consume import Loop, LoopSettings
from journalclip_shared.events import DatasetFrozen, ModelPromoted
from journalclip_shared.history import events_of, facts_of
from journalclip_shared.testing.memory import MemoryArtifacts, MemoryBus, MemoryRegistry

QUICK = LoopSettings(attempts=1, backoff_s=0.0, poll_s=0.0, commit_s=0.0, heartbeat_s=0.2)


def test_old_versions_go_and_promoted_lineages_and_shared_blocks_stay(tmp_path: Path) -> None:
    chain = Chain(MemoryBus(), MemoryArtifacts(), MemoryRegistry(), FreezeRule(new_pairs=1))
    for number in range(6):
        submit(chain.store, chain.bus, chain.drop(tmp_path, number))
        # Only what was frozen until then is trained on and promoted.
        for stage in (*STAGES, *STAGES[3:]) if number == 1 else STAGES[:3]:
            Loop(chain.bus, chain.handler(stage), QUICK).drain()
    engine = open_engine(sqlite_url(tmp_path / "catalogue.db"))
    upgrade(engine)
    catch_up(chain.bus, Projector(engine, chain.store))
    facts = {fact.dataset_id: fact for fact in facts_of(chain.bus, DatasetFrozen)}
    said = sorted(events_of(chain.bus, DatasetFrozen), key=lambda event: event.time)
    order = list(dict.fromkeys(event.key for event in said))  # a new freezer says the last one again
    assert len(order) == 6
    promoted = {fact.dataset_id for fact in facts_of(chain.bus, ModelPromoted)}
    assert promoted
    expected = [each for each in order[:4] if each not in promoted]
    assert collect(chain.store, engine, 2, dry_run=True).datasets == expected
    assert collect(chain.store, engine, 2, also=expected[:1], dry_run=True).datasets == expected[1:]
    found = collect(chain.store, engine, 2)
    assert found.datasets == expected
    assert found.objects > 0
    assert set(found.kept) == promoted | set(order[4:])
    for dataset in found.kept:
        frozen = FrozenDataset.open(chain.store, facts[dataset].manifest)
        read = [name for split in frozen.manifest.splits for name, _ in frozen.jpegs(split)]
        assert len(read) == facts[dataset].pairs
    lost = [each for each in audit(chain.bus, chain.store, {}, settled=False).violations if "missing" in each.code]
    assert lost == [], "a tombstone says that it went on purpose"
    assert collect(chain.store, engine, 2).datasets == [], "done work is not done again"
