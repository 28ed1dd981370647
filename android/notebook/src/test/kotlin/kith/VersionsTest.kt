package kith

import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.Test
import java.nio.file.Path
import kotlin.io.path.readText

class VersionsTest {
    @Test
    fun maven_and_gradle_take_the_same_versions() {
        val android = Path.of(System.getProperty("kith.android"))
        val maven = versions(android.resolve("pom.xml").readText(), Regex("<([a-z0-9]+)\\.version>(.+?)</"))
        val toml = android.resolve("gradle/libs.versions.toml").readText().substringAfter("[versions]")
        val gradle = versions(toml.substringBefore("\n["), Regex("(?m)^([a-z0-9]+) = \"(.+?)\""))
        val both = maven.keys intersect gradle.keys
        assertTrue(both.containsAll(listOf("kotlin", "coroutines", "jna", "junit", "compose", "material")), "$both")
        assertEquals(maven.filterKeys(both::contains), gradle.filterKeys(both::contains))
    }

    private fun versions(text: String, one: Regex) =
        one.findAll(text).associate { it.groupValues[1] to it.groupValues[2] }
}
