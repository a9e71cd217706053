"""Fault tests on real servers: a chain with light ends, the process that is killed, the wait until all is settled."""
