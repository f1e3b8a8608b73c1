"""The logging client as a wheel: what `pip install` takes on a machine that has no Chimera."""

from __future__ import annotations

import base64
import hashlib
import io
import zipfile
from pathlib import Path

import chimera.client

NAME = f"chimera_client-{chimera.client.__version__}"
FILE = f"{NAME}-py3-none-any.whl"
_DATE = (2020, 1, 1, 0, 0, 0)  # equal code gives equal bytes


def wheel() -> bytes:
    """`chimera.client` as it runs here, without anything else of Chimera."""
    client = Path(chimera.client.__file__).parent
    files = {"chimera/__init__.py": b'"""The logging client of Chimera."""\n'}
    files |= {f"chimera/client/{path.name}": path.read_bytes() for path in sorted(client.glob("*.py"))}
    about = f"Name: chimera-client\nVersion: {chimera.client.__version__}\nRequires-Python: >=3.10\n"
    files[f"{NAME}.dist-info/METADATA"] = f"Metadata-Version: 2.1\n{about}".encode()
    files[f"{NAME}.dist-info/WHEEL"] = (
        b"Wheel-Version: 1.0\nGenerator: chimera\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
    )
    record = f"{NAME}.dist-info/RECORD"
    files[record] = "".join([*(_line(name, data) for name, data in files.items()), f"{record},,\n"]).encode()
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            archive.writestr(zipfile.ZipInfo(name, _DATE), data, zipfile.ZIP_DEFLATED)
    return packed.getvalue()


def _line(name: str, data: bytes) -> str:
    digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
    return f"{name},sha256={digest},{len(data)}\n"
