"""The ablation's table: means over seeds with Student intervals, and differences paired by seed.

A loss is compared with plain CLIP on the same tower, our soft loss with SeLIP's own, and the volume tower with the
slice tower under the same loss.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from journalclip_devtools.experiments.ablation.sizes import BASELINE, LOSSES, TOWERS
from journalclip_evaluation.student import Row, interval

Seeds = Sequence[Mapping[str, Mapping[str, float]]]


def table_of(seeds: Seeds) -> list[Row]:
    """Rows by measure: each arm, then the comparisons that are not with plain CLIP."""
    rows: list[Row] = []
    for measure in next(iter(seeds[0].values())):
        for tower in TOWERS:
            for loss in LOSSES:
                against = None if loss == BASELINE else f"{tower} {BASELINE}"
                rows.append(_row(seeds, measure, f"{tower} {loss}", against))
            rows.append(_row(seeds, measure, f"{tower} evidence", f"{tower} selip", named=True))
        rows += [_row(seeds, measure, f"volume {loss}", f"slices {loss}", named=True) for loss in LOSSES]
    return rows


def _row(seeds: Seeds, measure: str, arm: str, against: str | None, named: bool = False) -> Row:
    values = tuple(seed[arm][measure] for seed in seeds)
    if against is None:
        return Row(measure, arm, values, None)
    base = tuple(seed[against][measure] for seed in seeds)
    difference = interval([a - b for a, b in zip(values, base, strict=True)])
    return Row(measure, f"{arm} against {against}" if named else arm, values, difference)
