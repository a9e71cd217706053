"""Every event of a log as it comes, one JSON line each, until killed: what a chain is watched by from outside.

It needs the bus and nothing else, so its text can be given to any image's interpreter.
"""

from __future__ import annotations

import json
import time

from journalclip_shared.events import FACTS, decode
from journalclip_shared.settings import Settings
from journalclip_shared.wiring import open_bus

_LOOK_S = 1.0  # events carry their own time, so this is no error of any figure


def main() -> None:
    bus, told = open_bus(Settings()), set[tuple[str, int, int]]()
    while True:
        for topic in FACTS:
            for delivery in bus.read(topic):
                place = (delivery.topic, delivery.partition, delivery.offset)
                if place not in told:
                    told.add(place)
                    event = decode(delivery.headers, delivery.body)
                    line = {"topic": delivery.topic, "key": event.key, "time": event.time.timestamp()}
                    print(json.dumps({**line, "fact": event.fact.model_dump(mode="json")}), flush=True)
        time.sleep(_LOOK_S)


if __name__ == "__main__":
    main()
