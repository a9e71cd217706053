"""The parser's container: ``python -I -m journalclip_extraction.parser SOCKET [READER]``."""

from __future__ import annotations

import sys
from pathlib import Path

from journalclip_extraction.sandbox import ARTICLE_CODEC, READER
from journalclip_sources.sandbox import container

if __name__ == "__main__":
    container.main(Path(sys.argv[1]), sys.argv[2] if len(sys.argv) > 2 else READER, ARTICLE_CODEC)
