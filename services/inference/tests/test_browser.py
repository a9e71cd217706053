"""The page in a real Chromium: what a reader and a reviewer do, by mouse, by keyboard alone, and past axe's rules."""

from __future__ import annotations

import io
import math
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image
from playwright.sync_api import Browser, Page, expect, sync_playwright

from journalclip_inference.testing.live import live_server
from journalclip_inference.testing.site import Site, make_site
from journalclip_inference.testing.world import World, small_world
from journalclip_shared.artifacts.local import LocalArtifacts
from journalclip_shared.reviews import read_decisions, verdicts

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
AXE = Path(os.environ.get("JOURNALCLIP_AXE", Path.home() / ".cache/journalclip/npm/node_modules/axe-core/axe.min.js"))
pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine (apt-get install chromium)"),
]
PATIENCE_MS = 60_000
expect.set_options(timeout=PATIENCE_MS)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        found = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield found
        found.close()


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Site, str]]:
    root = tmp_path_factory.mktemp("live")
    world: World = small_world(LocalArtifacts(root / "artifacts"), articles=12)
    world.promote(world.add_model(seed=1), root / "cache")
    site = make_site(world, root)
    assert site.service.reloader.check()
    with live_server(site.service.app) as address:
        yield site, address


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    context = browser.new_context(viewport={"width": 1366, "height": 900})
    context.set_default_timeout(PATIENCE_MS)
    context.grant_permissions(["clipboard-read", "clipboard-write"])
    found = context.new_page()
    errors: list[str] = []
    found.on("pageerror", lambda error: errors.append(str(error)))
    found.on("console", lambda line: errors.append(line.text) if "Content Security Policy" in line.text else None)
    yield found
    context.close()
    assert errors == []


def sign_in(page: Page, site: Site, role: str) -> None:
    page.get_by_role("button", name="Sign in").click()
    page.get_by_label("Your token").fill(site.tokens[role])
    page.keyboard.press("Enter")
    page.get_by_text(f"({'reviewer' if role.startswith('reviewer') else role})").wait_for()


def accessible(page: Page) -> None:
    """No serious finding by axe, where it is at hand (npm install axe-core)."""
    if not AXE.is_file():
        pytest.skip(f"axe-core is not at {AXE} (npm install axe-core, or set JOURNALCLIP_AXE)")
    page.evaluate(AXE.read_text())  # past the page's own policy, which rightly refuses foreign scripts
    found = page.evaluate("async () => (await axe.run()).violations.map(v => [v.impact, v.id, v.nodes[0].html])")
    assert [each for each in found if each[0] in {"serious", "critical"}] == []


def test_search_by_words_filter_and_come_back_by_link(live: tuple[Site, str], page: Page) -> None:
    _, address = live
    page.goto(address)
    page.get_by_role("searchbox").fill("axial CT showing subdural haematoma")
    page.keyboard.press("Enter")
    cards = page.locator(".card")
    expect(cards).to_have_count(24)
    assert float(cards.first.locator(".score").inner_text().split()[1]) <= 1
    expect(page.locator("mark").first).to_be_visible()
    expect(page.locator(".card .region").first).to_be_visible()
    box = page.locator("#facets label", has_text="MRI")
    count = int(box.locator(".count").inner_text())
    box.click()
    expect(cards).to_have_count(min(24, count))
    assert "modality=MRI" in page.url
    first = cards.first.get_attribute("data-pair")
    again = page.context.new_page()
    again.goto(page.url)
    expect(again.locator(".card").first).to_have_attribute("data-pair", first or "")
    expect(again.locator("#facets input:checked")).to_have_count(1)
    cards.first.get_by_role("button", name="Copy DOI").click()
    assert page.evaluate("navigator.clipboard.readText()").startswith("https://doi.org/10.9999/invented.")
    accessible(page)


def test_search_by_a_dropped_picture(live: tuple[Site, str], page: Page) -> None:
    site, address = live
    pair = site.world.pairs[0]
    page.goto(address)
    drop = """async (data) => {
        const file = new File([Uint8Array.from(data)], 'scan.png', {type: 'image/png'});
        const transfer = new DataTransfer(); transfer.items.add(file);
        window.dispatchEvent(new DragEvent('drop', {dataTransfer: transfer, bubbles: true, cancelable: true}));
    }"""
    page.evaluate(drop, list(site.world.store.get(pair.image)))
    expect(page.get_by_role("status")).to_contain_text("By picture")
    assert float(page.locator(".card .score").first.inner_text().split()[1]) > 0.99
    expect(page.get_by_role("button", name="Copy link")).to_be_hidden()
    page.get_by_role("button", name="Remove").click()
    expect(page.locator(".card")).to_have_count(0)


def test_a_chosen_file_that_is_no_picture_is_said_to_be_none(live: tuple[Site, str], page: Page) -> None:
    page.goto(live[1])
    page.set_input_files("#file", {"name": "x.png", "mimeType": "image/png", "buffer": b"not a picture"})
    expect(page.get_by_role("status")).to_contain_text("no picture")


def test_a_figure_shows_its_panels_and_its_provenance(live: tuple[Site, str], page: Page) -> None:
    site, address = live
    pair = next(pair for pair in site.world.pairs if pair.panel_id)
    page.goto(f"{address}/figures/{pair.figure_id}#{pair.pair_id}")
    expect(page.locator(".panel")).to_have_count(2)
    expect(page.locator("#stage .region")).to_have_count(2)
    expect(page.locator("#stage .region.quiet")).to_have_count(1)
    article = next(a for a in site.world.articles if a.article_id == pair.article_id)
    expect(page.locator("#facts")).to_contain_text(article.pdf.sha256)
    page.get_by_text("Full provenance").click()
    expect(page.locator("#walk")).to_contain_text(article.article_id)
    expect(page.locator("#page .region")).to_be_visible()
    expect(page.locator("#similar .card")).to_have_count(8)
    page.locator("#similar").get_by_role("link", name="Similar").first.click()
    expect(page.get_by_role("status")).to_contain_text("Similar figures")


def test_figure_and_map_are_accessible(live: tuple[Site, str], page: Page) -> None:
    site, address = live
    page.goto(f"{address}/figures/{site.world.pairs[1].figure_id}")
    page.locator("#similar .card").first.wait_for()
    accessible(page)
    page.goto(f"{address}/map")
    page.locator("#legend li").first.wait_for()
    accessible(page)


def test_a_lasso_lists_what_it_encloses(live: tuple[Site, str], page: Page) -> None:
    site, address = live
    page.goto(f"{address}/map")
    page.locator("#legend li").first.wait_for()
    box = page.locator("#points").bounding_box()
    assert box is not None
    middle_x, middle_y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(middle_x + 0.49 * box["width"], middle_y)
    page.mouse.down()
    for step in range(1, 41):
        angle = step / 40 * 2 * math.pi
        page.mouse.move(
            middle_x + 0.49 * box["width"] * math.cos(angle), middle_y + 0.7 * box["height"] * math.sin(angle)
        )
    page.mouse.up()
    expect(page.get_by_role("status")).to_contain_text("selected")
    enclosed = int(page.get_by_role("status").inner_text().split()[0])
    assert 10 <= enclosed <= len(site.world.pairs)
    expect(page.locator(".card")).to_have_count(enclosed)
    page.get_by_role("button", name="Clear").click()
    expect(page.locator(".card")).to_have_count(0)
    page.locator("#areas button:enabled").first.press("Enter")
    expect(page.locator(".card").first).to_be_visible()


def test_ten_pairs_are_reviewed_by_keyboard_and_one_is_taken_back(live: tuple[Site, str], page: Page) -> None:
    site, address = live
    page.goto(f"{address}/review")
    expect(page.get_by_role("status")).to_contain_text("reviewer's token")
    sign_in(page, site, "reviewer")
    page.locator("#queue li").first.wait_for()
    total = page.locator("#queue li").count()
    assert total >= 12
    accessible(page)
    for number in range(10):
        key = "r" if number % 3 == 0 else "a"
        if key == "r":
            page.keyboard.press("5")
            expect(page.locator("#reason")).to_have_value("poor-image")
        page.keyboard.press(key)
        expect(page.get_by_role("status")).to_contain_text(f"{total - number - 1} left")
    page.keyboard.press("u")
    expect(page.get_by_role("status")).to_contain_text(f"Taken back. {total - 9} left")
    page.keyboard.press("c")
    page.keyboard.press("Control+A")
    page.keyboard.type("A caption as it should be.")
    page.keyboard.press("Control+Enter")
    expect(page.get_by_role("status")).to_contain_text(f"{total - 10} left")
    page.keyboard.press("n")
    page.locator("#sheet .region").wait_for()
    page.keyboard.press("b")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Shift+ArrowUp")
    page.keyboard.press("Control+Enter")
    expect(page.get_by_role("status")).to_contain_text(f"{total - 11} left")

    found = read_decisions(site.world.store)
    assert [d.choice for d in found].count("undo") == 1
    standing = verdicts(found)
    assert len(standing) == 11
    edits = [verdict.edit for verdict in standing.values() if verdict.edit]
    assert {edit.text for edit in edits} == {"A caption as it should be.", None}
    boxed = next(edit for edit in edits if edit.box)
    assert boxed.image is not None
    assert Image.open(io.BytesIO(site.world.store.get(boxed.image))).width > 0
    assert len(site.bus) == len(found) == 13
    page.reload()
    expect(page.locator("#queue li")).to_have_count(total - 11)


def test_two_readers_and_bulk(live: tuple[Site, str], page: Page) -> None:
    site, address = live
    page.goto(f"{address}/review")
    sign_in(page, site, "reviewer2")
    page.locator("#queue li").first.wait_for()
    page.get_by_role("button", name="Select rest").click()
    page.locator("#bulk").get_by_role("button", name="Accept").click()
    expect(page.get_by_role("status")).to_contain_text("All done")
    page.reload()
    expect(page.get_by_role("status")).to_contain_text("Nothing to review")
    found = site.client("reviewer").get("/v1/review/decisions").json()["agreement"]
    assert [(each["first"], each["second"]) for each in found] == [("reviewer-1", "reviewer-2")]
    assert 0 < found[0]["agreed"] < found[0]["pairs"] == 11
