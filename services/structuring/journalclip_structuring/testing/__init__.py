"""What others need to prove a structurer: an endpoint that misbehaves on purpose, and texts that try to instruct."""
