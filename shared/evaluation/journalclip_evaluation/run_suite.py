"""One suite on one encoder: every protocol that the suite names and its data allows."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from journalclip_evaluation.classification import (
    Classified,
    embed,
    summarise_scores,
    zero_shot_scores,
)
from journalclip_evaluation.embedded import EmbeddedPairs, text_key
from journalclip_evaluation.errors import SuiteUnusable
from journalclip_evaluation.probe import fine_tuned_scores, linear_probe_scores
from journalclip_evaluation.retrieval import Ranked, rank
from journalclip_evaluation.suite_data import Labelled, read_captioned, read_labelled
from journalclip_evaluation.suites import Protocol, Suite
from journalclip_modeling.encoder import Encoder

Say = Callable[[str], None]


def classify(
    encoder: Encoder, suite: Suite, root: Path, protocols: Sequence[Protocol] | None = None, say: Say = lambda _: None
) -> dict[Protocol, Classified]:
    """The suite's protocols, or those of ``protocols`` alone; without a training split only zero-shot is left.

    Raises `SuiteUnusable`, `NothingToEvaluate`.
    """
    test, train = _test_split(suite, root), read_labelled(suite, root, suite.train_split)
    found: dict[Protocol, Classified] = {}
    for protocol in suite.protocols if protocols is None else protocols:
        if protocol != "zero-shot" and train is None:
            continue
        say(f"{suite.name}, {protocol}")
        if protocol == "zero-shot" or train is None:
            scores = zero_shot_scores(encoder, test, suite.templates)
        else:
            protocol_scores = linear_probe_scores if protocol == "linear-probe" else fine_tuned_scores
            scores = protocol_scores(encoder, train, test)
        found[protocol] = summarise_scores(suite.name, protocol, scores, test)
    return found


def zero_shot(encoder: Encoder, suite: Suite, root: Path) -> Classified:
    """The general-domain measure of forgetting. Raises `SuiteUnusable`."""
    return classify(encoder, suite, root, ("zero-shot",))["zero-shot"]


def retrieve(encoder: Encoder, suite: Suite, root: Path) -> Ranked:
    """A retrieval suite's ranks. Raises `SuiteUnusable`."""
    items = read_captioned(suite, root, suite.test_split)
    first = {number: row for row, number in reversed(list(enumerate(items.numbers)))}
    unique = embed(encoder, [items.pictures[row] for row in first.values()])  # each picture is opened once
    place = {number: n for n, number in enumerate(first)}
    images = unique[[place[number] for number in items.numbers]]
    names = [str(number) for number in range(len(items.texts))]
    keys = [str(hash_of) for hash_of in np.unique(images, axis=0, return_inverse=True)[1]]
    pairs = EmbeddedPairs(
        images, encoder.embed_texts(items.texts), names, items.groups, keys,
        [text_key(text) for text in items.texts], ["unknown"] * len(names),
    )  # fmt: skip
    return rank(pairs)


def _test_split(suite: Suite, root: Path) -> Labelled:
    test = read_labelled(suite, root, suite.test_split)
    if test is None:
        where = root / suite.data
        raise SuiteUnusable(
            suite.name, f"there is no {where}/{suite.test_split}; place the data there ({suite.source or 'your own'})"
        )
    return test
