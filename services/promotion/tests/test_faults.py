"""Killed at every step, raced, tampered with: one verifying champion after each.

The short forms run with the other tests; the full counts (50 kills a step, 1,000 races and mutations) are what
`make chaos` runs. ``JOURNALCLIP_TEST_RACES=FILE`` keeps the seeds whose races are done there, so that the thousand can
be gone on with.
"""

from __future__ import annotations

import multiprocessing
import os
import random
import shutil
import signal
from collections.abc import Callable
from dataclasses import replace
from multiprocessing.synchronize import Barrier
from pathlib import Path

import pytest

from journalclip_devtools.doubles.promotion import PromotionFixture, put_candidate
from journalclip_promotion.decision import Candidate
from journalclip_promotion.promoter import Promoter, Request
from journalclip_promotion.verify import Inspector, recount_pairs
from journalclip_shared.artifacts import ArtifactRef
from journalclip_shared.artifacts.local import LocalArtifacts
from journalclip_shared.events import ModelPromoted
from journalclip_shared.records.model import ModelFile, ModelManifest
from journalclip_shared.signing import SIGNATURE_TAG, HmacKey

STEPS = ("judged", "decided", "appended", "previous", "champion", "tagged", "done")
FORK = multiprocessing.get_context("fork")


def champion_verifies(house: PromotionFixture) -> Candidate:
    """The one champion: an alias that points at a version whose every byte is what its manifest says."""
    found = house.registry.by_alias("champion")
    assert found is not None
    candidate = house.promoter.candidate(found.version)
    house.promoter.inspector.inspect(candidate, found)
    return candidate


def template(folder: Path) -> tuple[Candidate, Candidate]:
    """A house with champion `a` and a better candidate `b`."""
    house = PromotionFixture(folder, queries=20)
    house.skills(a=0.3, b=0.9)
    first, second = (put_candidate(house.store, house.registry, name) for name in "ab")
    house.handle(first)
    return first, second


def opened(folder: Path) -> PromotionFixture:
    house = PromotionFixture(folder, queries=20)
    house.skills(a=0.3, b=0.9)
    return house


def killed_at(step: str) -> Callable[[str], None]:
    def act(name: str) -> None:
        if name == step:
            os.kill(os.getpid(), signal.SIGKILL)

    return act


def kill_and_finish(folder: Path, b: Candidate, step: str) -> None:
    child = os.fork()
    if not child:
        dying = opened(folder)
        dying.at_step(killed_at(step))
        dying.handle(b)
        os._exit(0)
    _, status = os.waitpid(child, 0)
    assert os.WIFSIGNALED(status)
    assert os.WTERMSIG(status) == signal.SIGKILL
    house = opened(folder)
    assert champion_verifies(house).model_id in (b.model_id, house.promoter.candidate("1").model_id)
    [fact] = house.handle(b)
    assert isinstance(fact, ModelPromoted)
    assert (fact.version, fact.previous_version, fact.sequence) == ("2", "1", 2)
    assert house.aliases() == ("2", "1")
    assert champion_verifies(house).version == "2"
    assert [entry.sequence for entry in house.promoter.ledger.all()] == [1, 2]
    assert house.handle(b) == [fact]


def kill_everywhere(tmp_path: Path, rounds: int) -> None:
    _, b = template(tmp_path / "template")
    for step in STEPS:
        for turn in range(rounds):
            folder = tmp_path / f"{step}-{turn}"
            shutil.copytree(tmp_path / "template", folder)
            kill_and_finish(folder, b, step)
            shutil.rmtree(folder)


def test_killed_at_every_step(tmp_path: Path) -> None:
    kill_everywhere(tmp_path, rounds=2)


@pytest.mark.chaos
def test_killed_at_every_step_fifty_times(tmp_path: Path) -> None:
    kill_everywhere(tmp_path, rounds=50)


def racer(folder: Path, candidates: list[Candidate], skill: dict[str, float], barrier: Barrier) -> None:
    for candidate in candidates:
        house = PromotionFixture(folder, queries=20)
        house.bench.skill = skill
        barrier.wait(600)
        house.handle(candidate)
        barrier.wait(600)


def race(folder: Path, rounds: int, seed: int) -> None:
    """Two processes each promote a candidate of their own, ``rounds`` times, always at the same moment."""
    rng = random.Random(seed)
    house = PromotionFixture(folder, queries=20)
    candidates = [put_candidate(house.store, house.registry, f"{seed}-{n}") for n in range(2 * rounds)]
    # Skills drift upwards with noise: the first wins (its start has 0.1), later some win, some lose, some are equal.
    skill = {each.model_id: 0.4 + 0.5 * n / (2 * rounds) + rng.choice([0, 0.1]) for n, each in enumerate(candidates)}
    barrier = FORK.Barrier(3)
    racers = [
        FORK.Process(target=racer, args=(folder, candidates[side::2], skill, barrier), daemon=True) for side in (0, 1)
    ]
    for process in racers:
        process.start()
    for turn in range(rounds):
        barrier.wait(600)
        barrier.wait(600)
        last = house.last()
        assert last.sequence == 2 * (turn + 1)  # both decided, none lost, none twice
        assert last.champion is not None
        assert champion_verifies(house) == last.champion
        if last.previous is not None:
            assert house.aliases()[1] == last.previous.version
    for process in racers:
        process.join(600)
        assert process.exitcode == 0


def test_two_promoters_racing(tmp_path: Path) -> None:
    race(tmp_path, rounds=10, seed=0)


@pytest.mark.chaos
def test_two_promoters_racing_a_thousand_times(tmp_path: Path) -> None:
    done = Path(os.environ.get("JOURNALCLIP_TEST_RACES", tmp_path / "done"))
    done.touch()
    for seed in range(100):
        if str(seed) in done.read_text().split():
            continue
        race(tmp_path / str(seed), rounds=10, seed=seed)
        shutil.rmtree(tmp_path / str(seed))
        with done.open("a") as lines:
            lines.write(f"{seed}\n")


FILES = (
    ("config.json", b'{"a": 1}'), ("merges.txt", b"a b\n"), ("model.safetensors", bytes(range(256))),
    ("preprocessor_config.json", b"{}"), ("tokenizer.json", b'{"t": []}'),
)  # fmt: skip
KEY = HmacKey(b"k" * 32)


def flipped(data: bytes, rng: random.Random) -> bytes:
    place = rng.randrange(len(data))
    return data[:place] + bytes([data[place] ^ (1 << rng.randrange(8))]) + data[place + 1 :]


def mutate_blob(store: LocalArtifacts, model: ModelManifest, rng: random.Random) -> str:
    """What someone with access to the store's folder could do to the candidate's files."""
    one, two = rng.sample(model.files, 2)
    path, other = store.path(one.ref), store.path(two.ref)
    kind = rng.choice(["flip", "drop", "swap", "rename", "add"])
    if kind == "flip":
        path.write_bytes(flipped(path.read_bytes(), rng))
    elif kind == "drop":
        path.unlink()
    elif kind == "swap":
        path.write_bytes(other.read_bytes())
    elif kind == "rename":
        path.rename(path.with_name("renamed"))
    else:
        path.write_bytes(path.read_bytes() + rng.randbytes(3))
    return f"{kind} in the store"


def mutated_manifest(model: ModelManifest, rng: random.Random, extra: ArtifactRef) -> tuple[str, ModelManifest]:
    """What someone who can write a manifest could make of its list of files."""
    files = list(model.files)
    first, second = rng.sample(range(len(files)), 2)
    kind = rng.choice(["flip", "drop", "swap", "rename", "add"])
    if kind == "flip":
        files[first] = ModelFile(path=files[first].path, ref=extra)
    elif kind == "drop":
        del files[first]
    elif kind == "swap":
        files[first], files[second] = (
            ModelFile(path=files[a].path, ref=files[b].ref) for a, b in ((first, second), (second, first))
        )
    elif kind == "rename":
        files[first] = ModelFile(path=f"x{files[first].path}", ref=files[first].ref)
    else:
        files.append(ModelFile(path=f"extra{rng.randrange(99)}.json", ref=extra))
    return f"{kind} in the manifest", model.model_copy(update={"files": tuple(files)})


def tamper(folder: Path, good: Candidate, seed: int) -> tuple[str, Promoter, Candidate]:
    """One mutation: of the stored files, of the manifest in place, or of a manifest that was registered anew."""
    rng = random.Random(seed)
    house = signing_house(folder)
    model = ModelManifest.model_validate_json(house.store.get(good.manifest))
    where = rng.choice(["files", "in place", "event", "registered"])
    if where == "files":
        return mutate_blob(house.store, model, rng), house.promoter, good
    extra = house.store.put("models", rng.randbytes(9), "application/json")
    kind, changed = mutated_manifest(model, rng, extra)
    if where == "in place":
        house.store.path(good.manifest).write_bytes(changed.canonical())
        return f"{kind}, in place", house.promoter, good
    ref = house.store.put("models", changed.canonical(), "application/json")
    lie = good.model_copy(update={"manifest": ref})
    if where == "registered":  # with the old signature, since the key is not theirs
        other = changed.model_copy(update={"model_id": f"mdl_forged{seed}"})
        ref = house.store.put("models", other.canonical(), "application/json")
        version = house.registry.register(other.model_id, ref, "", {SIGNATURE_TAG: KEY.sign(good.manifest)})
        lie = good.model_copy(update={"manifest": ref, "version": version.version, "model_id": other.model_id})
    return f"{kind}, {where}", house.promoter, lie


def signing_house(folder: Path) -> PromotionFixture:
    house = PromotionFixture(folder, queries=20)
    house.promoter = replace(house.promoter, inspector=Inspector(house.store, recount_pairs, KEY))
    return house


def tamper_many(tmp_path: Path, mutations: int) -> None:
    house = signing_house(tmp_path / "template")
    scratch = PromotionFixture(tmp_path / "scratch")
    sound = []
    for name in ("good", "better"):
        manifest = put_candidate(house.store, scratch.registry, name, files=FILES).manifest
        tags = {SIGNATURE_TAG: KEY.sign(manifest)}
        sound.append(put_candidate(house.store, house.registry, name, files=FILES, tags=tags))
    assert len(house.handle(sound[0])) == 1
    seen = set()
    for seed in range(mutations):
        folder = tmp_path / "turn"
        shutil.copytree(tmp_path / "template", folder)
        kind, promoter, candidate = tamper(folder, sound[1], seed)
        decision = promoter.decide(Request(candidate, "test"))
        assert decision.outcome == "refused", kind
        assert decision.failed in (("integrity",), ("signature",)), kind
        assert decision.verdicts[0].reason, kind
        champion = promoter.registry.by_alias("champion")
        assert champion is not None
        assert champion.version == "1", kind
        seen.add(kind)
        shutil.rmtree(folder)
    assert len(seen) == 20 or mutations < 500  # five kinds in the store, and five in each of three kinds of manifest
    # The same candidate, untouched, passes the same inspection.
    untouched = signing_house(tmp_path / "template")
    assert untouched.promoter.inspector.inspect(sound[1], untouched.promoter.find("2")).model.files


def test_tampered_candidates(tmp_path: Path) -> None:
    tamper_many(tmp_path, 60)


@pytest.mark.chaos
def test_a_thousand_tampered_candidates(tmp_path: Path) -> None:
    tamper_many(tmp_path, 1000)
