"""The stories of tests/vectors from Python: what is said there happens here, and is answered the same."""

import datetime
import enum
import inspect
import json
import re
from pathlib import Path

import kith
import pytest
from kith import AnyRecord, ExportForm, IntroductionStep, Kind, KithError, PromiseState, Run

VECTORS = Path(__file__).parent.parent / "vectors"
STORIES = sorted(VECTORS.glob("*.json"))
ID = re.compile("([0-9a-f]{32}){1,2}")


@pytest.mark.parametrize("file", STORIES, ids=[file.stem for file in STORIES])
def test_story(file, tmp_path):
    told = json.loads(file.read_text("utf-8"))
    world = World(tmp_path, told.pop("now"), told.pop("names", {}))
    assert sorted(told) == ["steps", "story"] and told["steps"]
    for number, step in enumerate(told["steps"], 1):
        world.do(f"{file.stem}, step {number}", **step)


NOBODY = "00000000000000000000000000000001"


@pytest.mark.parametrize("word, step", [
    ("dance", {"do": "dance"}),
    ("twice", {"do": "today", "twice": True}),
    ("twice", {"do": "today", "with": {"twice": True}}),
    ("dreamt", {"do": "close_promise", "with": {"id": NOBODY, "state": "dreamt", "day": "2026-11-22"}}),
    ("danced", {"do": "advance_introduction", "with": {"id": NOBODY, "step": "danced"}}),
    ("knots", {"do": "export_file", "with": {"file": "all", "form": "knots", "private": True}}),
    ("misspelt", {"do": "today_page", "expect": {"misspelt": []}}),
    ("misspelt", {"do": "device_settings", "expect": {"misspelt.lock": False}}),
    ("misspelt", {"do": "parse_jot", "with": {"line": "Dana"}, "expect": {"spans": [{"misspelt": ""}]}}),
    ("twice", {"do": "person_page", "with": {"id": NOBODY, "twice": True}, "fails": "NotFound"}),
])
def test_what_nobody_knows_fails_the_runner(word, step, tmp_path):
    world = World(tmp_path, "2026-11-22T09:00:00Z", {})
    with pytest.raises(Exception, match=word):
        world.do("a step", **step)


def test_all_stories_are_told(capsys):
    with capsys.disabled():
        print(f" {len(STORIES)} stories ", end="")
    assert len(STORIES) == 30


class World:
    """The devices of a story, the folder they share, and the names that were given to ids."""

    def __init__(self, folder, now, names):
        self.folder, self.now, self.names, self.devices = folder, moment(now), dict(names), {}
        (folder / "mailbox").mkdir()
        self.mailbox = kith.Mailbox.in_folder(str(folder / "mailbox"))
        self.mailbox.prepare(Run())

    def do(self, where, *, do, device="phone", expect=..., fails=None, **rest):
        given, name = {key: self.meant(value) for key, value in rest.pop("with", {}).items()}, rest.pop("as", None)
        assert not rest, f"{where}: a step has no {list(rest)}"
        deed = getattr(Deeds, do, None)
        assert deed, f"{where}: nobody knows how to do {do!r}"
        inspect.signature(deed).bind(None, **given)
        try:
            answer = plain(deed(Deeds(self, device), **given))
        except KithError as error:
            assert type(error).__name__ == fails, f"{where}: {type(error).__name__}: {error}"
            return
        assert fails is None, f"{where}: it should have been refused, and was answered {answer}"
        if name:
            self.names[name] = bound(answer)
        if expect is not ...:
            seen = {path: at(answer, path.split(".")) for path in expect} if isinstance(expect, dict) else answer
            all_there(seen, expect)
            assert self.compared(seen) == self.compared(expect), where

    def meant(self, value):
        """What is handed over: `$dana` is the id of that name."""
        if isinstance(value, list):
            return [self.meant(one) for one in value]
        if isinstance(value, dict):
            return {key: self.meant(one) for key, one in value.items()}
        return self.names[value[1:]] if isinstance(value, str) and value.startswith("$") else value

    def compared(self, value):
        """With names instead of ids, without ids that have no name, and what is empty as nothing."""
        if isinstance(value, dict):
            pairs = {key: self.compared(one) for key, one in value.items()}
            return {key: one for key, one in pairs.items() if one is not None} or None
        if isinstance(value, list):
            return [self.compared(one) for one in value] or None
        if isinstance(value, str):
            named = [f"${name}" for name, id in self.names.items() if id == value]
            return named[0] if named else None if ID.fullmatch(value) else value or None
        return value or None

    def file(self, name):
        return str(self.folder / name)


class Deeds:
    """What can be done in a story, by the names of the functions."""

    def __init__(self, world, device):
        self.world, self.device, self.home = world, device, world.folder / device
        self.home.mkdir(exist_ok=True)
        self.keys = kith.KeyRing.in_folder(str(self.home / "secrets"))

    @property
    def notebook(self):
        devices = self.world.devices
        if self.device not in devices:
            here = kith.Surroundings(device=self.device, zone="Europe/Paris")
            devices[self.device] = kith.Notebook.open(str(self.home / "notebook.kith"), here, Clock(self.world))
        return devices[self.device]

    # What is no function of the library.

    def clock(self, now):
        self.world.now = moment(now)

    def write_file(self, name, lines):
        Path(self.world.file(name)).write_text("\n".join(lines) + "\n", "utf-8")

    def write_export(self, name, version, records):
        export = {"format": "kith-notebook", "version": version, "records": records}
        Path(self.world.file(name)).write_text(json.dumps(export), "utf-8")

    def lines_of(self, name, beginning):
        lines = Path(self.world.file(name)).read_text("utf-8").splitlines()
        return [line for line in lines if line.startswith(tuple(beginning))]

    def records_of(self, name, kind):
        records = json.loads(Path(self.world.file(name)).read_text("utf-8"))["records"]
        return [record for record in records if record["record"] == kind]

    def damage(self, ending):
        files = [file for file in (self.world.folder / "mailbox").rglob("*") if file.name.endswith(ending)]
        for file in files:
            file.write_bytes(b"damaged " * 20)
        return len(files)

    def pair(self, new):
        other = Deeds(self.world, new)
        code = self.notebook.invite(self.world.mailbox, self.keys, Run())
        other.notebook.join(self.world.mailbox, other.keys, code, Run())
        assert self.notebook.request_to_join(self.world.mailbox, self.keys, Run()) is None
        digits = other.notebook.join(self.world.mailbox, other.keys, code, Run()).digits
        assert self.notebook.request_to_join(self.world.mailbox, self.keys, Run()).digits == digits
        name = self.notebook.admit(self.world.mailbox, self.keys, digits, Run())
        other.notebook.join(self.world.mailbox, other.keys, None, Run())
        other.sync()
        return name

    def change(self, id, field, to):
        draft = self.notebook.draft(id)
        after = draft.record()
        assert isinstance(getattr(after[0], field), type(to))
        setattr(after[0], field, to)
        self.notebook.save(draft, after)

    # Jotting, events, promises.

    def parse_jot(self, line):
        return self.notebook.parse_jot(line)

    def jot_line(self, line):
        return self.notebook.jot_line(line)

    def start_event(self, title, place):
        return self.notebook.start_event(title, place)

    def running_event(self):
        return self.notebook.running_event()

    def stop_event(self):
        return self.notebook.stop_event()

    def debrief_queue(self, most):
        return self.notebook.debrief_queue(most)

    def debrief(self, id, recognise, thread, open_loop, next_step, next_step_on):
        debrief = kith.Debrief(place="", recognise=recognise, thread=thread, open_loop=open_loop,
                               next_step=next_step, next_step_on=next_step_on)
        self.notebook.debrief(id, debrief)

    def open_promises(self, contact=None):
        return self.notebook.open_promises(contact)

    def close_promise(self, id, state, day):
        states = {"kept": PromiseState.KEPT, "released": PromiseState.RELEASED, "broken": PromiseState.BROKEN}
        self.notebook.close_promise(id, states[state](), day)

    def introduce(self, a, b, why):
        return self.notebook.introduce(a, b, why)

    def advance_introduction(self, id, step, words=None):
        steps = {"agreed": lambda: IntroductionStep.AGREED(words), "made": IntroductionStep.MADE,
                 "talked": IntroductionStep.TALKED, "outcome": lambda: IntroductionStep.OUTCOME(words)}
        self.notebook.advance_introduction(id, steps[step]())

    def day_ahead(self, typed):
        return self.notebook.day_ahead(typed)

    def day_behind(self, typed):
        return self.notebook.day_behind(typed)

    # Pages.

    def today(self):
        return self.notebook.today()

    def today_page(self):
        return self.notebook.today_page()

    def person_page(self, id):
        return self.notebook.person_page(id)

    def group_page(self, id):
        return self.notebook.group_page(id)

    def people(self, first=0, most=50, tag="", organisation="", deleted=False):
        who = kith.PeopleFilter(tag=tag, organisation=organisation, event="", deleted=deleted)
        return self.notebook.people(who, first, most)

    def find(self, typed):
        return self.notebook.find(typed, 20)

    def contacts_meant(self, typed):
        return self.notebook.contacts_meant(typed, 10)

    def names(self, people):
        return self.notebook.names(people)

    # Records.

    def write_note(self, body, about):
        note = kith.blank(Kind.NOTE)[0]
        note.body, note.about = body, about
        return self.notebook.write_down(AnyRecord.NOTE(note))

    def write_promise(self, words, due):
        promise = kith.blank(Kind.PROMISE)[0]
        promise.words, promise.due = words, due
        return self.notebook.write_down(AnyRecord.PROMISE(promise))

    def set_zone(self, zone):
        settings = self.notebook.settings()
        settings.zone = zone
        self.notebook.put(AnyRecord.SETTINGS(settings))

    def set_currency(self, currency):
        settings = self.notebook.settings()
        settings.currency = currency
        self.notebook.put(AnyRecord.SETTINGS(settings))

    def settings(self):
        return self.notebook.settings()

    def record(self, id):
        record = self.notebook.record(id)
        return record and record[0]

    def delete(self, id):
        self.notebook.delete(id)

    def deleted(self):
        return [record[0] for record in self.notebook.deleted(50)]

    def bring_back(self, id):
        self.notebook.bring_back(id)

    def edited_beside_deletion(self, id):
        return self.notebook.edited_beside_deletion(id)

    def undo(self):
        self.notebook.undo(Run())

    def history(self, id, first=0, most=50):
        return self.notebook.history(id, first, most)

    def conflicts(self):
        return self.notebook.conflicts(10)

    def choose(self, id, key, value):
        self.notebook.choose(id, key, json.dumps(value))

    def same(self, a, b):
        self.notebook.same(a, b)

    def not_same(self, a, b):
        self.notebook.not_same(a, b)

    def purge_preview(self, id):
        return self.notebook.purge_preview(id)

    def purge(self, id):
        return self.notebook.purge(id)

    def rewrite(self, id, old, new):
        return self.notebook.rewrite(id, old, new)

    # Files.

    def import_preview(self, file):
        return self.notebook.import_preview(self.world.file(file), Run())

    def import_file(self, file):
        return self.notebook.import_file(self.world.file(file), Run())

    def imports(self):
        return self.notebook.imports()

    def undo_import(self, id):
        return self.notebook.undo_import(id, Run())

    def is_export(self, file):
        return kith.is_export(self.world.file(file))

    def import_export(self, file):
        return self.notebook.import_export(self.world.file(file), Run())

    def export_file(self, file, form, private):
        forms = {"json": ExportForm.JSON, "vcards": ExportForm.VCARDS}
        return self.notebook.export_file(self.world.file(file), forms[form], private, Run())

    def backup(self, file, passphrase=None):
        self.notebook.backup(self.world.file(file), passphrase, Run())

    def restore_backup(self, file, passphrase=None):
        kith.restore_backup(self.world.file(file), str(self.home / "notebook.kith"), passphrase, Run())

    def device_settings(self):
        return self.notebook.device_settings()

    def set_device_settings(self, backup_folder=None, notifications=False, lock=False):
        folder = backup_folder and self.world.file(backup_folder)
        self.notebook.set_device_settings(
            kith.DeviceSettings(notifications=notifications, lock=lock, backup_folder=folder)
        )

    def backup_if_due(self):
        return self.notebook.backup_if_due(Run()) is not None

    def check_up(self):
        return self.notebook.check_up(Run())

    def rebuild(self):
        self.notebook.rebuild(Run())

    def tidy_all(self):
        self.notebook.tidy_all(Run())

    def shut(self):
        self.notebook.shut()

    # Devices.

    def sync(self):
        return self.notebook.sync(self.world.mailbox, self.keys, Run())

    def join(self, code):
        self.notebook.join(self.world.mailbox, self.keys, code, Run())

    def devices(self):
        return self.notebook.devices(self.keys)

    def remove_device_as(self, recovery_key, device):
        return self.notebook.remove_device_as(self.keys, recovery_key, device)

    def remove_device(self, device):
        return self.notebook.remove_device(self.keys, device)

    def kept_back(self):
        return self.notebook.kept_back(self.keys)

    def drop_kept_back(self, device):
        return self.notebook.drop_kept_back(self.keys, device)

    def make_recovery_key(self):
        return self.notebook.make_recovery_key(self.world.mailbox, self.keys, None, Run())

    def recover(self, recovery_key):
        self.notebook.recover(self.world.mailbox, self.keys, recovery_key, Run())

    def renew(self):
        return self.notebook.renew(self.keys, Run())

    def renewal_waits_for(self):
        return self.notebook.renewal_waits_for(self.keys)


class Clock(kith.PhoneClock):
    def __init__(self, world):
        self.world = world

    def unix_ms(self):
        return int(self.world.now.timestamp() * 1000)


def moment(text):
    return datetime.datetime.fromisoformat(text.replace("Z", "+00:00"))


def bound(answer):
    """The id in an answer: the answer itself, its id, or that of its first row."""
    if isinstance(answer, str):
        return answer
    if isinstance(answer, list):
        return bound(answer[0])
    return next(bound(answer[key]) for key in ("id", "contact", "record", "import") if answer.get(key))


def at(value, path):
    """What stands at the end of a path; below a list, of each of its members, and below nothing nothing."""
    if isinstance(value, list):
        return [at(one, path) for one in value]
    if not path or value is None:
        return value
    assert path[0] in value, f"there is no {path[0]} in {value}"
    return at(value[path[0]], path[1:])


def all_there(seen, expect):
    """Fails where a story names what is not there: a name that is misspelt would pass for nothing."""
    if isinstance(seen, list) and isinstance(expect, list):
        for pair in zip(seen, expect):
            all_there(*pair)
    if isinstance(seen, dict) and isinstance(expect, dict):
        for key, value in expect.items():
            assert key in seen, f"there is no {key} in {seen}"
            all_there(seen[key], value)


def plain(value):
    """A value of the library as JSON has it, with the words and fields of bindings/api.txt in small letters."""
    if value is None or isinstance(value, (str, int)):
        return value
    if isinstance(value, list):
        return [plain(one) for one in value]
    if isinstance(value, dict):
        return {key: plain(one) for key, one in value.items()}
    if isinstance(value, datetime.datetime):
        return value.strftime("%Y-%m-%dT%H:%M:%SZ")
    if isinstance(value, enum.Enum):
        return value.name.lower()
    if hasattr(type(value), "is_OTHER"):
        return value[0] if value.is_OTHER() else type(value).__name__.rpartition(".")[2].lower()
    return {key.lstrip("_"): plain(one) for key, one in vars(value).items()}
