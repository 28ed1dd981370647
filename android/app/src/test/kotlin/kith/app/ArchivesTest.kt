package kith.app

import org.junit.Assert.assertTrue
import org.junit.Assume.assumeTrue
import org.junit.Test
import java.io.File
import java.util.Properties

/** What androidx wants of Android's plugin and of its platform. Gradle refuses to build with less, and nobody runs it here. */
class ArchivesTest {
    private val android = File(System.getProperty("kith.android"))

    @Test
    fun gradle_takes_a_plugin_and_a_platform_as_new_as_every_archive_wants() {
        val archives = System.getProperty("kith.archives")
        assumeTrue("Gradle asks them itself", archives != null)
        val demands = File(archives).listFiles().orEmpty().mapNotNull { archive ->
            val file = archive.resolve("META-INF/com/android/build/gradle/aar-metadata.properties")
            if (file.exists()) archive.name to file.reader().use { Properties().apply { load(it) } } else null
        }
        assertTrue("only ${demands.size} archives say what they want", demands.size >= 20)
        val plugin = one("gradle/libs.versions.toml", "agp = \"(.+)\"")
        val platform = one("app/build.gradle.kts", "compileSdk = (\\d+)")
        for ((archive, wants) in demands) {
            val (ofPlugin, ofPlatform) =
                listOf("minAndroidGradlePluginVersion", "minCompileSdk").map { wants.getProperty(it, "0") }
            assertTrue("$archive wants the plugin $ofPlugin", number(plugin) >= number(ofPlugin))
            assertTrue("$archive wants the platform $ofPlatform", platform.toInt() >= ofPlatform.toInt())
        }
    }

    private fun one(file: String, what: String) = Regex(what).find(android.resolve(file).readText())!!.groupValues[1]

    /** `9.10.1` is above `9.9.2`; what follows a dash counts for nothing. */
    private fun number(version: String): Int =
        version.substringBefore("-").split(".").plus(listOf("0", "0")).take(3).fold(0) { sum, part -> sum * 1000 + part.toInt() }
}
