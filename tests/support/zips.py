"""Zips as a forge serves artifacts."""

import io
import zipfile


def zipped(files: dict[str, bytes]) -> bytes:
    """Pack files as a forge packs an artifact."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return buffer.getvalue()
