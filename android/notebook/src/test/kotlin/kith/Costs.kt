// What a call costs from Kotlin: a program, never a timed test. With the release library:
//   bindings/generate kotlin target/android/bindings --release && mvn -f android/pom.xml -pl notebook test-compile exec:exec@costs
package kith

import kith.model.Area
import kith.model.Origin
import kith.model.PeopleFilter
import kith.model.RecordId
import kith.notebook.ChangeListener
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.async
import kotlinx.coroutines.channels.Channel
import kotlinx.coroutines.coroutineScope
import kotlinx.coroutines.launch
import kotlinx.coroutines.runBlocking
import java.nio.file.Files
import java.util.Locale
import kotlin.system.measureNanoTime
import kith.notebook.Notebook as Bindings

private const val PEOPLE = 10_000
private val EVERYBODY = PeopleFilter("", "", "", false)

fun main() = runBlocking {
    val folder = Files.createTempDirectory("kith-costs")
    notebookIn(folder).use { notebook ->
        notebook.work { importFile(addressBook(folder, PEOPLE), it) }
        notebook.work { tidyAll(it) }
        println("A notebook of $PEOPLE people; medians, and what 95 of 100 stay below, in microseconds.\n")
        println("| what | times | median | 95 of 100 |\n|---|---|---|---|")
        // Asked straight of the bindings, on this thread: the cost of a call without Kotlin's own hop to another thread.
        val straight: Bindings = notebook.ask { this }
        cost("empty call (today's date)", 20_000) { straight.today() }
        cost("empty call, suspending", 5_000) { notebook.ask { today() } }
        cost("page of 50 people", 2_000) { straight.people(EVERYBODY, 0u, 50u) }
        cost("the page of today", 1_000) { straight.todayPage() }
        cost("line read as it is typed", 2_000) { straight.parseJot(LINE) }
        for (typed in listOf("p", "num", "number99", "persn numbr99")) {
            cost("search keystroke \"$typed\"", 500) { straight.find(typed, 50u) }
        }
        cost("10,000 rows, in pages of 1,000", 30) {
            for (page in 0u until 10u) check(straight.people(EVERYBODY, page * 1000u, 1000u).rows.size == 1000)
        }
        cost("jot, durable", 300) { straight.jotLine("Somebody New, Acme Logistics !call by tue") }
        observation(notebook, straight)
    }
    folder.toFile().deleteRecursively()
    Unit
}

/** From a change that is told to the page that shows it, across threads. */
private suspend fun observation(notebook: Notebook, straight: Bindings) = coroutineScope {
    val shown = Channel<Long>(Channel.UNLIMITED)
    var heard = 0L
    val observation = straight.observe(object : ChangeListener {
        override fun changed(areas: List<Area>, ids: List<RecordId>, origin: Origin) {
            heard = System.nanoTime()
        }
    })
    var read = 0
    val following = launch(Dispatchers.Default) { notebook.pages { read++ }.collect { shown.send(System.nanoTime()) } }
    shown.receive()
    val waits = List(300) { n ->
        async(Dispatchers.IO) { straight.jotLine("Person Number$n !call again") }.await()
        shown.receive() - heard
    }
    row("change told to page emitted anew", waits)
    following.cancel()
    observation.use { it.stop() }
}

private const val LINE = "Dana Ruiz, Acme Logistics, hiring ops lead !send her the Lyon contact by tue ?a warehouse in Lyon #lyon *"

private suspend fun cost(what: String, times: Int, call: suspend () -> Unit) {
    repeat(times / 10 + 1) { call() }
    row(what, List(times) { measureNanoTime { call() } })
}

private fun row(what: String, nanos: List<Long>) {
    val sorted = nanos.sorted()
    val (median, most) = listOf(50, 95).map { String.format(Locale.ROOT, "%.1f", sorted[sorted.size * it / 100] / 1000.0) }
    println("| $what | ${nanos.size} | $median | $most |")
}
