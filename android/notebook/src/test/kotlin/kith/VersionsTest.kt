// Maven builds here what Gradle builds in Android Studio, and nobody runs Gradle here: so what both must say is compared.
package kith

import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.Test
import java.nio.file.Path
import java.util.Properties
import kotlin.io.path.readText
import kotlin.io.path.reader

class VersionsTest {
    private val android = Path.of(System.getProperty("kith.android"))
    private val pom = read("pom.xml")

    @Test
    fun maven_and_gradle_take_the_same_versions() {
        val maven = values(pom, "<([a-z0-9]+)\\.version>(.+?)</")
        val toml = read("gradle/libs.versions.toml").substringAfter("[versions]").substringBefore("\n[")
        val gradle = values(toml, "(?m)^([a-z0-9]+) = \"(.+?)\"") - "agp"
        assertEquals(SHARED, gradle.keys.toSortedSet().toList())
        assertEquals(gradle, maven.filterKeys(SHARED::contains))
    }

    @Test
    fun both_build_for_the_same_phones_and_the_same_java() {
        val app = read("app/build.gradle.kts")
        assertEquals(values(pom, "<android\\.(min|target)>(\\d+)<"), values(app, "\\b(min|target)Sdk = (\\d+)"))
        val java = values(pom, "<(java)\\.version>(\\d+)<").getValue("java")
        for (module in listOf("app", "notebook")) {
            assertTrue("jvmToolchain($java)" in read("$module/build.gradle.kts"), module)
        }
        val versions = Regex("JavaVersion\\.VERSION_(\\d+)").findAll(app).map { it.groupValues[1] }.toList()
        assertEquals(listOf(java, java), versions)
    }

    @Test
    fun gradle_is_told_that_this_project_uses_androidx() {
        val properties = android.resolve("gradle.properties").reader().use { Properties().apply { load(it) } }
        assertEquals("true", properties["android.useAndroidX"])
        assertTrue("-Xmx" in properties.getProperty("org.gradle.jvmargs"))
        assertEquals("official", properties["kotlin.code.style"])
    }

    private fun read(file: String) = android.resolve(file).readText()

    private fun values(text: String, one: String): Map<String, String> =
        Regex(one).findAll(text).associate { it.groupValues[1] to it.groupValues[2] }

    private companion object {
        /** What both files name; the rest of pom.xml is tools of Maven's own. */
        val SHARED = listOf(
            "activity", "compose", "coroutines", "jna", "junit", "kotlin", "lifecycle", "material", "robolectric",
            "serialization", "turbine",
        )
    }
}
