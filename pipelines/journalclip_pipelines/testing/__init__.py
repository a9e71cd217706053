"""What whole-system tests are built from: the chain with light ends, and the worker process that fault tests kill."""
