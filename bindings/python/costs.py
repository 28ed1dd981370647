"""What calls cost from Python, on the notebook that `bindings/costs` hands over: the median of many, in microseconds, a line
each. A program, not a test: costs.py NOTEBOOK INTO, with the package `kith` on the path."""

import queue
import statistics
import sys
import threading
import time

import kith

LINE = "Dana Ruiz, Acme Logistics, hiring ops lead !send her the Lyon contact by tue ?a warehouse in Lyon #lyon *"


def median(runs, call):
    for number in range(runs // 10 + 1):
        call(number)
    return statistics.median(timed(call, number) for number in range(runs))


def timed(call, number):
    begun = time.perf_counter_ns()
    call(number)
    return (time.perf_counter_ns() - begun) / 1000


def hearing(notebook):
    """From the call of a listener to another thread that waits for the change."""
    told, waits = queue.SimpleQueue(), queue.SimpleQueue()

    class Ear(kith.ChangeListener):
        def changed(self, areas, ids, origin):
            told.put(time.perf_counter_ns())

    def wait():
        while True:
            called = told.get()
            waits.put((time.perf_counter_ns() - called) / 1000)

    threading.Thread(target=wait, daemon=True).start()
    observation = notebook.observe(Ear())
    heard = []
    for number in range(300):
        notebook.jot_line(f"Heard Person{number}")
        heard.append(waits.get())
    observation.stop()
    return statistics.median(heard)


def main(file, into):
    notebook = kith.Notebook.open(file, kith.Surroundings(device="costs", zone="UTC"), None)
    everybody = kith.PeopleFilter(tag="", organisation="", event="", deleted=False)
    run = kith.Run()

    def page(first, most):
        rows = notebook.people(everybody, first, most).rows
        assert len(rows) == most
        return rows

    name = page(5000, 1)[0].name
    costs = {
        "rows": median(10, lambda _: [page(part * 1000, 1000) for part in range(10)]),
        "empty_call": median(20_000, lambda _: run.so_far()),
        "first_page": median(1_000, lambda _: page(0, 50)),
        "far_page": median(300, lambda _: page(9_000, 50)),
        "today_page": median(500, lambda _: notebook.today_page()),
        "line_typed": median(1_000, lambda _: notebook.parse_jot(LINE)),
        "search_key": median(600, lambda number: notebook.find(name[:1 + number % len(name)], 50)),
        "jot": median(300, lambda _: notebook.jot_line(LINE)),
        "change_heard": hearing(notebook),
    }
    with open(into, "w", encoding="utf-8") as lines:
        lines.writelines(f"{word}\t{cost:.3f}\n" for word, cost in costs.items())


if __name__ == "__main__":
    main(*sys.argv[1:])
