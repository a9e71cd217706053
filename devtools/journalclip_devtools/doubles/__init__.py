"""Test doubles and small fixtures that the tests of several packages share."""
