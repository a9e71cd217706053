"""Minutes of random faults on real Kafka and MinIO, with people at work, and nothing to be seen of it afterwards.

`make chaos` sets JOURNALCLIP_CHAOS_STORM_S. Several seeds: JOURNALCLIP_CHAOS_STORMS=0,1,2.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from journalclip_devtools.faults.chain import undisturbed
from journalclip_devtools.faults.cluster import Cluster
from journalclip_devtools.faults.kill_matrix import quarantined
from journalclip_devtools.faults.settle import PATIENCE_S, settings_for
from journalclip_devtools.faults.storm import Storm
from journalclip_devtools.servers import build, kafka, minio

SECONDS = float(os.environ.get("JOURNALCLIP_CHAOS_STORM_S", "0"))
SEEDS = [int(each) for each in os.environ.get("JOURNALCLIP_CHAOS_STORMS", "0").split(",")]
pytestmark = [pytest.mark.servers, pytest.mark.timeout(14400)]


@pytest.mark.skipif(not SECONDS, reason="minutes; `make chaos` runs it")
@pytest.mark.parametrize("seed", SEEDS)
def test_after_a_storm_it_is_as_if_there_had_been_none(cache: Path, tmp_path: Path, seed: int) -> None:
    for which in ("kafka", "minio"):
        if (said := build.missing(which, cache)) is not None:
            pytest.skip(said)
    broker, reached = kafka.start(tmp_path / "kafka", cache)
    store, bucket = minio.start(tmp_path / "minio", cache)
    cluster = Cluster(settings_for(reached, bucket, tmp_path / "work"), tmp_path)
    try:
        storm = Storm(cluster, broker, store, seed, SECONDS)
        storm.blow()
        numbers = range(storm.articles)
        bad = quarantined(numbers)
        print(f"seed {seed}: {storm.articles} articles; {dict(storm.happened)}")
        found = cluster.settle(PATIENCE_S)
        assert found.violations == [], f"{found.violations}\n{cluster.logs()}"
        assert found.sources["articles"] == len(numbers)
        assert found.left_out_of_search.total() == 0, "every word was taken back"
        assert storm.twice_told() == []
        reference = undisturbed(tmp_path / "undisturbed", numbers, bad, storm.reviews)
        assert cluster.final_dataset() == reference, cluster.logs()
    finally:
        cluster.close()
        broker.stop()
        store.stop()
