"""What a phone does with one notebook, from Python: the walk through the areas."""

import json
import time

import kith
import pytest
from kith import AnyRecord, ExportForm, IntroductionStep, Kind, KithError, PromiseState, Run


class Ear(kith.ChangeListener):
    def __init__(self):
        self.heard = []

    def changed(self, areas, ids, origin):
        self.heard.append((areas, ids, origin))


def test_a_line_is_jotted_found_and_shown(notebook):
    ear = Ear()
    observation = notebook.observe(ear)
    jotted = notebook.jot_line("Dana Ruiz, Acme !send her the Lyon contact by tomorrow +knows customs brokers #lyon *")
    [(areas, ids, origin)] = ear.heard
    assert kith.Area.PEOPLE in areas and jotted.contact in ids and origin == kith.Origin.HERE
    assert notebook.find("custms", 10)[0].about == "Dana Ruiz"
    assert notebook.today_page().i_owe[0].record.words == "send her the Lyon contact"
    page = notebook.person_page(jotted.contact)
    assert (page.contact.name, page.contact.tags, page.organisations) == ("Dana Ruiz", ["lyon"], ["Acme"])
    observation.stop()
    notebook.jot_line("Ben")
    assert len(ear.heard) == 1


def test_a_line_is_shown_as_it_is_typed(notebook):
    line = "Dana Ruiz, Acme !call her by tue #lyon"
    parsed = notebook.parse_jot(line)
    assert "".join(span.text for span in parsed.spans) == line
    assert kith.SpanKind.DAY in [span.kind for span in parsed.spans]
    assert parsed.draft.promises[0].words == "call her"
    assert notebook.jot(parsed.draft).name == "Dana Ruiz"
    taken_apart = notebook.words_and_day("send the list in 3 days")
    assert taken_apart.words == "send the list" and taken_apart.day == notebook.day_ahead("in 3 days")
    assert notebook.day_behind("yesterday") < notebook.today() and notebook.day_ahead("whenever") is None


def test_what_goes_wrong_has_a_kind(notebook, tmp_path):
    with pytest.raises(KithError.Invalid):
        notebook.person_page("no id")
    with pytest.raises(KithError.NotFound):
        notebook.person_page("0" * 31 + "1")
    with pytest.raises(KithError.Storage):
        kith.Notebook.open(str(tmp_path / "no" / "such"), kith.Surroundings(device="", zone="UTC"), None)
    (tmp_path / "text").write_text("no notebook " * 1000)
    with pytest.raises(KithError.Unreadable):
        kith.Notebook.open(str(tmp_path / "text"), kith.Surroundings(device="", zone="UTC"), None)
    notebook.shut()
    with pytest.raises(KithError.Closed):
        notebook.today()


def test_an_event_gathers_jots_and_asks_for_a_debrief(notebook):
    event = notebook.start_event("Chamber breakfast", "Hotel Bristol")
    dana = notebook.jot_line("Dana Ruiz").contact
    assert notebook.running_event().id == event and notebook.stop_event().title == "Chamber breakfast"
    assert [contact.id for contact in notebook.debrief_queue(10)] == [dana]
    step = notebook.words_and_day("send her the guide tomorrow")
    notebook.debrief(dana, kith.Debrief(place="", recognise="red scarf", thread="customs", open_loop="the list",
                                        next_step=step.words, next_step_on=step.day))
    page = notebook.person_page(dana)
    assert page.contact.recognise == "red scarf" and page.notes[0].body == "customs" and len(page.promises) == 2
    assert notebook.debrief_queue(10) == []


def test_a_record_is_written_down_listed_changed_and_brought_back(notebook):
    dana = notebook.jot_line("Dana Ruiz").contact
    promise = kith.blank(Kind.PROMISE)[0]
    promise.words, promise._with = "send her the list", dana
    written = notebook.write_down(AnyRecord.PROMISE(promise))
    assert notebook.record(written)[0].made_on == notebook.today()
    with pytest.raises(KithError.Invalid):
        notebook.write_down(kith.blank(Kind.PROMISE))
    page = notebook.records(Kind.PROMISE, False, 0, 10)
    assert (page.total, page.next, page.rows[0][0].words) == (1, None, "send her the list")
    notebook.close_promise(written, PromiseState.KEPT(), notebook.today())
    assert notebook.open_promises(dana) == []
    assert notebook.undo(Run()).promise == written and len(notebook.open_promises(None)) == 1
    notebook.delete(dana)
    assert notebook.deleted(10)[0][0].id == dana and notebook.people(no_filter(), 0, 10).total == 0
    notebook.bring_back(dana)
    assert notebook.names([dana]) == "Dana Ruiz" and notebook.edited_beside_deletion(dana) is False


def no_filter():
    return kith.PeopleFilter(tag="", organisation="", event="", deleted=False)


def test_lists_come_page_by_page(notebook):
    for n in range(7):
        notebook.jot_line(f"Person Number{n}")
    first = notebook.people(no_filter(), 0, 5)
    second = notebook.people(no_filter(), first.next, 5)
    assert [len(first.rows), len(second.rows), first.total, second.next] == [5, 2, 7, None]


def test_what_is_drafted_is_saved_on_top_of_what_was_seen(notebook):
    note = kith.blank(Kind.NOTE)[0]
    note.body = "customs law"
    id = notebook.write_down(AnyRecord.NOTE(note))
    mine, theirs = notebook.draft(id), notebook.draft(id)
    for draft, words in [(mine, "She likes customs law"), (theirs, "customs law and chess")]:
        after = draft.record()
        after[0].body = words
        notebook.save(draft, after)
    assert notebook.record(id)[0].body == "She likes customs law and chess"
    assert [line.field for line in notebook.history(id, 0, 50).rows].count("body") == 3
    with pytest.raises(KithError.Invalid):
        notebook.save(mine, kith.blank(Kind.NOTE))


def test_a_person_who_is_two_records_is_drafted_as_one(notebook):
    a, b = notebook.jot_line("Dana Ruiz #lyon").contact, notebook.jot_line("D. Ruiz +33612345678").contact
    notebook.same(a, b)
    shown = notebook.person_page(a).contact
    draft = notebook.draft(shown.id)
    after = draft.record()
    after[0].nickname = "Dan"
    notebook.save(draft, after)
    page = notebook.person_page(shown.id)
    assert (page.contact.nickname, page.contact.tags, len(page.contact.channels)) == ("Dan", ["lyon"], 1)
    notebook.not_same(a, b)
    assert notebook.people(no_filter(), 0, 10).total == 2


def test_records_are_meant_by_their_name_or_the_beginning_of_their_id(notebook):
    acme = notebook.organisation("Acme Logistics")
    assert notebook.organisation("acme logistics") == acme
    [meant] = notebook.records_named("Acme", [Kind.ORGANISATION, Kind.GROUP], 10)
    assert meant[0].id == acme and notebook.records_named("Acme", [Kind.GROUP], 10) == []
    [begun] = notebook.by_id_start(acme[:8], 10)
    assert begun[0].name == "Acme Logistics"


def test_a_phone_that_flies_says_in_which_zone_it_is_whatever_its_system_calls_that(tmp_path):
    here = kith.Surroundings(device="a phone", zone="Mars/Base")
    notebook = kith.Notebook.open(str(tmp_path / "notebook.kith"), here, None)
    event = notebook.start_event("Breakfast", "")
    assert notebook.record(event)[0].starts.zone == "UTC"
    notebook.set_zone("GMT+02:00")
    event = notebook.start_event("Lunch", "")
    assert notebook.record(event)[0].starts.zone == "Etc/GMT-2"


def test_what_exists_once_has_the_id_of_its_name(notebook):
    settings = notebook.settings()
    settings.zone, settings.currency = "Asia/Tokyo", "EUR"
    once = notebook.put(AnyRecord.SETTINGS(settings))
    again = notebook.settings()
    again.currency = "JPY"
    assert notebook.put(AnyRecord.SETTINGS(again)) == once
    assert (notebook.settings().zone, notebook.settings().currency) == ("Asia/Tokyo", "JPY")


def test_an_introduction_goes_step_by_step(notebook):
    a, b = notebook.jot_line("Dana Ruiz").contact, notebook.jot_line("Ben Okafor").contact
    introduction = notebook.introduce(a, b, "both know customs")
    for step in [IntroductionStep.AGREED(a), IntroductionStep.MADE(), IntroductionStep.TALKED(),
                 IntroductionStep.OUTCOME("a joint offer")]:
        notebook.advance_introduction(introduction, step)
    made = notebook.record(introduction)[0]
    assert (made.agreed, made.outcome, made.made_on) == ([a], "a joint offer", notebook.today())


def test_a_photo_is_fitted_kept_and_shown(notebook):
    import struct
    import zlib

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    rows = b"".join(b"\0" + b"\x80\x20\x20" * 40 for _ in range(30))
    png = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", 40, 30, 8, 2, 0, 0, 0))
    png += chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    dana = notebook.jot_line("Dana Ruiz").contact
    kept = notebook.set_photo(dana, png)
    assert notebook.person_page(dana).contact.photo == kept
    assert notebook.photo(kept).startswith(b"\xff\xd8") and notebook.photo("f" * 64) is None
    with pytest.raises(KithError.Invalid):
        notebook.set_photo(dana, b"no picture")


CARDS = "".join(
    f"BEGIN:VCARD\r\nVERSION:3.0\r\nFN:Person Number{n}\r\nTEL:+3361234{n:04}\r\nEND:VCARD\r\n" for n in range(1200)
)


def test_an_address_book_comes_in_after_a_dry_run_and_goes_again(notebook, tmp_path):
    book = tmp_path / "book.vcf"
    book.write_text(CARDS)
    run = Run()
    assert notebook.import_preview(str(book), run).new == 1200
    assert run.so_far().done == run.so_far().total == len(CARDS)
    report = notebook.import_file(str(book), Run())
    assert report.new == 1200 and notebook.import_file(str(book), Run()).new == 0
    notebook.tidy_all(Run())
    assert notebook.imports()[0].file_name == "book.vcf"
    assert notebook.undo_import(report.id, Run()).deleted == 1200


def test_an_import_that_is_cancelled_stops_and_goes_on_with_the_same_file(notebook, tmp_path):
    import threading

    book = tmp_path / "book.vcf"
    book.write_text(CARDS)
    run = Run()
    done = []
    worker = threading.Thread(target=lambda: done.append(outcome(lambda: notebook.import_file(str(book), run))))
    worker.start()
    # The preview counts the same bytes first: half way through a second time, some people are written.
    while worker.is_alive() and notebook.people(no_filter(), 0, 1).total < 200:
        time.sleep(0.001)
    run.cancel()
    worker.join(30)
    there = notebook.people(no_filter(), 0, 1).total
    assert isinstance(done[0], KithError.Cancelled) and 200 <= there < 1200
    assert notebook.import_file(str(book), Run()).new == 1200 - there
    early = Run()
    early.cancel()
    with pytest.raises(KithError.Cancelled):
        notebook.import_preview(str(book), early)


def outcome(call):
    try:
        return call()
    except Exception as error:
        return error


def test_exports_and_backups_come_back(notebook, tmp_path):
    notebook.load_demo()
    everything, cards, backup = (str(tmp_path / name) for name in ("all.json", "people.vcf", "notebook.backup"))
    records = notebook.export_file(everything, ExportForm.JSON, True, Run())
    assert kith.is_export(everything) and len(json.load(open(everything))["records"]) == records
    assert notebook.export_file(cards, ExportForm.VCARDS, False, Run()) == 40 and not kith.is_export(cards)
    with pytest.raises(KithError.Exists):
        notebook.export_file(cards, ExportForm.VCARDS, False, Run())
    stopped = Run()
    stopped.cancel()
    with pytest.raises(KithError.Cancelled):
        notebook.export_file(str(tmp_path / "never"), ExportForm.JSON, True, stopped)
    with pytest.raises(KithError.Cancelled):
        notebook.backup(str(tmp_path / "never"), None, stopped)
    with pytest.raises(KithError.Cancelled):
        notebook.rebuild(stopped)
    assert not (tmp_path / "never").exists()
    notebook.backup(backup, "correct horse", Run())
    with pytest.raises(KithError.Denied):
        kith.restore_backup(backup, str(tmp_path / "back.kith"), "wrong", Run())
    kith.restore_backup(backup, str(tmp_path / "back.kith"), "correct horse", Run())
    there = kith.Surroundings(device="another", zone="UTC")
    back = kith.Notebook.open(str(tmp_path / "back.kith"), there, None)
    fresh = kith.Notebook.open(str(tmp_path / "fresh.kith"), there, None)
    assert fresh.import_export(everything, Run()).new == records
    assert back.sizes().documents == fresh.sizes().documents == notebook.sizes().documents
    checkup = fresh.check_up(Run())
    assert (checkup.damage, checkup.unreadable, checkup.rows_mended) == ([], [], 0)
    fresh.rebuild(Run())


def test_a_person_leaves_for_good_and_words_too(notebook):
    dana = notebook.jot_line("Dana Ruiz !send her the list").contact
    note = kith.blank(Kind.NOTE)[0]
    note.body = "her secret is chess"
    id = notebook.write_down(AnyRecord.NOTE(note))
    again = notebook.rewrite(id, "secret", "hobby")
    assert notebook.record(id) is None and notebook.record(again)[0].body == "her hobby is chess"
    assert notebook.purge_preview(dana).records == notebook.purge(dana).records > 1
    assert notebook.find("Dana", 10) == []


def test_the_clock_of_a_phone_is_asked_and_a_broken_one_passed_over(tmp_path):
    class Clock(kith.PhoneClock):
        def __init__(self, answer):
            self.answer = answer

        def unix_ms(self):
            return self.answer()

    here = kith.Surroundings(device="a test", zone="UTC")
    days = []
    for n, answer in enumerate([lambda: 86_400_000, lambda: 1 // 0, lambda: "late", lambda: 2**62]):
        days.append(kith.Notebook.open(str(tmp_path / f"{n}.kith"), here, Clock(answer)).today())
    assert days[0] == "1970-01-02" and all(day > "2020" for day in days[1:])
