package kith

import kith.notebook.Surroundings
import kotlinx.coroutines.runBlocking
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Test
import org.junit.jupiter.api.Timeout
import org.junit.jupiter.api.io.TempDir
import java.nio.file.Path

@Timeout(60)
class NotebookTest {
    @TempDir
    lateinit var folder: Path

    @Test
    fun a_line_becomes_a_person_who_is_found() = runBlocking<Unit> {
        Notebook.open("$folder/book.kith", Surroundings("phone", "Europe/Paris")).use { notebook ->
            assertEquals("Dana Ruiz", notebook.jot("Dana Ruiz, Acme !send her the Lyon contact").name)
            assertEquals("Dana Ruiz", notebook.find("dna ruiz").first().title)
        }
    }
}
