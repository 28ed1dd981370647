// The notebook as Kotlin speaks: suspending calls, flows of pages that follow what changes, `use`.
// What the functions mean is said at the bindings; nothing is decided here.
package kith

import kith.model.AnyRecord
import kith.model.Area
import kith.model.Hit
import kith.model.Jotted
import kith.model.KithException
import kith.model.Origin
import kith.model.Parsed
import kith.model.Promise
import kith.model.PromiseState
import kith.model.RecordId
import kith.model.Today
import kith.model.TodayPage
import kith.notebook.ChangeListener
import kith.notebook.PhoneClock
import kith.notebook.Run
import kith.notebook.Surroundings
import kith.notebook.restoreBackup
import kotlinx.coroutines.CancellationException
import kotlinx.coroutines.CoroutineDispatcher
import kotlinx.coroutines.CoroutineStart
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.Job
import kotlinx.coroutines.NonCancellable
import kotlinx.coroutines.awaitCancellation
import kotlinx.coroutines.channels.awaitClose
import kotlinx.coroutines.ensureActive
import kotlinx.coroutines.flow.Flow
import kotlinx.coroutines.flow.callbackFlow
import kotlinx.coroutines.flow.catch
import kotlinx.coroutines.flow.conflate
import kotlinx.coroutines.flow.distinctUntilChanged
import kotlinx.coroutines.flow.flowOn
import kotlinx.coroutines.flow.map
import kotlinx.coroutines.launch
import kotlinx.coroutines.withContext
import kith.notebook.Notebook as Bindings

/**
 * A notebook, open. Any thread may use it. No call blocks the thread it comes from, but for [close], which lets
 * go of the file there and then when nothing is under way.
 *
 * Every call may throw a [KithException]: switch on its subclass, and never show its message to a person. After [close]
 * every call throws [KithException.Closed], and flows end.
 */
class Notebook private constructor(private val bindings: Bindings, private val dispatcher: CoroutineDispatcher) :
    AutoCloseable {
    private val life = Job()

    /** Whether [close] was called. A closed notebook stays closed; open it anew. */
    val isClosed: Boolean get() = !life.isActive

    /** Asks the bindings something. If whoever asked is cancelled meanwhile, the answer is thrown away. */
    suspend fun <T> ask(question: Bindings.() -> T): T = withContext(dispatcher) { bindings.question() }

    /** Changes the notebook through the bindings: done to the end, and answered, even if whoever asked is cancelled. */
    suspend fun <T> write(command: Bindings.() -> T): T = toTheEnd(dispatcher) { bindings.command() }

    /**
     * Does something long, which takes the [Run] it is handed. Cancelling the coroutine takes it back; this returns
     * when it has really ended, and what was done until then stays, as its function says. Work that came to its end all
     * the same is answered, even if whoever asked was cancelled meanwhile: it may be a key that nobody would see again.
     */
    suspend fun <T> work(work: Bindings.(Run) -> T): T = takenBackWithIt(dispatcher) { bindings.work(it) }

    /**
     * A page, and the page anew whenever a record of these areas changed, here or on another device; of any area when
     * none is named. Changes that come faster than they are read are read once, and whoever looks seldom is handed the
     * newest page alone. Ends when the notebook is closed.
     */
    fun <T> pages(vararg areas: Area, page: Bindings.() -> T): Flow<T> =
        pages({ changed, _ -> areas.isEmpty() || changed.isEmpty() || changed.any(areas::contains) }, page)

    /**
     * One record by itself, and anew whenever it was written, here or on another device. A person who is several records
     * is shown as one. A form begins with `draft(id)`, whose `record()` is what it edits; this flow says when that is
     * stale. Null when it is not here; a deleted one says so itself. A page of a person shows more than their record, what
     * is promised to them for one: that is for [pages].
     */
    fun record(id: RecordId): Flow<AnyRecord?> =
        // Which other records a person is, no change says. What turns out to be the same is not shown twice.
        pages({ areas, ids -> ids.isEmpty() || id in ids || Area.PEOPLE in areas }) { record(id) }

    private fun <T> pages(concerned: (List<Area>, List<RecordId>) -> Boolean, page: Bindings.() -> T): Flow<T> =
        changes(concerned)
            .map { bindings.page() }
            .catch { if (it !is KithException.Closed) throw it }
            .distinctUntilChanged()
            .flowOn(dispatcher)
            .conflate()

    /** The page of today. */
    fun today(): Flow<Today> = pages { todayPage() }

    /** The same with at most [most] rows a part, and how many more there are of each. */
    fun todayPage(most: Int): Flow<TodayPage> = pages { todayPageOf(most.toUInt()) }

    /** Finds records by any of their words as one types; at most [most]. */
    suspend fun find(typed: String, most: Int = 50): List<Hit> = ask { find(typed.whole(), most.toUInt()) }

    /** Reads a line as it is typed, and writes nothing. */
    suspend fun parse(line: String): Parsed = ask { parseJot(line.whole()) }

    /** Writes a line down. It is durable on return. */
    suspend fun jot(line: String): Jotted = write { jotLine(line.whole()) }

    /**
     * Keeps, releases or breaks a promise today, if it still is as it is handed over, as a screen showed it; says
     * whether. A promise that was closed meanwhile, here or on another device, stays as it is.
     */
    suspend fun closePromise(shown: Promise, state: PromiseState): Boolean = write { closeShown(shown, state) }

    /**
     * Makes a promise again what it was before it was closed on this device, and nothing else: undo takes back only
     * the step that was the last, whatever it is.
     */
    suspend fun reopen(before: Promise) = write { reopenPromise(before) }

    /** Shuts the notebook. What is under way is finished; to close twice is fine. */
    override fun close() {
        life.cancel()
        // The bindings' object stays, a few bytes until this one is collected, so that late calls are answered.
        bindings.shut()
    }

    /** One at once, then one for each change that concerns it; while nobody listens, any number of them become one. */
    private fun changes(concerned: (List<Area>, List<RecordId>) -> Boolean): Flow<Unit> = callbackFlow {
        val observation = bindings.observe(object : ChangeListener {
            override fun changed(areas: List<Area>, ids: List<RecordId>, origin: Origin) {
                if (concerned(areas, ids)) trySend(Unit)
            }
        })
        val ended = life.invokeOnCompletion { channel.close() }
        trySend(Unit)
        awaitClose {
            ended.dispose()
            observation.use { it.stop() }
        }
    }.conflate()

    /** Java's strings may hold half a character, which nothing else can read; a sign of replacement takes its place. */
    private fun String.whole(): String = replace(HALF, "\uFFFD")

    companion object {
        private val HALF = Regex("\\p{Cs}")

        /**
         * Opens the notebook in this file, making it when there is none. Whoever is cancelled meanwhile is handed the
         * notebook all the same, and closes it.
         */
        suspend fun open(
            path: String,
            surroundings: Surroundings,
            clock: PhoneClock? = null,
            dispatcher: CoroutineDispatcher = Dispatchers.IO,
        ): Notebook = toTheEnd(dispatcher) { Notebook(Bindings.open(path, surroundings, clock), dispatcher) }

        /**
         * Makes a notebook from a backup, in a place where there is none. Cancelling the coroutine takes it back, and
         * nothing is left behind then.
         */
        suspend fun restore(
            backup: String,
            path: String,
            passphrase: String? = null,
            dispatcher: CoroutineDispatcher = Dispatchers.IO,
        ) = takenBackWithIt(dispatcher) { restoreBackup(backup, path, passphrase, it) }

        /**
         * Work that nobody takes back. It takes two steps: on the way back from another thread, whoever was cancelled
         * would lose the answer, were they not somebody who cannot be cancelled.
         */
        private suspend fun <T> toTheEnd(dispatcher: CoroutineDispatcher, work: () -> T): T =
            withContext(NonCancellable) { withContext(dispatcher) { work() } }

        /**
         * Work that is taken back when the coroutine is cancelled; this returns when it has really ended. The answer is
         * carried beside the way back from the other thread, on which whoever was cancelled would lose it.
         */
        private suspend fun <T> takenBackWithIt(dispatcher: CoroutineDispatcher, work: (Run) -> T): T =
            Run().use { run ->
                var answer: Result<T>? = null
                try {
                    withContext(dispatcher) {
                        // Begun at once: one that was cancelled before it began would take nothing back.
                        val watcher = launch(Dispatchers.Unconfined, CoroutineStart.UNDISPATCHED) {
                            try {
                                awaitCancellation()
                            } finally {
                                run.cancel()
                            }
                        }
                        try {
                            answer = Result.success(work(run))
                        } catch (taken: KithException.Cancelled) {
                            ensureActive()
                            throw taken
                        } finally {
                            watcher.cancel()
                        }
                    }
                } catch (cancelled: CancellationException) {
                    if (answer == null) throw cancelled
                }
                answer!!.getOrThrow()
            }
    }
}
