"""What every test of the bindings begins with: a notebook in a folder of its own."""

import os

import kith
import pytest
from kith import Run


def opened(folder, device="a test"):
    return kith.Notebook.open(str(folder / "notebook.kith"), kith.Surroundings(device=device, zone="Europe/Paris"), None)


def pytest_terminal_summary(terminalreporter):
    if "KITH_SEED" in os.environ:
        terminalreporter.write_line(f"KITH_SEED={os.environ['KITH_SEED']} draws the same again")


@pytest.fixture
def notebook(tmp_path):
    notebook = opened(tmp_path)
    yield notebook
    notebook.shut()


class Device:
    """A notebook and its keys."""

    def __init__(self, folder, name, keys=None):
        folder.mkdir()
        self.notebook = opened(folder, name)
        self.keys = keys or kith.KeyRing.in_folder(str(folder / "secrets"))

    def sync(self, mailbox):
        return self.notebook.sync(mailbox, self.keys, kith.Run())


@pytest.fixture
def devices(tmp_path):
    both = Device(tmp_path / "phone", "the phone"), Device(tmp_path / "laptop", "the laptop")
    yield both
    for device in both:
        device.notebook.shut()


@pytest.fixture
def mailbox(tmp_path, devices):
    (tmp_path / "stick").mkdir()
    mailbox = kith.Mailbox.in_folder(str(tmp_path / "stick"))
    devices[0].notebook.try_mailbox(mailbox, Run())
    return mailbox


def pair(old, new, mailbox, there=None):
    """Lets the new device in, as two people with the two devices in their hands would."""
    there = there or mailbox
    code = old.notebook.invite(mailbox, old.keys, Run())
    asked = new.notebook.join(there, new.keys, code, Run())
    request = old.notebook.request_to_join(mailbox, old.keys, Run())
    assert request.digits == asked.digits
    assert old.notebook.admit(mailbox, old.keys, request.digits, Run()) == request.name
    return new.notebook.join(there, new.keys, None, Run())
