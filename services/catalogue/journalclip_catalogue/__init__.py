"""The catalogue service: the event log projected into SQL."""
