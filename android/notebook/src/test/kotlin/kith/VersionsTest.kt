// Maven builds here what Gradle builds in Android Studio, and nobody runs Gradle here: so what both must say is compared.
package kith

import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertFalse
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.Test
import java.nio.file.Path
import java.util.Properties
import kotlin.io.path.readText
import kotlin.io.path.reader

class VersionsTest {
    private val android = Path.of(System.getProperty("kith.android")).toRealPath()
    private val pom = read("pom.xml")
    private val toml = read("gradle/libs.versions.toml")

    @Test
    fun maven_and_gradle_take_the_same_versions() {
        val maven = values(pom, "<([a-z0-9]+)\\.version>(.+?)</")
        val gradle = values(part("versions"), "(?m)^([a-z0-9]+) = \"(.+?)\"") - "agp"
        assertEquals(SHARED, gradle.keys.toSortedSet().toList())
        assertEquals(gradle, maven.filterKeys(SHARED::contains))
    }

    @Test
    fun every_version_of_maven_stands_in_one_file() {
        for (module in MODULES) {
            val versions = Regex("<version>(.+?)</version>").findAll(read("$module/pom.xml")).map { it.groupValues[1] }
            val ours = Regex("<version>(.+?)</version>").find(pom)!!.groupValues[1]
            val literal = versions.filterNot { it == ours || it.startsWith("\${") && it.endsWith(".version}") }
            assertEquals(emptyList<String>(), literal.toList(), module)
        }
    }

    @Test
    fun maven_and_gradle_compile_the_same_sources() {
        for (module in MODULES) {
            val places = Regex("<sourceDir>(.+?)</sourceDir>").findAll(read("$module/pom.xml")).map { it.groupValues[1] }
            val maven = places.map { place ->
                val bindings = Regex("<kith.bindings>(.+?)</").find(pom)!!.groupValues[1]
                place.replace("\${kith.bindings}", bindings).replace("\${project.basedir}", "$android/$module")
            }
            // Gradle's own two, and those that are named.
            val gradle = listOf("$android/$module/src/main/kotlin", "$android/$module/src/test/kotlin") +
                named(read("$module/build.gradle.kts"))
            assertEquals(gradle.map(::plain).toSet(), maven.map(::plain).toSet(), module)
        }
    }

    @Test
    fun maven_and_gradle_take_the_same_libraries() {
        val maven = MODULES.flatMap { module ->
            DEPENDENCY.findAll(read("$module/pom.xml")).map { it.destructured.toList() }
        }.map { (group, name, version) -> Triple(group, name, version) }.toSet()
        for (one in LIBRARY.findAll(part("libraries"))) {
            val (word, group, name, version) = one.destructured
            // Maven's own test runner brings the launcher.
            if (word == "junit-launcher") continue
            val names = listOf(name, "$name-jvm", "$name-android").map { Triple(group, it, "\${$version.version}") }
            assertTrue(names.any(maven::contains), "no pom.xml has $group:$name in the version $version")
        }
    }

    @Test
    fun gradle_takes_what_its_catalogue_has_and_nothing_else() {
        val files = listOf("build.gradle.kts") + MODULES.map { "$it/build.gradle.kts" }
        val asked = files.flatMap { Regex("\\blibs\\.([a-z.]+)").findAll(read(it)).map { it.groupValues[1] } }.toSet()
        val words = { name: String -> Regex("(?m)^([a-z-]+) = ").findAll(part(name)).map { it.groupValues[1].replace('-', '.') } }
        assertEquals(words("libraries").toSet() + words("plugins").map { "plugins.$it" }, asked)
    }

    @Test
    fun both_build_for_the_same_phones_and_the_same_java() {
        val app = read("app/build.gradle.kts")
        assertEquals(values(pom, "<android\\.(min|target)>(\\d+)<"), values(app, "\\b(min|target)Sdk = (\\d+)"))
        val java = values(pom, "<(java)\\.version>(\\d+)<").getValue("java")
        for (module in MODULES) {
            val file = read("$module/build.gradle.kts")
            val versions = values(file, "(source|target)Compatibility = JavaVersion\\.VERSION_(\\d+)")
            assertEquals(mapOf("source" to java, "target" to java), versions, module)
            assertFalse("jvmToolchain" in file, "$module: a toolchain is fetched, and nothing here says from where")
        }
        // Android's plugin takes Kotlin's from Java's.
        assertTrue("jvmTarget = JvmTarget.JVM_$java" in read("notebook/build.gradle.kts"))
    }

    @Test
    fun every_phone_that_takes_the_app_has_the_library() {
        val filters = Regex("abiFilters \\+= listOf\\((.+?)\\)").find(read("app/build.gradle.kts"))!!.groupValues[1]
        val phones = Regex("\"(.+?)\"").findAll(filters).map { it.groupValues[1] }.toSet()
        val readme = read("README.md")
        val built = Regex("(?m)^cargo ndk (.+?) --platform (\\d+) ").find(readme)!!
        assertEquals(phones, Regex("-t (\\S+)").findAll(built.groupValues[1]).map { it.groupValues[1] }.toSet())
        assertEquals(values(pom, "<android\\.(min)>(\\d+)<").getValue("min"), built.groupValues[2])
        val targets = Regex("(?m)^rustup target add (.+)$").find(readme)!!.groupValues[1].split(" ").toSet()
        assertEquals(phones, targets.map(TARGETS::getValue).toSet())
        val packed = Regex("def processors = \\[(.+?)]").find(read("app/maven/pack.groovy"))!!.groupValues[1]
        assertEquals(phones, Regex("'(.+?)'").findAll(packed).map { it.groupValues[1] }.toSet())
    }

    @Test
    fun gradle_is_told_that_this_project_uses_androidx() {
        val properties = android.resolve("gradle.properties").reader().use { Properties().apply { load(it) } }
        assertEquals("true", properties["android.useAndroidX"])
        assertTrue("-Xmx" in properties.getProperty("org.gradle.jvmargs"))
        assertEquals("official", properties["kotlin.code.style"])
    }

    private fun read(file: String) = android.resolve(file).readText()

    private fun part(name: String) = toml.substringAfter("[$name]").substringBefore("\n[")

    private fun plain(path: String) = Path.of(path).normalize()

    /** The folders of sources that a file of Gradle names: with the name of a value, or as it stands. */
    private fun named(gradle: String): List<String> =
        Regex("srcDir\\((\\w+)\\)").findAll(gradle).map { use ->
            val value = Regex("val ${use.groupValues[1]} = rootDir\\.resolve\\(\"(.+?)\"\\)").find(gradle)!!
            "$android/${value.groupValues[1]}"
        }.toList()

    private fun values(text: String, one: String): Map<String, String> =
        Regex(one).findAll(text).associate { it.groupValues[1] to it.groupValues[2] }

    private companion object {
        val MODULES = listOf("notebook", "app")

        /** What both files name; the rest of pom.xml is tools of Maven's own. */
        val SHARED = listOf(
            "activity", "compose", "coroutines", "jna", "junit", "kotlin", "lifecycle", "material", "robolectric",
            "serialization", "turbine",
        )
        val DEPENDENCY = Regex("<groupId>(.+?)</groupId>\\s*<artifactId>(.+?)</artifactId>\\s*<version>(.+?)</version>")
        val LIBRARY = Regex("(?m)^([a-z-]+) = \\{ module = \"(.+?):(.+?)\"(?:, version\\.ref = \"(.+?)\")? }")
        val TARGETS = mapOf(
            "aarch64-linux-android" to "arm64-v8a",
            "armv7-linux-androideabi" to "armeabi-v7a",
            "x86_64-linux-android" to "x86_64",
        )
    }
}
