"""compose.yaml starts what `up` starts, by settings that exist, with secrets in files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from journalclip_devtools.up import COMMANDS
from journalclip_freezing.settings import FreezingSettings
from journalclip_inference.settings import InferenceSettings
from journalclip_intake.settings import IntakeSettings
from journalclip_promotion.settings import PromotionSettings
from journalclip_shared.names import NOTIFICATIONS
from journalclip_shared.settings import KindSettings
from journalclip_training.settings import TrainingSettings

SERVICES: dict[str, Any] = yaml.safe_load((Path(__file__).parents[2] / "compose.yaml").read_text())["services"]
KNOWN = {
    name
    for kind in (IntakeSettings, FreezingSettings, InferenceSettings, KindSettings, PromotionSettings, TrainingSettings)
    for name in kind.model_fields
}


def test_every_service_is_there_and_nothing_else() -> None:
    assert set(SERVICES) == {*COMMANDS, "kafka", "minio", "mlflow", "bootstrap"}


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_a_service_runs_its_module_by_known_settings_and_no_secret(name: str) -> None:
    service = SERVICES[name]
    module, *arguments = service["command"]
    assert [module, *arguments] == COMMANDS[name]
    given = {key.removeprefix("JOURNALCLIP_").partition("__")[0].lower() for key in service["environment"]}
    assert given <= KNOWN
    assert not [key for key in service["environment"] if key.endswith(("SECRET_KEY", "ACCESS_KEY", "PASSWORD"))]
    assert service["depends_on"] == {"bootstrap": {"condition": "service_completed_successfully"}}
    assert service["read_only"]


def test_the_store_tells_kafka_where_intake_listens_and_ports_are_this_machine_s() -> None:
    assert SERVICES["minio"]["environment"]["MINIO_NOTIFY_KAFKA_TOPIC_PRIMARY"] == NOTIFICATIONS
    ports = [port for service in SERVICES.values() for port in service.get("ports", [])]
    assert ports
    assert all(port.startswith("127.0.0.1:") for port in ports)
