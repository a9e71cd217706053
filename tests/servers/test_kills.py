"""Every service killed (SIGKILL) at every fail point on its way, on real Kafka and MinIO, in orders that seeds choose.

`make chaos` sets JOURNALCLIP_CHAOS_SEEDS; with JOURNALCLIP_CHAOS_RECORD every death is written down there.
"""

from __future__ import annotations

import json
import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from pathlib import Path

import pytest

from journalclip_pipelines.testing.cluster import Cluster
from journalclip_pipelines.testing.torment import SERVICES, Kill, Torment, way
from journalclip_shared import failpoints
from journalclip_shared.settings import KafkaSettings, S3Settings, Settings

pytestmark = [pytest.mark.servers, pytest.mark.timeout(3600)]

SEEDS = int(os.environ.get("JOURNALCLIP_CHAOS_SEEDS", "0"))


def test_at_least_thirty_points_lie_on_the_ways_of_the_services() -> None:
    met = {point for service in SERVICES for point in way(service)}
    assert len(met) >= 30
    unmet = set(failpoints.POINTS) - met
    assert unmet == {f"promotion.{name}" for name in ("judged", "appended", "previous", "tagged")}, (
        "the real promoter's"
    )


@pytest.mark.skipif(not SEEDS, reason="every service at every point: an hour for 20 seeds; `make chaos` runs it")
@pytest.mark.parametrize("seed", range(SEEDS))
def test_every_service_killed_at_every_point_on_its_way(
    kafka_settings: KafkaSettings, s3_settings: S3Settings, seed: int, tmp_path: Path
) -> None:
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
            return Torment(cluster, service, seed).go()
        finally:
            cluster.close()

    with ThreadPoolExecutor(len(SERVICES)) as pool:  # each waits for the group to miss its dead member
        kills = [kill for found in pool.map(torment, SERVICES) for kill in found]
    assert {(kill.service, kill.point) for kill in kills} == {(name, point) for name in SERVICES for point in way(name)}
    if folder := os.environ.get("JOURNALCLIP_CHAOS_RECORD"):
        with (Path(folder) / "kills.jsonl").open("a") as record:
            record.writelines(json.dumps(asdict(kill)) + "\n" for kill in kills)
