"""Every service killed (SIGKILL) at fail points on its way, on real Kafka and MinIO, in orders that seeds choose.

Seed 0 kills each service at every point; each other seed kills at every point too, but some one service at each.

`make chaos` sets JOURNALCLIP_CHAOS_SEEDS. What was proven is written to the file JOURNALCLIP_CHAOS_RECORD names, and
not run again by a second call.
"""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from journalclip_devtools.faults.cluster import Cluster
from journalclip_devtools.faults.kill_matrix import SERVICES, Kill, Torment, share, way
from journalclip_devtools.faults.kill_record import Record
from journalclip_shared import failpoints
from journalclip_shared.settings import KafkaSettings, S3Settings, Settings

pytestmark = [pytest.mark.servers, pytest.mark.timeout(14400)]

SEEDS = int(os.environ.get("JOURNALCLIP_CHAOS_SEEDS", "0"))
RECORD = Record(Path(path) if (path := os.environ.get("JOURNALCLIP_CHAOS_RECORD")) else None)


def test_at_least_thirty_points_lie_on_the_ways_of_the_services() -> None:
    met = {point for service in SERVICES for point in way(service)}
    assert len(met) >= 30
    # The catalogue has a loop of its own; services/catalogue kills it at each of its points.
    unmet = {point for point in failpoints.POINTS if not point.startswith("catalogue.")} - met
    assert unmet == {f"promotion.{name}" for name in ("judged", "appended", "previous", "tagged")}, (
        "the real promoter's"
    )


def test_every_seed_kills_at_every_point_and_few_seeds_kill_every_service_there() -> None:
    whole = {(service, point) for service in SERVICES for point in way(service)}
    for seed in range(1, 20):
        shares = [(service, point) for service in SERVICES for point in share(service, seed)]
        assert sorted(point for _, point in shares) == sorted({point for _, point in whole}), "each once"
        assert all(share(service, seed) for service in SERVICES)
    assert {(service, point) for seed in range(1, 7) for service in SERVICES for point in share(service, seed)} == whole


def test_what_is_on_record_is_done_and_what_is_half_is_not(tmp_path: Path) -> None:
    record = Record(tmp_path / "made" / "kills.jsonl")
    kills = [Kill("intake", point, 3, 1) for point in share("intake", 3)]
    record.add(kills[:-1])
    assert not record.done("intake", 3)
    record.add(kills[-1:])
    with (tmp_path / "made" / "kills.jsonl").open("a") as file:
        file.write('{"service": "freezing", "poi')
    assert record.done("intake", 3)
    assert not record.done("intake", 4)
    assert not record.done("freezing", 3)
    assert list(record.kills()) == kills
    assert record.summary().startswith(f"{len(kills)} kills at {len(kills)} points on record; seeds: intake 1, ")
    nothing = Record(None)
    nothing.add(kills)
    assert list(nothing.kills()) == []


@pytest.mark.skipif(not SEEDS, reason="a thousand kills in 20 seeds: hours; `make chaos` runs it")
@pytest.mark.parametrize("seed", range(SEEDS))
def test_every_service_killed_at_its_share_of_points(
    kafka_settings: KafkaSettings, s3_settings: S3Settings, seed: int, tmp_path: Path
) -> None:
    left = [service for service in SERVICES if not RECORD.done(service, seed)]
    if not left:
        pytest.skip("on record")

    def torment(service: str) -> list[Kill]:
        folder = tmp_path / service
        folder.mkdir()
        kafka = kafka_settings.model_copy(
            update={
                "topic_prefix": f"{kafka_settings.topic_prefix}{service}.",
                "session_timeout_s": 2.0,  # so long a killed member keeps its partitions
            }
        )
        s3 = s3_settings.model_copy(update={"bucket_prefix": f"{s3_settings.bucket_prefix}{service}-"})
        cluster = Cluster(Settings(workdir=folder / "work", bus="kafka", artifacts="s3", kafka=kafka, s3=s3), folder)
        try:
            kills = Torment(cluster, service, seed).go()
        finally:
            cluster.close()
        RECORD.add(kills)
        return kills

    with ThreadPoolExecutor(len(left)) as pool:  # each waits for the group to miss its dead member
        kills = [kill for found in pool.map(torment, left) for kill in found]
    assert {(kill.service, kill.point) for kill in kills} == {
        (name, point) for name in left for point in share(name, seed)
    }
    print(RECORD.summary())
