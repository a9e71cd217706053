"""Write what the chart is generated from: ``python -m journalclip_devtools.chart charts/journalclip [--check]``."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from journalclip_devtools.chart.dashboard import dashboard
from journalclip_devtools.chart.facts import facts
from journalclip_devtools.chart.readme import with_values
from journalclip_devtools.chart.schema import defaults, values_schema
from journalclip_devtools.chart.topology import topology


def generated(chart: Path) -> dict[Path, str]:
    """The content of every generated file below ``chart``."""
    schema = values_schema()
    return {
        chart / "values.schema.json": _json(schema),
        chart / "files" / "defaults.json": _json(defaults()),
        chart / "files" / "topology.json": _json(topology()),
        chart / "files" / "facts.json": _json(facts()),
        chart / "files" / "dashboard.json": _json(dashboard()),
        chart / "README.md": with_values((chart / "README.md").read_text(), schema),
    }


def _json(value: object) -> str:
    return json.dumps(value, indent=1, ensure_ascii=False) + "\n"


def main(arguments: list[str]) -> int:
    """Write, or with ``--check`` only say what is out of date: 1 where anything is."""
    chart = Path(arguments[0])
    stale = [path for path, text in generated(chart).items() if not path.is_file() or path.read_text() != text]
    for path in stale:
        if "--check" in arguments:
            print(f"{path} is out of date: run `make chart-files`")
        else:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(generated(chart)[path])
            print(f"wrote {path}")
    return 1 if stale and "--check" in arguments else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
