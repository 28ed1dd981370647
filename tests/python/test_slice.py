"""The first walk through the bindings: a line is jotted, found, shown on its pages, and heard of."""

import pytest

import kith


@pytest.fixture
def notebook(tmp_path):
    there = kith.Surroundings(device="a test", zone="Europe/Paris")
    notebook = kith.Notebook.open(str(tmp_path / "notebook.kith"), there, None)
    yield notebook
    notebook.shut()


class Ear(kith.ChangeListener):
    def __init__(self):
        self.heard = []

    def changed(self, areas, ids, origin):
        self.heard.append((areas, ids, origin))


def test_a_line_is_jotted_found_and_shown(notebook):
    ear = Ear()
    observation = notebook.observe(ear)
    jotted = notebook.jot_line("Dana Ruiz, Acme !send her the Lyon contact by tue +knows customs brokers #lyon *")
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
    assert parsed.draft.promises[0].words == "call her"
    assert notebook.jot(parsed.draft).name == "Dana Ruiz"


def test_what_goes_wrong_has_a_kind(notebook):
    with pytest.raises(kith.KithError.Invalid):
        notebook.person_page("no id")
    with pytest.raises(kith.KithError.NotFound):
        notebook.person_page("0" * 31 + "1")
    notebook.shut()
    with pytest.raises(kith.KithError.Closed):
        notebook.today()
