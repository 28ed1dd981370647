"""Draws docs/session.svg: a real session of the program, run in an empty notebook.

    cargo build --release && python3 docs/picture.py
"""

import html
import os
import subprocess
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
KITH = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")) / "release" / "kith"
SESSION = [
    ["event", "start", "Chamber breakfast"],
    ["jot", "Dana Ruiz, Acme Logistics, hiring ops lead !send her the Lyon contact by tue ?needs a warehouse in Lyon +knows customs brokers #lyon *"],
    ["jot", "?, Borealis, builds cold stores"],
    [],
]
COLUMNS = 92
WIDTH, LINE, LEFT, TOP = 800, 19, 18, 46


def session():
    with tempfile.TemporaryDirectory() as folder:
        places = {"XDG_DATA_HOME": folder, "XDG_STATE_HOME": folder, "XDG_CONFIG_HOME": folder, "HOME": folder}
        environment = {**os.environ, **places, "KITH_NOTEBOOK": f"{folder}/notebook.kith", "COLUMNS": str(COLUMNS)}
        for words in SESSION:
            typed = " ".join(["kith"] + [f"'{word}'" if " " in word else word for word in words])
            yield True, "$ " + typed
            answer = subprocess.run([KITH, *words], env=environment, capture_output=True, text=True, check=True)
            for line in answer.stdout.rstrip().splitlines():
                yield False, line
            yield False, ""


def wrapped(rows):
    for typed, text in rows:
        while len(text) > COLUMNS:
            cut = text.rfind(" ", 0, COLUMNS)
            yield typed, text[:cut]
            text = "    " + text[cut + 1:]
        yield typed, text


rows = list(wrapped(session()))
while rows and not rows[-1][1]:
    rows.pop()
height = TOP + LINE * len(rows) + 14
lines = [
    f'<svg xmlns="http://www.w3.org/2000/svg" xml:space="preserve" viewBox="0 0 {WIDTH} {height}" role="img" aria-label="A session of kith">',
    "<style>text{font:14px ui-monospace,SFMono-Regular,Menlo,Consolas,monospace;white-space:pre;fill:#d9dee3}"
    ".typed{fill:#8fd3a6}</style>",
    f'<rect width="{WIDTH}" height="{height}" rx="10" fill="#1d2329"/>',
    *[f'<circle cx="{24 + 20 * n}" cy="22" r="6" fill="#3d4650"/>' for n in range(3)],
]
for number, (typed, text) in enumerate(rows):
    kind = ' class="typed"' if typed else ""
    lines.append(f'<text x="{LEFT}" y="{TOP + LINE * (number + 1) - 6}"{kind}>{html.escape(text)}</text>')
lines.append("</svg>")
(ROOT / "docs" / "session.svg").write_text("\n".join(lines) + "\n", encoding="utf-8")
