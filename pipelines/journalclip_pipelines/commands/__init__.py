"""One module a command (or group of commands) of ``journalclip``.

A command module parses, calls one function, and prints; it holds no logic. Heavy libraries (torch, ray, mlflow,
transformers) are imported inside the command's function, so that ``journalclip --help`` answers at once.
"""
