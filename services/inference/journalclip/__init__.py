"""What a notebook imports: a server's client, and nothing of the server.

from journalclip import Client
Client("http://127.0.0.1:8080").search("axial CT showing subdural haematoma").frame()
"""

from journalclip_inference.client import Client, Results, ServerRefused

__all__ = ["Client", "Results", "ServerRefused"]
