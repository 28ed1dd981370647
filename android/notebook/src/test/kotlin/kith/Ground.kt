// What the tests stand on.
package kith

import kith.notebook.FolderItem
import kith.notebook.PhoneFolder
import kith.notebook.PhoneKeyStore
import kith.notebook.Surroundings
import kotlinx.coroutines.CoroutineScope
import kotlinx.coroutines.runBlocking
import kotlinx.coroutines.withTimeout
import java.nio.file.Path
import java.util.concurrent.ConcurrentHashMap
import kotlin.io.path.writeText
import kotlin.time.Duration.Companion.seconds

val PHONE = Surroundings("phone", "Europe/Paris")
val LAPTOP = Surroundings("laptop", "Europe/Paris")

/** A test that ends, one way or the other. */
fun story(seconds: Int = 60, tell: suspend CoroutineScope.() -> Unit) =
    runBlocking { withTimeout(seconds.seconds, tell) }

suspend fun notebookIn(folder: Path, name: String = "notebook.kith"): Notebook = Notebook.open("$folder/$name", PHONE)

/** An address book of so many people. */
fun addressBook(folder: Path, people: Int): String {
    val cards = (1..people).joinToString("") {
        "BEGIN:VCARD\r\nVERSION:3.0\r\nFN:Person Number$it\r\nUID:$it\r\nEND:VCARD\r\n"
    }
    return folder.resolve("book.vcf").apply { writeText(cards) }.toString()
}

/** A folder that a phone lends. */
class Cloud : PhoneFolder {
    private val files = ConcurrentHashMap<String, ByteArray>()

    override fun prepare() {}
    override fun list() = files.map { (name, content) -> FolderItem(name, content.size.toULong()) }
    override fun read(name: String) = files[name]
    override fun write(name: String, content: ByteArray) { files[name] = content }
    override fun remove(name: String) { files.remove(name) }
}

/** Where a phone keeps what is secret. */
class Secrets : PhoneKeyStore {
    private val kept = ConcurrentHashMap<String, ByteArray>()

    override fun read(name: String) = kept[name]
    override fun write(name: String, secret: ByteArray) { kept[name] = secret }
    override fun remove(name: String) { kept.remove(name) }
}
