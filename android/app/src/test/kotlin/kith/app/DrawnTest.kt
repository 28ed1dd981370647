package kith.app

import android.graphics.Color
import androidx.compose.ui.test.assertIsDisplayed
import androidx.compose.ui.test.hasScrollAction
import androidx.compose.ui.test.junit4.createEmptyComposeRule
import androidx.compose.ui.test.onAllNodesWithText
import androidx.compose.ui.test.onFirst
import androidx.compose.ui.test.onNodeWithText
import androidx.compose.ui.test.performClick
import androidx.compose.ui.test.performTouchInput
import androidx.compose.ui.test.swipeUp
import kotlinx.coroutines.flow.first
import org.junit.Assert.assertEquals
import org.junit.Assert.assertTrue
import org.junit.Rule
import org.junit.Test
import org.junit.runner.RunWith
import org.robolectric.ParameterizedRobolectricTestRunner
import org.robolectric.ParameterizedRobolectricTestRunner.Parameters
import org.robolectric.RuntimeEnvironment

/** Every screen with nobody, one, forty and 5,000 people in it, with very long names; light, dark, in large letters. */
@RunWith(ParameterizedRobolectricTestRunner::class)
class DrawnTest(private val how: String, private val night: Boolean, private val scale: Float) {
    @get:Rule
    val phone = createEmptyComposeRule()

    @Test
    fun with_nobody() = drawn("0", string(R.string.today_nobody)) {}

    @Test
    fun with_one_person() = drawn("1", "send the contact", "Dana Ruiz") {
        before { it.jot("Dana Ruiz, Acme Logistics !send the contact by tomorrow") }
    }

    @Test
    fun with_the_demo() = drawn("demo", string(R.string.today_i_owe)) { before { it.write { loadDemo() } } }

    @Test
    fun with_a_crowd() {
        bring(crowd)
        val (page, more) = before { it.todayPage(20).first() }
        assertEquals(5_000UL to 20, page.people to page.iOwe.size)
        val counted = quantity(R.plurals.today_more, more.iOwe.toInt())
        drawn("5000", "Person Number", "send the paper number", counted) {}
    }

    @Test
    fun with_very_long_names() = drawn("long", LONG, "a very long promise") {
        before {
            val promise = "a very long promise ".repeat(20)
            it.jot("$LONG, $LONG_TOO !send her $promise by tomorrow ?${"needs ".repeat(30)}")
            it.jot("${"W".repeat(200)} !!${"x".repeat(300)}")
        }
    }

    /** Today shows these words; what is drawn is drawn on paper by day and on ink by night, and something is on it. */
    private fun drawn(name: String, vararg words: String, prepare: () -> Unit) {
        RuntimeEnvironment.setQualifiers(if (night) "+night" else "+notnight")
        RuntimeEnvironment.setFontScale(scale)
        prepare()
        phone.begin().use { app ->
            val look = { screen: String ->
                val drawing = app.draw("$screen-$name-$how")
                assertEquals(emptyList<String>(), phone.flaws())
                assertEquals(780 to 1688, drawing.width to drawing.height)
                val margin = Color.luminance(drawing.getPixel(4, drawing.height / 2))
                assertTrue("$screen is drawn on $margin", if (night) margin < 0.1f else margin > 0.8f)
                val colours = IntArray(780 * 1688).also { drawing.getPixels(it, 0, 780, 0, 0, 780, 1688) }.toSet().size
                assertTrue("$screen has $colours colours", colours > 500)
            }
            // Today as it is found, then a line that is typed and saved.
            phone.onAllNodesWithText(string(R.string.today)).onFirst().performClick()
            phone.seeNoMore(string(R.string.loading))
            look("today")
            for (some in words) {
                phone.scrollTo(some)
                phone.onAllNodesWithText(some, substring = true).onFirst().assertIsDisplayed()
            }
            repeat(12) { phone.onNode(hasScrollAction()).performTouchInput { swipeUp() } }
            phone.waitForIdle()
            look("today-end")
            phone.onAllNodesWithText(string(R.string.jot)).onFirst().performClick()
            phone.see(string(R.string.jot_empty))
            look("jot")
            val long = "$LONG, $LONG_TOO, chief !${"a very long promise ".repeat(12)} by tomorrow"
            phone.type(if (name == "long") long else LINE)
            phone.see(string(R.string.piece_promise_mine))
            look("jot-typed")
            phone.onNodeWithText(string(R.string.jot_save)).performClick()
            phone.see(string(R.string.jot_written))
            look("jot-saved")
        }
    }

    companion object {
        const val LINE = "Dana, Acme Logistics, hiring ops lead !send her the Lyon contact by tue !!the market study " +
            "?needs a warehouse in Lyon +knows customs brokers @Sam Lee #lyon dana@acme.com *"
        const val LONG = "Wolfeschlegelsteinhausenbergerdorff Maximiliana Anastasia Konstantinopolitanska"
        const val LONG_TOO = "Donaudampfschifffahrtselektrizitätenhauptbetriebswerkbauunterbeamtengesellschaft"

        @JvmStatic
        @Parameters(name = "{0}")
        fun looks() = listOf(
            arrayOf<Any>("light", false, 1f),
            arrayOf<Any>("dark", true, 1f),
            arrayOf<Any>("light-large", false, 1.5f),
            arrayOf<Any>("dark-large", true, 1.5f),
        )
    }
}
