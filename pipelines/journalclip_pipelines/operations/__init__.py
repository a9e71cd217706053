"""What an operator does to an installation: bootstrap, status, audit, repair, sizing, doctor."""
