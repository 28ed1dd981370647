"""Two devices, from Python: let in, synced through whatever a phone reaches, lost, recovered; met on a network."""

import http.server
import threading
import time

import kith
import pytest
from conftest import Device, opened, pair
from kith import Joining, KithError, Place, Run


def test_a_phone_and_a_laptop_meet_in_a_folder(devices, mailbox):
    phone, laptop = devices
    dana = phone.notebook.jot_line("Dana Ruiz !send her the list").contact
    assert pair(phone, laptop, mailbox) == Joining.JOINED("the phone")
    heard = []

    class Ear(kith.ChangeListener):
        def changed(self, areas, ids, origin):
            heard.append((origin, dana in ids))

    observation = laptop.notebook.observe(Ear())
    run = Run()
    report = laptop.notebook.sync(mailbox, laptop.keys, run)
    assert report.received > 0 and (kith.Origin.PEER, True) in heard and run.so_far().done > 0
    assert laptop.notebook.person_page(dana).contact.name == "Dana Ruiz"
    assert [device.name for device in laptop.notebook.devices(laptop.keys)] == ["the phone", "the laptop"]
    assert laptop.notebook.notebook_tag() == phone.notebook.notebook_tag()
    observation.stop()


def test_digits_that_differ_let_nobody_in_and_void_the_code(devices, mailbox):
    phone, laptop = devices
    code = phone.notebook.invite(mailbox, phone.keys, Run())
    with pytest.raises(KithError.Invalid):
        laptop.notebook.join(mailbox, laptop.keys, "no code", Run())
    assert laptop.notebook.join(mailbox, laptop.keys, code, Run()) == Joining.KNOCKED()
    assert phone.notebook.request_to_join(mailbox, phone.keys, Run()) is None
    digits = laptop.notebook.join(mailbox, laptop.keys, code, Run()).digits
    other = "000000" if digits != "000000" else "111111"
    with pytest.raises(KithError.Declined):
        phone.notebook.admit(mailbox, phone.keys, other, Run())
    with pytest.raises(KithError.NotFound):
        phone.notebook.admit(mailbox, phone.keys, digits, Run())
    with pytest.raises(KithError.Declined):
        laptop.notebook.join(mailbox, laptop.keys, None, Run())


def test_who_joins_sees_whose_notebook_it_is_and_a_no_leaves_both_as_they_were(devices, mailbox):
    phone, laptop = devices
    phone.notebook.jot_line("Dana Ruiz")
    laptop.notebook.jot_line("Ben Okafor")
    code = phone.notebook.invite(mailbox, phone.keys, Run())
    assert laptop.notebook.knock(mailbox, laptop.keys, code, Run()) is None
    phone.sync(mailbox)
    seen = laptop.notebook.knock(mailbox, laptop.keys, code, Run())
    assert (seen.host, seen.devices, seen.people) == ("the phone", 1, 1)
    assert phone.notebook.request_to_join(mailbox, phone.keys, Run()).digits == seen.digits
    assert phone.notebook.admit(mailbox, phone.keys, seen.digits, Run()) is None, "nobody said yes there yet"
    laptop.notebook.decline_to_join(mailbox, laptop.keys, Run())
    with pytest.raises(KithError.Declined, match="said no"):
        phone.notebook.admit(mailbox, phone.keys, seen.digits, Run())
    with pytest.raises(KithError.NotFound):
        laptop.notebook.agree_to_join(mailbox, laptop.keys, Run())
    assert len(phone.notebook.devices(phone.keys)) == 1
    assert (laptop.notebook.notebook_tag(), laptop.notebook.removal()) == (None, None)

    code = phone.notebook.invite(mailbox, phone.keys, Run())
    assert laptop.notebook.knock(mailbox, laptop.keys, code, Run()) is None
    phone.sync(mailbox)
    digits = laptop.notebook.knock(mailbox, laptop.keys, code, Run()).digits
    laptop.notebook.agree_to_join(mailbox, laptop.keys, Run())
    assert phone.notebook.admit(mailbox, phone.keys, digits, Run()) == "the laptop"
    assert laptop.notebook.join(mailbox, laptop.keys, None, Run()) == Joining.JOINED("the phone")


def test_two_values_of_one_field_are_shown_and_one_is_chosen(devices, mailbox):
    phone, laptop = devices
    dana = phone.notebook.jot_line("Dana Ruiz").contact
    pair(phone, laptop, mailbox)
    laptop.sync(mailbox)
    for device, name in [(phone, "Dan"), (laptop, "Dee")]:
        draft = device.notebook.draft(dana)
        after = draft.record()
        after[0].nickname = name
        device.notebook.save(draft, after)
    for device in [phone, laptop, phone]:
        device.sync(mailbox)
    [conflict] = phone.notebook.conflicts(10)
    assert (conflict.key, sorted(conflict.values)) == ("nickname", ['"Dan"', '"Dee"'])
    phone.notebook.choose(conflict.id, conflict.key, '"Dee"')
    assert phone.notebook.conflicts(10) == [] and phone.notebook.person_page(dana).contact.nickname == "Dee"


class CloudFolder(kith.PhoneFolder):
    """A folder as a phone reaches it."""

    def __init__(self):
        self.files, self.calls = {}, 0

    def prepare(self):
        pass

    def list(self):
        self.calls += 1
        return [kith.FolderItem(name=name, size=len(content)) for name, content in self.files.items()]

    def read(self, name):
        return self.files.get(name)

    def write(self, name, content):
        self.files[name] = bytes(content)

    def remove(self, name):
        self.files.pop(name, None)


class Keychain(kith.PhoneKeyStore):
    def __init__(self):
        self.secrets, self.is_locked = {}, False

    def read(self, name):
        if self.is_locked:
            raise kith.ShellFailure.Refused("the phone is locked")
        return self.secrets.get(name)

    def write(self, name, secret):
        self.secrets[name] = bytes(secret)

    def remove(self, name):
        self.secrets.pop(name, None)


def test_a_phone_lends_its_own_folder_and_its_own_key_store(tmp_path):
    cloud, keychain = CloudFolder(), Keychain()
    phone = Device(tmp_path / "phone", "the phone", kith.KeyRing.of_phone(keychain, str(tmp_path)))
    tablet = Device(tmp_path / "tablet", "the tablet")
    mailbox = kith.Mailbox.through_phone("iCloud Drive", cloud)
    assert mailbox.words() == "iCloud Drive"
    phone.notebook.try_mailbox(mailbox, Run())
    dana = phone.notebook.jot_line("Dana Ruiz").contact
    pair(phone, tablet, mailbox)
    assert tablet.sync(mailbox).received > 0 and tablet.notebook.names([dana]) == "Dana Ruiz"
    assert cloud.files and keychain.secrets
    assert not any(b"Dana" in content for content in cloud.files.values()), "what lies there is sealed"
    keychain.is_locked = True
    with pytest.raises(KithError.Storage, match="locked"):
        phone.sync(mailbox)
    keychain.is_locked = False
    phone.sync(mailbox)


def test_a_folder_that_throws_or_answers_nonsense_is_an_error_and_nothing_is_lost(devices):
    phone, _ = devices

    class Moody(CloudFolder):
        mood = None

        def read(self, name):
            if self.mood:
                return self.mood()
            return super().read(name)

        def list(self):
            if self.mood:
                return self.mood()
            return super().list()

    def throws():
        raise MemoryError("none of ours")

    def gone():
        raise kith.ShellFailure.NotThere()

    folder = Moody()
    mailbox = kith.Mailbox.through_phone("a phone", folder)
    phone.sync(mailbox)
    for mood, kind in [(throws, KithError.Unreachable), (gone, KithError.NotFound), (lambda: 7, KithError.Unreachable)]:
        folder.mood = mood
        phone.notebook.jot_line("Dana Ruiz")
        with pytest.raises(kind):
            phone.sync(mailbox)
    folder.mood = None
    phone.sync(mailbox)
    assert phone.notebook.sizes().outbox == 0


class Moody:
    """Throws in one function whatever it is told to throw."""

    throws_in, what = None, None

    def __getattribute__(self, name):
        if name == object.__getattribute__(self, "throws_in"):
            return self.breaks
        return object.__getattribute__(self, name)

    def breaks(self, *_):
        raise self.what("nothing that the library knows")


class MoodyFolder(Moody, CloudFolder):
    pass


class MoodyKeychain(Moody, Keychain):
    pass


# The generated code passes on an exception. What is none, such as an interruption, is told by Python and dropped: the
# library hears that all went well, or nothing, and must not believe it.
THROWN = [ValueError, KeyboardInterrupt]


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("what", THROWN)
@pytest.mark.parametrize("where", ["prepare", "list", "read", "write", "remove"])
def test_whatever_a_folder_throws_in_whatever_function_is_an_error_of_ours_and_nothing_is_lost(tmp_path, where, what):
    folder = MoodyFolder()
    phone, tablet = Device(tmp_path / "phone", "the phone"), Device(tmp_path / "tablet", "the tablet")
    mailbox = kith.Mailbox.through_phone("a phone", folder)
    phone.notebook.jot_line("Dana Ruiz")
    folder.throws_in, folder.what = where, what
    wrong = []
    for attempt in [lambda: phone.notebook.try_mailbox(mailbox, Run()), lambda: phone.sync(mailbox)]:
        try:
            attempt()
        except KithError.Unreachable as error:
            wrong.append(error)
    assert wrong or (where, what) == ("prepare", KeyboardInterrupt), "it is told, but for what only makes a folder"
    folder.throws_in = None
    phone.notebook.try_mailbox(mailbox, Run())
    phone.sync(mailbox)
    pair(phone, tablet, mailbox)
    tablet.sync(mailbox)
    assert tablet.notebook.find("dana", 5) and phone.notebook.sizes().outbox == 0


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("what", THROWN)
@pytest.mark.parametrize("where", ["read", "write", "remove"])
def test_whatever_a_key_store_throws_in_whatever_function_is_an_error_of_ours_and_nothing_is_lost(tmp_path, mailbox, where, what):
    keychain = MoodyKeychain()
    phone = Device(tmp_path / "moody", "the phone", kith.KeyRing.of_phone(keychain, str(tmp_path)))
    tablet = Device(tmp_path / "tablet", "the tablet")
    phone.notebook.jot_line("Dana Ruiz")
    keychain.throws_in, keychain.what = where, what
    wrong = []
    # The first sync draws keys and keeps them; the second invitation forgets the first.
    invite = lambda: phone.notebook.invite(mailbox, phone.keys, Run())
    for attempt in [lambda: phone.sync(mailbox), invite, invite]:
        try:
            attempt()
        except KithError.Storage as error:
            wrong.append(error)
    assert wrong, "it is told"
    keychain.throws_in = None
    pair(phone, tablet, mailbox)
    tablet.sync(mailbox)
    assert tablet.notebook.find("dana", 5)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("what", THROWN)
def test_whatever_a_clock_or_a_listener_throws_is_passed_over(tmp_path, what):
    class Clock(Moody, kith.PhoneClock):
        throws_in = "unix_ms"

    class Ear(Moody, kith.ChangeListener):
        throws_in = "changed"

    Clock.what = Ear.what = what
    there = kith.Surroundings(device="a phone", zone="UTC")
    notebook = kith.Notebook.open(str(tmp_path / "notebook.kith"), there, Clock())
    observation = notebook.observe(Ear())
    assert notebook.jot_line("Dana Ruiz").name == "Dana Ruiz"
    assert notebook.jot_line("Ben").name == "Ben"
    observation.stop()
    assert notebook.today_page().people == 2


def test_a_folder_may_call_the_notebook_while_it_is_synced(devices):
    phone, _ = devices

    class Curious(CloudFolder):
        def list(self):
            phone.notebook.jot_line("Written meanwhile")
            return super().list()

    mailbox = kith.Mailbox.through_phone("a phone", Curious())
    done = threading.Thread(target=phone.sync, args=[mailbox], daemon=True)
    done.start()
    done.join(20)
    assert not done.is_alive(), "no lock is held while the phone is asked"


def test_a_sync_that_is_taken_back_stops_and_the_next_one_goes_on(devices, mailbox):
    phone, laptop = devices
    pair(phone, laptop, mailbox)
    phone.notebook.load_demo()
    phone.sync(mailbox)
    stopped = Run()
    stopped.cancel()
    with pytest.raises(KithError.Cancelled):
        laptop.notebook.sync(mailbox, laptop.keys, stopped)
    assert laptop.sync(mailbox).received > 0
    assert laptop.notebook.today_page().people >= 40


def test_mailboxes_are_remembered_with_their_secrets_and_forgotten(devices, tmp_path):
    phone, _ = devices
    (tmp_path / "stick").mkdir()
    place = Place.FOLDER(str(tmp_path / "stick"))
    phone.notebook.add_mailbox(place, None, phone.keys, Run())
    phone.notebook.add_mailbox(place, None, phone.keys, Run())
    assert phone.notebook.mailboxes() == [place]
    phone.sync(phone.notebook.open_mailbox(place, phone.keys))
    with pytest.raises(KithError.NotFound):
        phone.notebook.add_mailbox(Place.FOLDER(str(tmp_path / "unplugged")), None, phone.keys, Run())
    server = Place.WEB_DAV(url="no address", user="dana", plain_http=False)
    with pytest.raises(KithError.Invalid):
        phone.notebook.add_mailbox(server, "secret", phone.keys, Run())
    phone.notebook.forget_mailbox(place, phone.keys)
    assert phone.notebook.mailboxes() == []
    with pytest.raises(KithError.NotFound):
        phone.notebook.forget_mailbox(place, phone.keys)


def test_what_is_no_relay_is_not_set(devices):
    phone, _ = devices

    class Answers(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200 if self.path == "/ping" else 404)
            self.end_headers()

        def log_message(self, *_):
            pass

    with http.server.HTTPServer(("127.0.0.1", 0), Answers) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        address = f"http://127.0.0.1:{server.server_port}"
        assert phone.notebook.relay() is None
        with pytest.raises(KithError.Invalid):
            phone.notebook.set_relay("http://relay.example")
        with pytest.raises(KithError.Unreachable):
            phone.notebook.set_relay("http://127.0.0.1:1")
        with pytest.raises(KithError.Denied, match="not as a relay"):
            phone.notebook.set_relay(address)
        assert phone.notebook.relay() is None
        with pytest.raises(KithError.NotFound):
            phone.notebook.forget_relay()
        server.shutdown()


def test_a_lost_phone_is_removed_and_what_it_writes_is_kept_back(devices, mailbox):
    phone, laptop = devices
    pair(phone, laptop, mailbox)
    laptop.sync(mailbox)
    lost = next(row for row in laptop.notebook.devices(laptop.keys) if row.name == "the phone")
    before = laptop.notebook.before_removal(laptop.keys, lost.id)
    assert (before.device, before.made_recovery_key, before.let_in) == (lost, False, [])
    assert laptop.notebook.recovery_key_of_removed(laptop.keys) is None
    assert laptop.notebook.remove_device(laptop.keys, lost.id).name == "the phone"
    phone.notebook.jot_line("Written by a thief")
    phone.sync(mailbox)
    report = laptop.sync(mailbox)
    assert report.after_removal > 0
    [kept] = laptop.notebook.kept_back(laptop.keys)
    assert (kept.name, kept.why) == ("the phone", kith.WhyKeptBack.AFTER_REMOVAL)
    assert laptop.notebook.drop_kept_back(laptop.keys, kept.device) > 0
    assert laptop.notebook.kept_back(laptop.keys) == [] and laptop.notebook.refused() == []
    renewed = laptop.notebook.renew(laptop.keys, Run())
    assert renewed.waiting_for == [] and laptop.notebook.renewal_waits_for(laptop.keys) is None
    assert laptop.notebook.purges_waiting(laptop.keys) == [] and laptop.notebook.agree_to_purges(laptop.keys) == 0


def test_with_the_recovery_key_alone_a_new_device_is_let_in(devices, mailbox, tmp_path):
    phone, _ = devices
    phone.notebook.jot_line("Dana Ruiz")
    key = phone.notebook.make_recovery_key(mailbox, phone.keys, None, Run())
    with pytest.raises(KithError.Denied):
        phone.notebook.make_recovery_key(mailbox, phone.keys, None, Run())
    phone.sync(mailbox)
    new = Device(tmp_path / "new", "the new one")
    with pytest.raises(KithError.Invalid):
        new.notebook.recover(mailbox, new.keys, "no key", Run())
    new.notebook.recover(mailbox, new.keys, key, Run())
    assert new.sync(mailbox).received > 0
    assert new.notebook.remove_device_as(new.keys, key, "the phone").name == "the phone"
    assert [row.removed for row in new.notebook.devices(new.keys)] == [False, True]


def test_devices_recognise_each_other_on_a_network_and_meet_there(devices, mailbox):
    phone, laptop = devices
    assert phone.notebook.go_on_the_network(phone.keys, 0) is None, "nobody to meet yet"
    pair(phone, laptop, mailbox)
    laptop.sync(mailbox)
    phone.sync(mailbox)
    here, there = (device.notebook.go_on_the_network(device.keys, 0) for device in devices)
    shown = there.announcement()
    assert (shown.service, shown.port) == ("_kith._udp", there.port())
    peer = phone.notebook.recognise(phone.keys, shown.text)
    assert peer.name == "the laptop" and peer in phone.notebook.peers(phone.keys)
    assert phone.notebook.recognise(phone.keys, {"n": "00", "t": "00" * 16}) is None
    dana = phone.notebook.jot_line("Dana Ruiz").contact
    served = []

    def serve():
        while not served:
            served.extend(one for one in [there.serve(200, Run())] if one)

    door = threading.Thread(target=serve, daemon=True)
    door.start()
    report = here.visit(peer, [f"127.0.0.1:{there.port()}"], Run())
    door.join(20)
    assert report.written > 0 and served[0].peer.name == "the phone"
    assert laptop.notebook.names([dana]) == "Dana Ruiz"
    assert phone.notebook.known_addresses(phone.keys, peer) == [f"127.0.0.1:{there.port()}"]
    with pytest.raises(KithError.NotFound):
        there.leave()
        here.visit(peer, [], Run())
    here.leave()


def test_a_device_joins_on_a_network_without_any_folder(devices):
    phone, laptop = devices
    dana = phone.notebook.jot_line("Dana Ruiz").contact
    lending = kith.Lending()
    own = lending.mailbox()
    code = phone.notebook.invite(own, phone.keys, Run())
    assert lending.announcement() is None
    port = lending.open(code)
    shown = lending.announcement()
    assert shown.port == port and kith.shows_code(code, shown.text) and not kith.shows_code(code, {})
    borrowed = kith.Mailbox.borrowed(code, [f"127.0.0.1:{port}"])
    assert laptop.notebook.join(borrowed, laptop.keys, code, Run()) == Joining.KNOCKED()
    assert phone.notebook.request_to_join(own, phone.keys, Run()) is None
    digits = laptop.notebook.join(borrowed, laptop.keys, code, Run()).digits
    assert phone.notebook.request_to_join(own, phone.keys, Run()).digits == digits and lending.is_used()
    phone.notebook.admit(own, phone.keys, digits[:3] + " " + digits[3:], Run())
    assert laptop.notebook.join(borrowed, laptop.keys, None, Run()) == Joining.JOINED("the phone")
    laptop.sync(borrowed)
    assert laptop.notebook.names([dana]) == "Dana Ruiz"
    del borrowed
    ends = time.monotonic() + 20
    while lending.is_used() and time.monotonic() < ends:
        time.sleep(0.05)
    phone.sync(own)
    lending.end()
    with pytest.raises(KithError.Closed):
        lending.mailbox()


def test_a_notebook_put_back_from_a_backup_goes_back_in(devices, mailbox, tmp_path):
    phone, laptop = devices
    backup = str(tmp_path / "before.backup")
    laptop.notebook.backup(backup, None, Run())
    pair(phone, laptop, mailbox)
    laptop.notebook.shut()
    (tmp_path / "again").mkdir()
    kith.restore_backup(backup, str(tmp_path / "again" / "notebook.kith"), None, Run())
    laptop.notebook = opened(tmp_path / "again", "the laptop")
    with pytest.raises(KithError.Foreign):
        laptop.sync(mailbox)
    laptop.notebook.rejoin(mailbox, laptop.keys, Run())
    laptop.sync(mailbox)
    assert len(laptop.notebook.devices(laptop.keys)) == 2
