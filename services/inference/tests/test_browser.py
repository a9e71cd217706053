"""The page in a real Chromium: what a reader and a reviewer do, by mouse, by keyboard alone, and past axe's rules.

Tests that only read share one server; a test that decides gets a server and a store of its own, so that each passes
alone and in any order. Nothing is waited for by the clock: every step waits until the page says what it should.
"""

from __future__ import annotations

import io
import math
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from importlib import resources
from pathlib import Path

import httpx
import pytest
from PIL import Image
from playwright.sync_api import Browser, Page, expect, sync_playwright

from journalclip_devtools.doubles.collection import World, small_world
from journalclip_devtools.doubles.live import live_server
from journalclip_devtools.doubles.operations import CannedOperations
from journalclip_devtools.doubles.site import Site, make_site
from journalclip_shared.artifacts.local import LocalArtifacts
from journalclip_shared.reviewing import read_remarks
from journalclip_shared.reviews import read_decisions, verdicts_of

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
AXE = resources.files("axe_playwright_python").joinpath("axe.min.js")
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
def collection(tmp_path_factory: pytest.TempPathFactory) -> tuple[World, Path]:
    """A collection with a champion, and its folder; tests leave both as they are."""
    root = tmp_path_factory.mktemp("collection")
    world = small_world(LocalArtifacts(root / "artifacts"), articles=12)
    world.promote(world.add_model(seed=1), root / "cache")
    return world, root


@pytest.fixture(scope="module")
def live(collection: tuple[World, Path], tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Site, str]]:
    """A server for tests that only read."""
    with served(collection[0], tmp_path_factory.mktemp("live")) as found:
        yield found


@pytest.fixture
def desk(collection: tuple[World, Path], tmp_path: Path) -> Iterator[tuple[Site, str]]:
    """A server over a copy of the collection, for one test's decisions alone."""
    world, root = collection
    shutil.copytree(root / "artifacts", tmp_path / "artifacts")
    with served(replace(world, store=LocalArtifacts(tmp_path / "artifacts")), tmp_path) as found:
        yield found


@contextmanager
def served(world: World, root: Path) -> Iterator[tuple[Site, str]]:
    site = make_site(world, root, operations=CannedOperations())
    assert site.service.reloader.check(), site.service.reloader.problem
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
    """No serious finding by axe."""
    page.evaluate(AXE.read_text())  # past the page's own policy, which rightly refuses foreign scripts
    found = page.evaluate("async () => (await axe.run()).violations.map(v => [v.impact, v.id, v.nodes[0].html])")
    assert [each for each in found if each[0] in {"serious", "critical"}] == []


def test_search_by_words_filter_and_come_back_by_link(live: tuple[Site, str], page: Page) -> None:
    _, address = live
    page.goto(address)
    page.get_by_role("searchbox").fill("axial CT showing subdural haematoma")
    page.keyboard.press("Enter")
    cards = page.locator(".card")
    expect(page.get_by_role("status")).to_contain_text("the best 24 of")
    figures = cards.evaluate_all("cards => cards.map(c => c.querySelector('h3 a').getAttribute('href').split('#')[0])")
    assert len(set(figures)) == len(figures) < 24, "one card a figure, its other panels named on it"
    assert len(figures) + page.locator(".card .also li").count() == 24
    assert 0 <= float(cards.first.locator(".score").inner_text().split()[1]) <= 100  # percent of the words
    expect(page.locator("mark").first).to_be_visible()
    expect(page.locator(".card .region").first).to_be_visible()
    cards.first.get_by_role("button", name="Copy DOI").click()
    expect(cards.first.get_by_role("button", name="Copied")).to_be_visible()
    assert page.evaluate("navigator.clipboard.readText()").startswith("https://doi.org/10.9999/invented.")
    accessible(page)
    box = page.locator("#facets label", has_text="MRI")
    count = int(box.locator(".count").inner_text())
    assert count > 0
    box.click()
    expect(page.get_by_role("status")).to_contain_text(f"the best {min(count, 24)} of")
    expect(page).to_have_url(re.compile("modality=MRI"))
    first = cards.first.get_attribute("data-pair")
    again = page.context.new_page()
    again.goto(page.url)
    expect(again.locator(".card").first).to_have_attribute("data-pair", first or "")
    expect(again.locator("#facets input:checked")).to_have_count(1)


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
    expect(page.get_by_role("status")).to_contain_text(re.compile(r"^\d+ of \d+ pairs"))


def test_browsing_filters_pages_and_saves_a_selection(live: tuple[Site, str], page: Page) -> None:
    site, address = live
    page.goto(address)
    status = page.get_by_role("status")
    expect(status).to_contain_text(f"24 of {len(site.world.pairs)} pairs")
    accessible(page)
    while page.locator("#more").is_visible():
        before = status.inner_text()
        page.locator("#more").click()
        expect(status).not_to_have_text(before)
        expect(status).to_contain_text(re.compile(r"^\d+ of"))
    expect(status).to_contain_text(f"{len(site.world.pairs)} of {len(site.world.pairs)} pairs")
    shown = page.locator("[data-pair]").evaluate_all("all => all.map(each => each.dataset.pair)")
    assert sorted(shown) == sorted(pair.pair_id for pair in site.world.pairs)
    chosen = page.locator("#facets fieldset").filter(has_text="finding").locator("label").first
    count = chosen.locator(".count").inner_text()
    chosen.click()
    expect(status).to_contain_text(f"of {count} pairs")
    page.locator("#sort").select_option("title")
    expect(page).to_have_url(re.compile("sort=title"))
    page.locator(".card .select").first.click()
    with page.expect_download() as saved:
        page.locator("#selection").get_by_role("button", name="RIS").click()
    assert "TY  - JOUR" in saved.value.path().read_text()
    page.locator("#selection").get_by_role("button", name="Clear").click()
    expect(page.locator("#selection")).to_be_hidden()


def test_the_page_of_the_api_lists_its_routes(live: tuple[Site, str], page: Page) -> None:
    page.goto(f"{live[1]}/api")
    expect(page.get_by_text("POST /v1/search", exact=True)).to_be_visible()
    accessible(page)


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


def test_figure_map_and_signing_in_are_accessible(live: tuple[Site, str], page: Page) -> None:
    site, address = live
    page.goto(f"{address}/figures/{site.world.pairs[1].figure_id}")
    page.locator("#similar .card").first.wait_for()
    accessible(page)
    page.goto(f"{address}/map")
    page.locator("#legend li").first.wait_for()
    accessible(page)
    page.get_by_role("button", name="Sign in").click()
    page.get_by_label("Your token").wait_for()
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
    expect(page.get_by_role("status")).to_contain_text(re.compile(r"^\d+ selected"))
    enclosed = int(page.get_by_role("status").inner_text().split()[0])
    assert 10 <= enclosed <= len(site.world.pairs)
    expect(page.locator(".card")).to_have_count(enclosed)
    page.get_by_role("button", name="Clear").click()
    expect(page.locator(".card")).to_have_count(0)
    page.locator("#areas button:enabled").first.press("Enter")
    expect(page.locator(".card").first).to_be_visible()


def test_ten_pairs_are_reviewed_by_keyboard_and_one_is_taken_back(desk: tuple[Site, str], page: Page) -> None:
    site, address = desk
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
    standing = verdicts_of([], found)
    assert len(standing) == 11
    edits = [verdict.edit for verdict in standing.values() if verdict.edit]
    assert {edit.text for edit in edits} == {"A caption as it should be.", None}
    boxed = next(edit for edit in edits if edit.box)
    assert boxed.image is not None
    assert Image.open(io.BytesIO(site.world.store.get(boxed.image))).width > 0
    assert len(site.bus) == len(found) == 13
    page.reload()
    expect(page.locator("#queue li")).to_have_count(total - 11)


def test_two_readers_and_bulk(desk: tuple[Site, str], page: Page) -> None:
    site, address = desk
    decided = 0
    with httpx.Client(
        base_url=address, headers={"authorization": f"Bearer {site.tokens['reviewer']}"}, timeout=PATIENCE_MS / 1000
    ) as first:
        for number, item in enumerate(first.get("/v1/review/queue").json()["items"]):
            choice = {"choice": "reject", "reason": "poor-image"} if number % 3 == 0 else {"choice": "accept"}
            assert first.post("/v1/review/decisions", json={"pair_id": item["pair"]["pair_id"], **choice}).is_success
            decided += 1
        assert decided >= 12
        page.goto(f"{address}/review")
        sign_in(page, site, "reviewer2")
        expect(page.locator("#queue li")).to_have_count(decided)
        page.get_by_role("button", name="Select rest").click()
        page.locator("#bulk").get_by_role("button", name=f"Accept {decided}").click()
        expect(page.get_by_role("status")).to_contain_text("All done")
        expect(page.locator("#agreement")).to_contain_text("reviewer-1, reviewer-2")
        page.reload()
        expect(page.get_by_role("status")).to_contain_text("Nothing to review")
        (found,) = first.get("/v1/review/decisions").json()["agreement"]
    assert (found["first"], found["second"], found["pairs"]) == ("reviewer-1", "reviewer-2", decided)
    assert found["agreed"] == decided - len(range(0, decided, 3))
    assert len(site.bus) == 2 * decided


def test_a_region_of_a_figure_is_searched_by_mouse_and_by_keyboard_and_comes_back_by_link(
    live: tuple[Site, str], page: Page
) -> None:
    site, address = live
    pair = site.world.pairs[0]
    page.goto(f"{address}/figures/{pair.figure_id}")
    page.get_by_role("button", name="Search by a region").click()
    box = page.get_by_role("application").bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + 0.1 * box["width"], box["y"] + 0.2 * box["height"])
    page.mouse.down()
    page.mouse.move(box["x"] + 0.9 * box["width"], box["y"] + 0.8 * box["height"], steps=4)
    page.mouse.up()
    expect(page.get_by_text("By picture: the best 24")).to_be_visible()
    expect(page.get_by_role("link", name="a region of a figure")).to_have_attribute(
        "href", f"/figures/{pair.figure_id}"
    )
    sides = [float(side) for side in page.url.split("region=")[1].replace("%2C", ",").split(",")[1:]]
    assert [round(side, 1) for side in sides] == [0.1, 0.2, 0.9, 0.8]
    first = page.locator("#results .card").first.get_attribute("data-pair")
    page.reload()
    expect(page.locator("#results .card").first).to_have_attribute("data-pair", first or "")
    page.goto(f"{address}/figures/{pair.figure_id}")
    page.get_by_role("button", name="Search by a region").click()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Shift+ArrowDown")
    page.keyboard.press("Enter")
    page.wait_for_url("**/?region=*,0.27,0.25,0.77,0.77")
    page.goto(f"{address}/figures/{pair.figure_id}")
    page.get_by_role("button", name="Full resolution").click()
    page.get_by_role("button", name="One pixel for one").click()
    accessible(page)


def test_pictures_by_address_by_paste_and_back(live: tuple[Site, str], page: Page) -> None:
    site, address = live
    picture = site.world.store.get(site.world.pairs[4].image)
    allowed = {"access-control-allow-origin": "*"}
    page.route(
        "https://pictures.example/*",
        lambda route: route.fulfill(body=picture, content_type="image/png", headers=allowed),
    )
    closed = {"access-control-allow-origin": "https://elsewhere.example"}  # without one the test's browser adds its own
    page.route(
        "https://closed.example/*",
        lambda route: route.fulfill(body=picture, content_type="image/png", headers=closed),
    )
    page.goto(address)
    page.get_by_role("searchbox").fill("https://pictures.example/a.png")
    page.keyboard.press("Enter")
    expect(page.get_by_text("By picture: the best 24")).to_be_visible()
    expect(page.locator("#results .card").first).to_contain_text("Figure")
    page.get_by_role("button", name="Remove").click()
    page.go_back()
    expect(page.get_by_text("By picture: the best 24")).to_be_visible()
    page.goto(f"{address}/?picture=https://closed.example/a.png")
    expect(page.get_by_text("closed.example does not give its picture to other pages")).to_be_visible()
    page.locator("#file").set_input_files({"name": "mine.png", "mimeType": "image/png", "buffer": picture})
    expect(page.get_by_text("mine.png")).to_be_visible()
    page.locator("#results .card h3 a").first.click()
    page.get_by_role("heading", name="Similar figures").wait_for()
    page.go_back()
    expect(page.get_by_text("mine.png")).to_be_visible()
    expect(page.get_by_text("By picture: the best 24")).to_be_visible()


def test_who_runs_it_promotes_with_a_reason_sees_quarantine_and_revokes_a_token(
    live: tuple[Site, str], page: Page
) -> None:
    site, address = live
    page.goto(address)
    sign_in(page, site, "admin")
    page.get_by_role("link", name="Operate").click()
    page.get_by_role("button", name="Gates of version 2").click()
    expect(page.get_by_text("general accuracy fell")).to_be_visible()
    accessible(page)
    page.get_by_role("button", name="Promote version 2").click()
    page.get_by_label("Reason, for the record").fill("read by the editors")
    page.get_by_role("button", name="Promote", exact=True).last.click()
    expect(page.get_by_text("version 2 promoted for admin-1: read by the editors")).to_be_visible()
    expect(page.get_by_role("button", name="Roll back from version 2")).to_be_visible()
    page.get_by_role("link", name="sources", exact=True).click()
    page.get_by_role("link", name="quarantined 12").click()
    expect(page.get_by_text("Send it without one.").first).to_be_visible()
    accessible(page)
    page.get_by_role("link", name="tokens", exact=True).click()
    page.get_by_role("button", name="New token").click()
    page.get_by_label("Who will use it").fill("ada")
    page.get_by_role("button", name="Make it").click()
    expect(page.get_by_text("shown this once")).to_be_visible()
    page.get_by_role("button", name="Revoke the token of ada").click()
    page.get_by_role("button", name="Revoke", exact=True).last.click()
    expect(page.get_by_role("button", name="Revoke the token of ada")).to_have_count(0)


def test_a_report_is_settled_pairs_are_assigned_and_notes_are_kept(desk: tuple[Site, str], page: Page) -> None:
    site, address = desk
    figure = next(pair.figure_id for pair in site.world.pairs)
    page.goto(f"{address}/figures/{figure}")
    page.get_by_role("button", name=re.compile("^Report ")).first.click()
    page.get_by_label("What is wrong").select_option("the caption of another figure")
    page.get_by_role("dialog").get_by_role("button", name="Report", exact=True).click()
    expect(page.get_by_role("status").first).to_contain_text("A steward looks at it")
    page.goto(f"{address}/review")
    sign_in(page, site, "steward")
    waiting = page.locator("#dispute-list .dispute")
    expect(waiting).to_have_count(1)
    expect(waiting).to_contain_text("wrong-caption")
    accessible(page)
    waiting.get_by_role("button", name="Settle").click()
    page.get_by_role("dialog").get_by_label("Why").fill("The caption is its own.")
    page.get_by_role("dialog").get_by_role("button", name="Settle").click()
    expect(waiting).to_have_count(0)
    page.get_by_role("button", name="Assign pairs").click()
    fields = {"Title": "January", "Reviewers": "reviewer-1, reviewer-2", "Pairs": "4", "Read twice": "50"}
    for label, value in fields.items():
        page.get_by_role("dialog").get_by_label(label).fill(value)
    page.get_by_role("dialog").get_by_role("button", name="Assign").click()
    expect(page.locator("#totals")).to_contain_text("January (0 of 4 done, 50 % read twice)")
    page.get_by_role("button", name="Sign out").click()
    sign_in(page, site, "reviewer")
    page.get_by_label("Show").select_option("assigned")
    expect(page.locator("#queue li")).to_have_count(3)
    page.locator("#history summary").click()
    page.get_by_label("A note").fill("Left and right?")
    page.get_by_role("button", name="Accept", exact=False).first.click()
    expect(page.get_by_role("status").first).to_contain_text("not added yet")
    page.get_by_role("button", name="Add the note").click()
    expect(page.locator("#said")).to_contain_text("Left and right?")
    accessible(page)
    assert [each.text for each in read_remarks(site.world.store) if each.purpose == "note"] == ["Left and right?"]


def test_selected_figures_stand_side_by_side(live: tuple[Site, str], page: Page) -> None:
    _, address = live
    page.goto(address)
    for number in range(3):
        page.locator("input.pick-pair").nth(number).check()
    page.get_by_role("button", name="Side by side").click()
    dialog = page.get_by_role("dialog")
    assert dialog.locator("section").count() >= 3
    dialog.locator("section").first.get_by_role("button", name="Zoom in").click()
    expect(dialog.locator("output").first).to_contain_text("%")
    accessible(page)
    dialog.get_by_role("button", name="Close").click()
    expect(dialog).to_have_count(0)


def test_a_search_is_saved_with_a_feed_and_everyone_is_signed_out(desk: tuple[Site, str], page: Page) -> None:
    site, address = desk
    page.goto(f"{address}/?q=axial")
    sign_in(page, site, "admin")
    page.get_by_role("button", name="Save search").click()
    page.get_by_label("Name").fill("Axial ones")
    page.get_by_role("dialog").get_by_role("button", name="Save").click()
    expect(page.locator("#status code")).to_contain_text("/v1/feeds/")
    feed = httpx.get(page.locator("#status code").inner_text())
    assert feed.status_code == 200
    assert b"<title>Axial ones</title>" in feed.content
    expect(page.locator("#saved-list a")).to_have_attribute("href", "/?q=axial")
    accessible(page)
    page.goto(f"{address}/operate?view=tokens")
    page.get_by_role("button", name="Sign admin-1 out everywhere").click()
    page.get_by_role("dialog").get_by_role("button", name="Sign out").click()
    expect(page.locator("#status")).to_contain_text("ended")
    page.reload()
    expect(page.get_by_role("button", name="Sign in").first).to_be_visible()
