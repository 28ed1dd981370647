"""Packs the generated package into a wheel: wheel.py PACKAGE OUTDIR. Needs nothing but Python; prints the wheel's name.

A wheel is a zip file with three text files beside the package (PEP 427). The library in it is for one kind of machine, so
the wheel says which, and any Python 3.9 or newer: the package speaks to the library through ctypes.
"""

import base64
import hashlib
import re
import sys
import sysconfig
import zipfile
from pathlib import Path

package, out = Path(sys.argv[1]), Path(sys.argv[2])
root = Path(__file__).resolve().parent.parent.parent
version = re.search(r'^version = "(.+)"', (root / "Cargo.toml").read_text(), re.M).group(1)
platform = sysconfig.get_platform().replace("-", "_").replace(".", "_")
info = f"kith-{version}.dist-info"
texts = {
    "METADATA": f"""Metadata-Version: 2.1
Name: kith
Version: {version}
Summary: A notebook for the people you meet
License: MIT OR Apache-2.0
Requires-Python: >=3.9
Description-Content-Type: text/markdown

{(root / "docs" / "python.md").read_text()}""",
    "WHEEL": f"Wheel-Version: 1.0\nGenerator: kith\nRoot-Is-Purelib: false\nTag: py3-none-{platform}\n",
    "top_level.txt": "kith\n",
}
files = {f"kith/{file.name}": file.read_bytes() for file in sorted(package.iterdir()) if file.is_file()}
files |= {f"{info}/{name}": text.encode() for name, text in texts.items()}

record = ""
for name, content in files.items():
    digest = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()
    record += f"{name},sha256={digest},{len(content)}\n"
files[f"{info}/RECORD"] = (record + f"{info}/RECORD,,\n").encode()

out.mkdir(parents=True, exist_ok=True)
wheel = out / f"kith-{version}-py3-none-{platform}.whl"
with zipfile.ZipFile(wheel, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
    for name, content in files.items():
        # A fixed day, so that the same files make the same wheel.
        archive.writestr(zipfile.ZipInfo(name, (2026, 1, 1, 0, 0, 0)), content, zipfile.ZIP_DEFLATED)
print(wheel)
