// A phone for tests: the whole app on Robolectric, over a notebook that the Rust library keeps.
package kith.app

import android.graphics.Bitmap
import android.graphics.Canvas
import android.os.Looper
import androidx.compose.ui.semantics.SemanticsActions
import androidx.compose.ui.semantics.SemanticsNode
import androidx.compose.ui.semantics.SemanticsProperties
import androidx.compose.ui.test.SemanticsMatcher
import androidx.compose.ui.test.hasClickAction
import androidx.compose.ui.test.hasScrollToNodeAction
import androidx.compose.ui.test.hasSetTextAction
import androidx.compose.ui.test.hasText
import androidx.compose.ui.test.junit4.ComposeTestRule
import androidx.compose.ui.test.isRoot
import androidx.compose.ui.test.onAllNodesWithText
import androidx.compose.ui.test.onFirst
import androidx.compose.ui.test.performScrollToNode
import androidx.compose.ui.test.performTextInput
import androidx.compose.ui.text.TextLayoutResult
import androidx.compose.ui.unit.dp
import androidx.test.core.app.ActivityScenario
import androidx.test.core.app.ApplicationProvider
import kith.Notebook
import kith.notebook.Surroundings
import kotlinx.coroutines.CoroutineDispatcher
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.runBlocking
import org.robolectric.Shadows.shadowOf
import java.io.File
import java.nio.file.Files
import java.util.concurrent.ConcurrentLinkedQueue
import kotlin.coroutines.CoroutineContext
import kotlin.coroutines.EmptyCoroutineContext

typealias Phone = ComposeTestRule

val HERE = Surroundings("phone", "Europe/Paris")

/** The notebook of the app. */
fun inFiles(): File = ApplicationProvider.getApplicationContext<KithApp>().filesDir.resolve("notebook.kith")

/** What is kept on the phone before the app begins, or beside it by another process. */
fun <T> before(fill: suspend (Notebook) -> T): T =
    runBlocking { Notebook.open(inFiles().path, HERE).use { fill(it) } }

/** A thread that begins nothing before it is let. */
class Held : CoroutineDispatcher() {
    private val held = ConcurrentLinkedQueue<Runnable>()

    @Volatile
    private var isHolding = true

    val waiting get() = held.size

    override fun dispatch(context: CoroutineContext, block: Runnable) {
        held += block
        if (!isHolding) letOneGo()
    }

    fun letOneGo() {
        held.poll()?.let { Dispatchers.IO.dispatch(EmptyCoroutineContext, it) }
    }

    fun letAllGo() {
        isHolding = false
        repeat(held.size) { letOneGo() }
    }
}

/** A notebook with 5,000 people, made once for all tests. */
val crowd: File by lazy {
    val folder = Files.createTempDirectory("kith-crowd").toFile()
    val cards = (1..5_000).joinToString("") {
        "BEGIN:VCARD\r\nVERSION:3.0\r\nFN:Person Number$it\r\nUID:$it\r\nEND:VCARD\r\n"
    }
    val book = folder.resolve("book.vcf").apply { writeText(cards) }
    runBlocking {
        Notebook.open("$folder/notebook.kith", HERE).use { notebook ->
            notebook.work { importFile(book.path, it) }
            for (n in 1..60) notebook.jot("Person Number$n !send the paper number $n in ${n % 9 + 2} days")
            for (n in 1..30) notebook.jot("Person Number$n !!call me back about the flat ?a plumber in ${n + 1} days")
        }
    }
    folder.resolve("notebook.kith")
}

fun bring(notebook: File) {
    notebook.copyTo(inFiles(), overwrite = true)
}

fun Phone.begin(): ActivityScenario<MainActivity> = ActivityScenario.launch(MainActivity::class.java)

/** Waits until something with these words is there; the library answers from a thread of its own. */
fun Phone.see(words: String) = waitUntil("see \"$words\"", 20_000) {
    onAllNodesWithText(words, substring = true).fetchSemanticsNodes().isNotEmpty()
}

fun Phone.seeNoMore(words: String) = waitUntil("see \"$words\" no more", 20_000) {
    onAllNodesWithText(words, substring = true).fetchSemanticsNodes().isEmpty()
}

/** Waits for what no word on the screen tells. */
fun Phone.until(what: String, isSo: () -> Boolean) = waitUntil(what, 20_000) {
    shadowOf(Looper.getMainLooper()).idle()
    isSo()
}

/** Scrolls the page until these words are on it. */
fun Phone.scrollTo(words: String) {
    onNode(hasScrollToNodeAction()).performScrollToNode(hasText(words, substring = true))
}

fun quantity(id: Int, count: Int): String =
    ApplicationProvider.getApplicationContext<KithApp>().resources.getQuantityString(id, count, count)

fun Phone.line() = onNode(hasSetTextAction())

fun Phone.type(words: String) = line().performTextInput(words)

fun string(id: Int, vararg words: Any): String =
    ApplicationProvider.getApplicationContext<KithApp>().getString(id, *words)

/** Draws what the window shows into `drawings/NAME.png`. */
fun ActivityScenario<MainActivity>.draw(name: String): Bitmap {
    lateinit var drawing: Bitmap
    onActivity {
        val window = it.window.decorView
        drawing = Bitmap.createBitmap(window.width, window.height, Bitmap.Config.ARGB_8888)
        window.draw(Canvas(drawing))
    }
    val file = File(System.getProperty("kith.drawings"), "$name.png")
    file.parentFile?.mkdirs()
    file.outputStream().use { drawing.compress(Bitmap.CompressFormat.PNG, 100, it) }
    return drawing
}

/** What is wrong with the screen for a thumb or for an eye. */
fun Phone.flaws(): List<String> {
    val window = onAllNodes(isRoot()).onFirst().fetchSemanticsNode().size
    val least = with(density) { 48.dp.toPx() } - 0.5f
    val small = onAllNodes(hasClickAction()).fetchSemanticsNodes().filter { node ->
        val target = node.touchBoundsInRoot
        // What is scrolled half out of sight is as large as it is when it is scrolled in.
        val whole =
            target.bottom < window.height && target.right < window.width && target.left > 0 && target.top > 0
        whole && (target.width < least || target.height < least)
    }
    val nameless = onAllNodes(hasClickAction()).fetchSemanticsNodes().filter { words(it).isBlank() }
    val cut = onAllNodes(SemanticsMatcher.keyIsDefined(SemanticsActions.GetTextLayoutResult), useUnmergedTree = true)
        .fetchSemanticsNodes()
        // The line that is typed scrolls by itself.
        .filter { SemanticsProperties.EditableText !in it.config }
        .filter { node -> layout(node)?.let { it.multiParagraph.height > node.size.height + 1 } == true }
    return small.map { "too small to tap: ${words(it)} ${it.touchBoundsInRoot}" } +
        nameless.map { "nothing to read out: ${it.config}" } + cut.map { "cut off: ${words(it)}" }
}

private fun layout(node: SemanticsNode): TextLayoutResult? {
    val results = mutableListOf<TextLayoutResult>()
    node.config[SemanticsActions.GetTextLayoutResult].action?.invoke(results)
    return results.firstOrNull()
}

private fun words(node: SemanticsNode): String {
    val config = node.config
    val read = listOf(SemanticsProperties.Text, SemanticsProperties.ContentDescription).flatMap { key ->
        if (key in config) config[key].map { it.toString() } else emptyList()
    }
    val typed = if (SemanticsProperties.EditableText in config) config[SemanticsProperties.EditableText].text else ""
    return (read + typed).joinToString(" ")
}
