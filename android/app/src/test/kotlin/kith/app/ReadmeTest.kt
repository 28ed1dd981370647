package kith.app

import androidx.activity.ComponentActivity
import androidx.compose.ui.test.junit4.createEmptyComposeRule
import androidx.lifecycle.lifecycleScope
import kith.app.KithApp
import kith.model.NamedPromise
import kotlinx.coroutines.launch
import org.junit.Assert.assertTrue
import org.junit.Rule
import org.junit.Test
import org.junit.runner.RunWith
import org.robolectric.RobolectricTestRunner
import java.io.File

/** The call that README.md shows stands here, too, and does what it says. */
@RunWith(RobolectricTestRunner::class)
class ReadmeTest {
    @get:Rule
    val phone = createEmptyComposeRule()

    private fun ComponentActivity.call(show: (List<NamedPromise>) -> Unit) {
        lifecycleScope.launch {
            val notebook = (application as KithApp).notebook.get()    // open once, for the whole app
            notebook.jot("Dana Ruiz, Acme Logistics !send her the Lyon contact by tue")
            notebook.today().collect { page -> show(page.iOwe) }      // and again whenever something changes
        }
    }

    @Test
    fun the_call_in_the_readme_shows_a_promise() {
        var shown = emptyList<NamedPromise>()
        phone.begin().use { app ->
            app.onActivity { activity -> activity.call { shown = it } }
            phone.until("the promise is shown") { shown.map { it.record.words } == listOf("send her the Lyon contact") }
        }
    }

    @Test
    fun the_call_in_the_readme_is_the_one_that_is_compiled_here() {
        val android = File(System.getProperty("kith.android"))
        val here = lines(android.resolve("app/src/test/kotlin/kith/app/ReadmeTest.kt").readText())
        val call = lines(android.resolve("README.md").readText().substringAfter("```kotlin\n").substringBefore("```"))
        val (imports, body) = call.partition { it.startsWith("import ") }
        assertTrue("$imports", here.containsAll(imports) && imports.size >= 3)
        assertTrue("$body", here.windowed(body.size).contains(body) && body.size >= 4)
    }

    private fun lines(text: String) = text.lines().map(String::trim).filter(String::isNotEmpty)
}
