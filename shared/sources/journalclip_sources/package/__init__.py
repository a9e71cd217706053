"""Deliveries of several files: zip and tar archives and folders, unpacked in memory within limits.

Names in an archive are foreign. They are keys here, and never become paths on this machine.
"""
