"""Which printed name is which label's: the names of one print that fit the labels one to one, in order if they can."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
from scipy.optimize import linear_sum_assignment

from journalclip_extraction.panels.glyphs import LETTERS
from journalclip_extraction.panels.names import Name
from journalclip_extraction.panels.raster import Region

_ALIKE = {"({})": 1.3}  # ratio of heights of names; without two brackets b is taller than a
_PLAIN_ALIKE = 1.5
_SHARE = {"({})": 0.33}  # of the names must be read as their labels: two brackets and the order say the rest
_PLAIN_SHARE = 0.75  # where there are no two brackets
_SURE = 0.8  # where the caption names no panels and the picture alone does; and out of order
_MOST = 3  # names beyond the labels: more are words of the picture


def fitted(names: Sequence[Name], labels: Sequence[str]) -> dict[str, Region]:
    """Label -> its name's box; empty where the names do not fit one to one.

    Without ``labels`` (the caption names none) the picture's own are taken, from A on.
    """
    if len(labels) == 1 or any(len(label) != 1 or label not in LETTERS for label in labels):
        return {}
    fits = [fit for group in _of_one_print(names) if (fit := _fit(group, labels))]
    return max(fits, key=len, default={})


def _fit(names: Sequence[Name], labels: Sequence[str]) -> dict[str, Region]:
    shown = names
    read = [name for name in names if any(name.reads(label) for label in labels)]
    if labels and (len(read) >= len(labels) or names[0].style not in _SHARE):
        names = read  # many a number or word in brackets ends as a name does
    wanted = labels or tuple(LETTERS[: len(names)])
    if not 2 <= len(wanted) <= len(names) <= len(wanted) + _MOST:
        return {}
    likeness = np.array([[name.scores.get(label, 0.0) for name in names] for label in wanted])
    chosen = [names[at] for at in linear_sum_assignment(-likeness)[1]]
    following = LETTERS[len(wanted) : len(wanted) + 1]
    if any(name.reads(following) for name in shown if name not in chosen):
        return {}  # the picture has a panel more
    least = _SURE if not labels else _SHARE.get(chosen[0].style, _PLAIN_SHARE)
    best = max(_orders(chosen, wanted), key=_read)
    as_read = dict(zip(wanted, chosen, strict=True))
    if labels and _read(as_read) > max(_read(best), _SURE):  # what is printed decides over reading order
        best = as_read
    return {label: name.box for label, name in best.items()} if _read(best) >= least else {}


def _orders(names: Sequence[Name], labels: Sequence[str]) -> Iterator[dict[str, Name]]:
    """The labels over the names by rows and by columns."""
    height = float(np.median([name.box.height for name in names]))
    for across, reach in ((1, height), (0, 2 * height)):
        lines: list[list[Name]] = []
        for name in sorted(names, key=lambda name: name.box[across]):
            if lines and name.box[across] - lines[-1][0].box[across] <= reach:
                lines[-1].append(name)
            else:
                lines.append([name])
        ordered = [name for line in lines for name in sorted(line, key=lambda name: name.box[1 - across])]
        yield dict(zip(labels, ordered, strict=True))


def _read(fit: Mapping[str, Name]) -> float:
    """Share of the names whose letter looks like its label."""
    return sum(name.reads(label) for label, name in fit.items()) / len(fit)


def _of_one_print(names: Sequence[Name]) -> list[list[Name]]:
    """Names of one style and size together, the best read first."""
    groups: list[list[Name]] = []
    for name in sorted(names, key=lambda name: -max(name.scores.values())):
        alike = _ALIKE.get(name.style, _PLAIN_ALIKE)
        for group in groups:
            first = group[0]
            if first.style == name.style and 1 / alike <= first.box.height / name.box.height <= alike:
                group.append(name)
                break
        else:
            groups.append([name])
    return groups
