"""Sessions and saved searches: what a cookie is worth, when it ends, and what a feed says is new."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree

import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import Engine, inspect, text

from journalclip_devtools.doubles.collection import World
from journalclip_devtools.doubles.site import Site, make_site
from journalclip_inference.auth import Tokens, add_token, read_tokens, revoke_token
from journalclip_inference.errors import Forbidden, NotFound, QueryInvalid
from journalclip_inference.index.facets import Filters
from journalclip_inference.oidc import Granted
from journalclip_inference.sessions import SavedSearches, Sessions, open_database
from journalclip_inference.sessions.database import SCRIPTS
from journalclip_inference.sessions.searches import MOST, SavedQuery
from journalclip_inference.sessions.sessions import IDLE_S, MOST_S
from journalclip_inference.sessions.tables import METADATA
from journalclip_shared.catalogue.engine import sqlite_url

ATOM = "{http://www.w3.org/2005/Atom}"


@pytest.fixture
def engine(tmp_path: Path) -> Engine:
    return open_database(sqlite_url(tmp_path / "own.db"))


@pytest.fixture
def made(engine: Engine, tmp_path: Path) -> tuple[Sessions, list[float], Path, str]:
    path = tmp_path / "tokens.json"
    token, now = add_token(path, "ada", "reviewer"), [1_000_000.0]
    return Sessions(engine, Tokens(path), clock=lambda: now[0]), now, path, token


def test_migrations_make_what_the_tables_say_and_take_it_back(engine: Engine) -> None:
    seen = inspect(engine)
    assert set(seen.get_table_names()) == {*METADATA.tables, "alembic_version"}
    for name, table in METADATA.tables.items():
        assert {each["name"] for each in seen.get_columns(name)} == {each.name for each in table.columns}
        assert {each["name"] for each in seen.get_indexes(name)} == {each.name for each in table.indexes}
    open_database(str(engine.url))  # again: nothing to do
    config = Config()
    config.set_main_option("script_location", str(SCRIPTS))
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.downgrade(config, "base")
    assert inspect(engine).get_table_names() == ["alembic_version"]


def test_a_session_ends_idle_old_with_its_token_or_when_it_is_ended(
    made: tuple[Sessions, list[float], Path, str],
) -> None:
    sessions, now, path, token = made
    who = Tokens(path).principal(token)
    assert who is not None

    def lives(secret: str) -> bool:
        try:
            return sessions.principal(secret) == who
        except Forbidden:
            return False

    idle = sessions.begin(who, token)
    now[0] += IDLE_S + 1
    assert not lives(idle)
    old = sessions.begin(who, token)
    for _ in range(int(MOST_S / (IDLE_S - 1))):
        now[0] += IDLE_S - 1
        assert lives(old), "use keeps it"
    now[0] += IDLE_S - 1
    assert not lives(old)
    first, second = sessions.begin(who, token), sessions.begin(who, token)
    sessions.end(first)
    assert (lives(first), lives(second)) == (False, True)
    assert not lives("guessed")
    assert [each.name for each in sessions.entries()] == ["ada"]
    revoke_token(path, read_tokens(path)[0].token_id)
    assert not lives(second), "with its token, at once"


def test_the_database_lets_nobody_in(engine: Engine, made: tuple[Sessions, list[float], Path, str]) -> None:
    sessions, _, path, token = made
    who = Tokens(path).principal(token)
    assert who is not None
    secret = sessions.begin(who, token, Granted("id.token", "refresh-token"))
    with engine.connect() as connection:
        kept = " ".join(map(str, connection.execute(text("select * from session")).one()))
    assert not [each for each in (secret, token, "id.token", "refresh-token") if each in kept]
    assert sessions.end(secret).id_token == "id.token"


def test_by_https_the_cookie_is_of_this_host_alone(served_world: World, tmp_path: Path) -> None:
    site = make_site(served_world, tmp_path, public_url="https://figures.example")
    answer = site.client().post("/v1/login", json={"token": site.tokens["reviewer"]})
    cookie = answer.headers.get_list("set-cookie")[0]
    assert cookie.startswith("__Host-journalclip=")
    said = {part.strip().lower() for part in cookie.split(";")}
    assert {"secure", "httponly", "path=/", "samesite=strict"} <= said
    assert not any(part.startswith("domain") for part in said)
    assert len(cookie.split(";")[0]) < 100
    plain = site.client()
    plain.cookies.set("journalclip_session", cookie.partition("=")[2].partition(";")[0])
    assert plain.get("/v1/me").json()["name"] == "anonymous", "what another host could have set does not count"


def test_a_stale_cookie_is_taken_away(site: Site) -> None:
    client = site.client()
    client.cookies.set("journalclip_session", "of-yesterday", domain="127.0.0.1")
    stale = client.get("/v1/me")
    assert (stale.status_code, stale.json()["code"]) == (401, "session-ended")
    assert stale.headers.get_list("set-cookie")[0].startswith('journalclip_session=""')
    assert client.get("/v1/me").json()["name"] == "anonymous"


def test_what_is_new_in_a_feed_is_what_was_not_found_before(engine: Engine) -> None:
    now = [1_000.0]
    searches = SavedSearches(engine, lambda: now[0])
    search, key = searches.save("ada", "Haematomas", SavedQuery(text="haematoma"))
    assert searches.by_key(key) == search
    searches.note(search.search_id, {"fig_a": "pair_a", "fig_b": "pair_b"})
    now[0] = 2_000.0
    found = searches.note(search.search_id, {"fig_c": "pair_c", "fig_b": "pair_b"})
    assert [(each.figure_id, each.at) for each in found] == [("fig_c", 2_000.0), ("fig_b", 1_000.0)]
    assert searches.of("ada")[0].found == 3
    with pytest.raises(NotFound):
        searches.delete("ben", search.search_id)
    searches.delete("ada", search.search_id)
    with pytest.raises(NotFound):
        searches.by_key(key)
    for n in range(MOST):
        searches.save("ada", f"{n}", SavedQuery(filters=Filters(modality=("CT",))))
    with pytest.raises(QueryInvalid, match="saved already"):
        searches.save("ada", "one more", SavedQuery(text="x"))


def test_over_http_a_search_is_saved_and_its_feed_needs_no_sign_in(site: Site) -> None:
    client = site.client("viewer")
    assert client.post("/v1/searches", json={"name": "Nothing"}).status_code == 422
    hit = client.post("/v1/search", json={"text": "axial", "k": 1, "mode": "words"}).json()["hits"][0]
    made = client.post("/v1/searches", json={"name": "Axial & more", "text": "axial"})
    assert made.status_code == 201
    assert site.client("reviewer").get("/v1/searches").json() == []
    (mine,) = client.get("/v1/searches").json()
    assert (mine["name"], mine["found"]) == ("Axial & more", made.json()["search"]["found"])
    stranger = site.client(address="10.0.0.7", host="figures.example")
    path = made.json()["feed"].partition("127.0.0.1")[2]
    feed = stranger.get(path)
    assert (feed.status_code, feed.headers["content-type"]) == (200, "application/atom+xml")
    root = ElementTree.fromstring(feed.content)
    assert root.findtext(f"{ATOM}title") == "Axial & more"
    entries = root.findall(f"{ATOM}entry")
    assert len(entries) == min(50, mine["found"])
    assert f"urn:journalclip:figure:{hit['figure_id']}" in {each.findtext(f"{ATOM}id") for each in entries}
    assert all(each.find(f"{ATOM}link") is not None for each in entries)
    assert client.delete(f"/v1/searches/{mine['search_id']}").status_code == 204
    assert stranger.get(path).status_code == 404
