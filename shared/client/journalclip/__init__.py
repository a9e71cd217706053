"""What a notebook imports: the client of a journalclip server, and nothing of the server.

    from journalclip import Client
    Client("http://127.0.0.1:8080").search("axial CT showing subdural haematoma").frame()

`AsyncClient` has the same methods for asyncio.
"""

from journalclip.answers import Figure, Health, Hit, Me, SearchAnswer, Served
from journalclip.clients import AsyncClient, Client
from journalclip.errors import AnswerUnreadable, ClientError, ExtraMissing, ServerRefused, TextsCut
from journalclip.results import Results

__all__ = [
    "AnswerUnreadable",
    "AsyncClient",
    "Client",
    "ClientError",
    "ExtraMissing",
    "Figure",
    "Health",
    "Hit",
    "Me",
    "Results",
    "SearchAnswer",
    "Served",
    "ServerRefused",
    "TextsCut",
]
