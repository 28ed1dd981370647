package kith

import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.flow.first
import kotlinx.coroutines.runBlocking
import kotlinx.coroutines.withContext
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.Test
import org.junit.jupiter.api.Timeout
import org.junit.jupiter.api.io.TempDir
import java.nio.file.Path
import java.util.concurrent.TimeUnit

@Timeout(value = 150, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
class PowerCutTest {
    @TempDir
    lateinit var folder: Path

    @Test
    fun what_was_acknowledged_is_there_after_the_process_was_killed_in_a_call() = story(120) {
        var acknowledged = 0
        repeat(3) {
            val java = Path.of(System.getProperty("java.home"), "bin", "java").toString()
            val library = "-Djna.library.path=" + System.getProperty("jna.library.path")
            val classes = System.getProperty("java.class.path")
            val told = arrayOf("$folder/notebook.kith", "$acknowledged")
            val scribe = ProcessBuilder(java, library, "-cp", classes, "kith.Scribe", *told)
                .redirectError(ProcessBuilder.Redirect.INHERIT)
                .start()
            withContext(Dispatchers.IO) {
                scribe.inputReader().useLines { lines ->
                    for (line in lines) {
                        acknowledged = line.toInt()
                        // It writes on and on, so whenever it is killed it is in the middle of something.
                        if (acknowledged % 40 == 0) {
                            scribe.destroyForcibly()
                            break
                        }
                    }
                }
                assertTrue(scribe.waitFor(20, TimeUnit.SECONDS))
            }
        }
        assertTrue(acknowledged >= 120, "$acknowledged lines")
        notebookIn(folder).use { notebook ->
            val people = notebook.today().first().people.toInt()
            assertTrue(people >= acknowledged, "$acknowledged were acknowledged, $people are there")
            for (n in 1..acknowledged) assertEquals("Person Number$n", notebook.find("number$n").first().title)
            assertEquals(0, notebook.work { checkUp(it) }.damage.size)
        }
    }
}

/** Writes people into a notebook, and says each number when it is safe, until somebody kills it. */
object Scribe {
    @JvmStatic
    fun main(args: Array<String>) = runBlocking {
        val notebook = Notebook.open(args[0], PHONE)
        for (n in args[1].toInt() + 1..100_000) {
            notebook.jot("Person Number$n !call")
            println(n)
        }
    }
}
