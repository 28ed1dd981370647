"""What the page for Python says is true: its example runs, and everything public says what it is for."""

import re
import subprocess
import sys
from pathlib import Path

import kith
import kith.kith_model as model
import kith.kith_notebook as functions
import pytest

root = Path(__file__).resolve().parents[2]


def test_the_example_of_the_page_runs_on_a_real_notebook(tmp_path):
    example = re.search(r"```python\n(.+?)```", (root / "docs" / "python.md").read_text(), re.S).group(1)
    lines = [line for line in example.splitlines() if line.strip()]
    assert 10 <= len(lines) <= 12, "ten lines, or nearly"
    ran = subprocess.run([sys.executable, "-c", example], cwd=tmp_path, capture_output=True, text=True, timeout=60)
    assert ran.returncode == 0, ran.stderr
    assert "Dana Ruiz is in the notebook" in ran.stdout and "to Dana Ruiz: send her the Lyon contact" in ran.stdout
    assert "need: a warehouse" in ran.stdout, "a typo is forgiven"
    assert "FN:Dana Ruiz" in (tmp_path / "people.vcf").read_text()


def test_what_the_page_says_of_syncing_runs(tmp_path):
    syncing = re.findall(r"```python\n(.+?)```", (root / "docs" / "python.md").read_text(), re.S)[-1]
    assert "notebook.sync(" in syncing
    stick = tmp_path / "stick"
    stick.mkdir()
    begin = "import kith\nnotebook = kith.Notebook.open('notebook.kith', kith.Surroundings(device='here', zone='UTC'), None)\n"
    code = begin + syncing.replace("/media/stick", str(stick)) + "print([place.path for place in notebook.mailboxes()])"
    ran = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, timeout=60)
    assert ran.returncode == 0, ran.stderr
    assert (stick / "kith").is_dir() and str(stick) in ran.stdout


def test_everything_public_says_what_it_is_for():
    silent = []
    for module in (functions, model):
        for name in module.__all__:
            thing = getattr(module, name)
            if name == "InternalError" or not isinstance(thing, type):
                continue
            if not (thing.__doc__ or "").strip():
                silent.append(name)
            for member, function in vars(thing).items():
                if callable(function) and not member.startswith(("_", "is_")) and not isinstance(function, type):
                    silent += [f"{name}.{member}"] * (not (function.__doc__ or "").strip())
    assert silent == []


def test_the_version_of_the_package_is_that_of_the_project():
    from importlib.metadata import PackageNotFoundError, version

    try:
        there = version("kith")
    except PackageNotFoundError:
        pytest.fail("the tests run against the wheel; see tests/run")
    assert there == re.search(r'^version = "(.+)"', (root / "Cargo.toml").read_text(), re.M).group(1)
    assert Path(kith.__file__).parent.name == "kith"
