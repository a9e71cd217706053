"""Promotion: no model reaches readers without proof, and any can be rolled back in seconds.

A candidate is verified byte by byte, put through the gates, and only then becomes the champion. Every decision, also
a refusal, is an entry in a ledger with who, when and why; the registry's aliases and the events follow the ledger.
"""
