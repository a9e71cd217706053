"""The small database of its own: who is signed in, whose sign-ins were ended, and saved searches.

Nothing here is a fact of the collection, so nothing here is in the event log or the catalogue. SQLite in the working
folder, or a PostgreSQL that settings name; Alembic brings either to the newest tables when the server starts.

A browser keeps a random secret in a cookie, the database its digest. What an issuer gave for a session (ID and refresh
token) is sealed with that secret, so that neither the database nor a backup of it lets anybody in.
"""

from journalclip_inference.sessions.database import FILE, open_database
from journalclip_inference.sessions.searches import SavedSearch, SavedSearches
from journalclip_inference.sessions.sessions import SessionEntry, Sessions

__all__ = ["FILE", "SavedSearch", "SavedSearches", "SessionEntry", "Sessions", "open_database"]
