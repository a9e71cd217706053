import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from journalclip_extraction.article import ExtractOptions, ReadArticle
from journalclip_extraction.sandbox import Sandbox
from journalclip_shared.errors import PermanentError, TransientError
from journalclip_sources.sandbox import Limits
from journalclip_sources.sandbox.limits import MIB

READER = "journalclip_devtools.doubles.readers:read"


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(Limits(wall_s=20, cpu_s=10, memory_bytes=512 * MIB, output_bytes=MIB), READER) as made:
        yield made


def ask(sandbox: Sandbox, deed: str) -> str:
    return sandbox.read(deed.encode(), ExtractOptions()).articles[0].facts.title.value or ""


def code_of(sandbox: Sandbox, deed: str) -> str:
    result = sandbox.run(deed.encode(), ExtractOptions()).result
    assert isinstance(result, PermanentError)
    assert result.remedy
    return result.code


def test_an_article_comes_back_whole_with_its_images(sandbox: Sandbox) -> None:
    (article,) = sandbox.read(b"echo Head CT", ExtractOptions(dpi=77)).articles
    assert isinstance(article, ReadArticle)
    assert article.facts.title.value == "Head CT"
    assert article.figures[0].crop is not None
    assert article.figures[0].crop.data.startswith(b"\x89PNG")
    assert sandbox.read(b"echo", ExtractOptions(dpi=77)).articles[0].facts.title.value == "77"


def test_the_parsers_own_error_keeps_code_reason_and_remedy(sandbox: Sandbox) -> None:
    with pytest.raises(PermanentError, match="pdf-invalid: this is not a PDF") as caught:
        sandbox.read(b"none", ExtractOptions())
    assert caught.value.remedy == "Send a PDF."


@pytest.mark.parametrize("deed", ["hang", "spin"])
def test_a_reader_that_does_not_end_is_killed(deed: str) -> None:
    with Sandbox(Limits(wall_s=1.0, cpu_s=1), READER) as hasty:
        outcome = hasty.run(deed.encode(), ExtractOptions())
        assert isinstance(outcome.result, PermanentError)
        assert outcome.result.code == "parse-timeout"
        assert outcome.usage.out_of_time
        assert ask(hasty, "echo next") == "next"


def test_a_child_that_lacks_a_core_is_the_machines_fault_and_tried_again() -> None:
    with Sandbox(Limits(wall_s=0.6, cpu_s=60, most_cpu_s=0), READER) as starved:
        with pytest.raises(TransientError, match="the machine is busy"):
            starved.run(b"dawdle", ExtractOptions())
        assert ask(starved, "echo next") == "next"


def test_memory_ends_at_its_limit(sandbox: Sandbox) -> None:
    outcome = sandbox.run(b"grow", ExtractOptions())
    assert isinstance(outcome.result, PermanentError)
    assert outcome.result.code == "parse-memory"
    assert 0 < outcome.usage.peak_bytes <= 512 * MIB


@pytest.mark.parametrize("deed", ["crash abort", "crash null", "bug here", "leave"])
def test_a_death_is_told_and_costs_only_its_article(sandbox: Sandbox, deed: str) -> None:
    assert code_of(sandbox, deed) == "parse-crashed"
    assert ask(sandbox, "echo next") == "next"


def test_a_bugs_last_words_are_in_the_reason(sandbox: Sandbox) -> None:
    result = sandbox.run(b"bug no such glyph", ExtractOptions()).result
    assert isinstance(result, PermanentError)
    assert "LookupError: no such glyph" in result.reason


@pytest.mark.parametrize("frames", ["", "00", "ff" * 8, (2).to_bytes(8, "big").hex() + b"{}".hex()])
def test_an_answer_that_is_none_is_refused(sandbox: Sandbox, frames: str) -> None:
    assert code_of(sandbox, f"babble {frames}") == "parse-crashed"


def test_output_ends_at_its_limit(sandbox: Sandbox) -> None:
    assert code_of(sandbox, "flood") == "output-too-large"


def test_input_above_its_limit_starts_no_child() -> None:
    with Sandbox(Limits(input_bytes=3), "no.such:reader") as small:
        assert code_of(small, "four") == "input-too-large"


def test_a_noisy_parser_does_not_block(sandbox: Sandbox) -> None:
    assert ask(sandbox, "shout") == "heard"


def test_the_child_has_no_credentials(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JOURNALCLIP_S3__SECRET_KEY", "hunter2")
    with Sandbox(Limits(), READER) as fresh:
        names = ask(fresh, "environment").split(",")
    assert set(names) == {"LANG", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "PYTHONDONTWRITEBYTECODE"}


def test_the_child_holds_no_descriptor_but_its_own(sandbox: Sandbox) -> None:
    assert ask(sandbox, "descriptors") == "0,1,2,3,4"


def needs(sandbox: Sandbox, feature: str) -> None:
    ask(sandbox, "echo start")
    if not sandbox.confinement[feature]:
        pytest.skip(f"this kernel has no {feature}")


@pytest.mark.parametrize("deed", ["connect", "exec", "fork", "signal"])
def test_the_kernel_refuses_what_no_parser_needs(sandbox: Sandbox, deed: str) -> None:
    needs(sandbox, "seccomp")
    # The process id is no part of the parameter: parallel test workers must collect the same names.
    asked = f"signal {os.getpid()}" if deed == "signal" else deed
    assert ask(sandbox, asked) == "PermissionError"


def test_other_files_cannot_be_read(sandbox: Sandbox, tmp_path: Path) -> None:
    needs(sandbox, "landlock")
    secret = tmp_path / "token"
    secret.write_text("hunter2")
    assert ask(sandbox, f"open {secret}") == "PermissionError"
    assert ask(sandbox, f"open /proc/{os.getpid()}/environ") == "PermissionError"


def test_nothing_can_be_written(sandbox: Sandbox, tmp_path: Path) -> None:
    assert ask(sandbox, f"write {tmp_path / 'out'}") in {"PermissionError", "OSError"}
    assert sum(each.stat().st_size for each in tmp_path.iterdir()) == 0


def test_many_threads_get_each_their_own_answer(sandbox: Sandbox) -> None:
    deeds = [(f"echo {each}", str(each)) if each % 3 else ("crash null", "") for each in range(60)]

    def one(deed: str) -> str:
        result = sandbox.run(deed.encode(), ExtractOptions()).result
        return "" if isinstance(result, PermanentError) else result.articles[0].facts.title.value or ""

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(one, [deed for deed, _ in deeds])) == [answer for _, answer in deeds]


def test_no_descriptor_is_lost(sandbox: Sandbox) -> None:
    ask(sandbox, "echo start")
    before = len(os.listdir("/proc/self/fd"))
    for deed in ("echo a", "crash null", "flood", "none", "babble 00"):
        sandbox.run(deed.encode(), ExtractOptions())
    assert len(os.listdir("/proc/self/fd")) == before


def test_a_lost_zygote_is_transient_and_the_next_call_starts_another() -> None:
    with Sandbox(Limits(), READER) as fresh:
        ask(fresh, "echo start")
        threading.Timer(0.3, os.kill, (fresh.zygote, signal.SIGKILL)).start()
        with pytest.raises(TransientError, match="zygote"):
            ask(fresh, "hang")
        assert ask(fresh, "echo back") == "back"


def test_a_dead_zygote_is_noticed_before_the_article_is_handed_over() -> None:
    with Sandbox(Limits(), READER) as fresh:
        ask(fresh, "echo start")
        assert fresh.zygote is not None
        os.kill(fresh.zygote, signal.SIGKILL)
        os.waitid(os.P_PID, fresh.zygote, os.WEXITED | os.WNOWAIT)
        with pytest.raises(TransientError, match="zygote"):
            ask(fresh, "echo lost")
        assert ask(fresh, "echo back") == "back"


def test_a_reader_that_cannot_be_imported_is_a_bug_of_ours() -> None:
    with Sandbox(Limits(), "journalclip_devtools.doubles.readers:missing") as broken, pytest.raises(RuntimeError):
        broken.read(b"", ExtractOptions())


def test_nothing_outlives_a_service_that_is_killed() -> None:
    script = f"""
from journalclip_extraction.article import ExtractOptions
from journalclip_extraction.sandbox import Sandbox
sandbox = Sandbox(reader="{READER}")
sandbox.read(b"echo start", ExtractOptions())
print(sandbox.zygote, flush=True)
sandbox.read(b"hang", ExtractOptions())
"""
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True) as service:
        assert service.stdout is not None
        zygote = int(service.stdout.readline())
        service.kill()
    for _ in range(100):
        if not Path(f"/proc/{zygote}").exists() or "Z" in Path(f"/proc/{zygote}/stat").read_text().split()[2]:
            return
        time.sleep(0.1)
    os.kill(zygote, signal.SIGKILL)
    pytest.fail("the zygote outlived its service")
