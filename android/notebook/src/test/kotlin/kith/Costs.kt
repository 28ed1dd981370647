// What calls cost from Kotlin, on the notebook that `bindings/costs` hands over: the median of many, in microseconds, a line
// each. A program, never a timed test.
package kith

import kith.model.Area
import kith.model.Origin
import kith.model.PeopleFilter
import kith.model.RecordId
import kith.notebook.ChangeListener
import kith.notebook.Run
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.channels.Channel
import kotlinx.coroutines.coroutineScope
import kotlinx.coroutines.launch
import kotlinx.coroutines.runBlocking
import java.io.File
import java.util.Locale
import kotlin.system.measureNanoTime
import kith.notebook.Notebook as Bindings

private val EVERYBODY = PeopleFilter("", "", "", false)
private const val LINE =
    "Dana Ruiz, Acme Logistics, hiring ops lead !send her the Lyon contact by tue ?a warehouse in Lyon #lyon *"

fun main(arguments: Array<String>) = runBlocking {
    val (file, into) = arguments
    val lines = StringBuilder()
    Notebook.open(file, PHONE).use { notebook ->
        // Asked straight of the bindings, on this thread: the cost without Kotlin's own hop to another thread.
        val straight: Bindings = notebook.ask { this }
        val name = straight.people(EVERYBODY, 5_000u, 1u).rows.single().name
        suspend fun row(word: String, times: Int, call: suspend (Int) -> Unit) {
            repeat(times / 10 + 1) { call(it) }
            lines.median(word, List(times) { measureNanoTime { call(it) } })
        }
        val run = Run()
        row("rows", 30) {
            for (page in 0u until 10u) check(straight.people(EVERYBODY, page * 1000u, 1000u).rows.size == 1000)
        }
        row("empty_call", 20_000) { run.soFar() }
        row("empty_call_awaited", 5_000) { notebook.ask { } }
        row("first_page", 2_000) { check(straight.people(EVERYBODY, 0u, 50u).rows.size == 50) }
        row("far_page", 300) { check(straight.people(EVERYBODY, 9_000u, 50u).rows.size == 50) }
        row("today_page", 1_000) { straight.todayPage() }
        row("line_typed", 2_000) { straight.parseJot(LINE) }
        row("search_key", 600) { straight.find(name.take(1 + it % name.length), 50u) }
        row("jot", 300) { straight.jotLine(LINE) }
        lines.median("change_heard", hearing(notebook, straight))
    }
    File(into).writeText("$lines")
}

/** From the call of a listener to the page that is read anew on another thread. */
private suspend fun hearing(notebook: Notebook, straight: Bindings): List<Long> = coroutineScope {
    val shown = Channel<Long>(Channel.UNLIMITED)
    var called = 0L
    val observation = straight.observe(object : ChangeListener {
        override fun changed(areas: List<Area>, ids: List<RecordId>, origin: Origin) {
            called = System.nanoTime()
        }
    })
    var read = 0
    val following = launch(Dispatchers.Default) { notebook.pages { read++ }.collect { shown.send(System.nanoTime()) } }
    shown.receive()
    val waits = List(300) { n ->
        notebook.jot("Heard Person$n")
        shown.receive() - called
    }
    following.cancel()
    observation.use { it.stop() }
    waits
}

private fun StringBuilder.median(word: String, nanos: List<Long>) {
    append(String.format(Locale.ROOT, "%s\t%.3f\n", word, nanos.sorted()[nanos.size / 2] / 1000.0))
}
