"""What every journalclip service stands on.

Facts (events), the bus that carries them, the artifacts they refer to, deterministic ids, the three kinds of
error, settings and telemetry. Nothing here imports a service; every service may import this.
"""
