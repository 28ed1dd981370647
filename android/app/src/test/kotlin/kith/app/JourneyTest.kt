package kith.app

import androidx.activity.compose.setContent
import androidx.compose.ui.test.assertIsDisplayed
import androidx.compose.ui.test.assertIsEnabled
import androidx.compose.ui.test.assertIsNotEnabled
import androidx.compose.ui.test.assertTextContains
import androidx.compose.ui.test.doubleClick
import androidx.compose.ui.test.junit4.createEmptyComposeRule
import androidx.compose.ui.test.onAllNodesWithText
import androidx.compose.ui.test.onFirst
import androidx.compose.ui.test.onNodeWithContentDescription
import androidx.compose.ui.test.onNodeWithText
import androidx.compose.ui.test.performClick
import androidx.compose.ui.test.performImeAction
import androidx.compose.ui.test.performScrollTo
import androidx.compose.ui.test.performTextClearance
import androidx.compose.ui.test.performTouchInput
import kotlinx.coroutines.flow.first
import kotlinx.coroutines.runBlocking
import androidx.lifecycle.Lifecycle
import androidx.lifecycle.ViewModelProvider
import androidx.lifecycle.viewmodel.initializer
import androidx.lifecycle.viewmodel.viewModelFactory
import androidx.test.core.app.ApplicationProvider
import kith.Notebook
import kith.app.jot.JotModel
import kith.app.today.TodayModel
import kith.model.Area
import kith.model.Origin
import kith.model.RecordId
import kith.notebook.ChangeListener
import kith.notebook.Mailbox
import org.junit.Assert.assertEquals
import org.junit.Assert.assertFalse
import org.junit.Rule
import org.junit.Test
import org.junit.runner.RunWith
import org.robolectric.RobolectricTestRunner
import java.time.LocalDate
import java.util.TimeZone
import java.util.concurrent.atomic.AtomicInteger

@RunWith(RobolectricTestRunner::class)
class JourneyTest {
    @get:Rule
    val phone = createEmptyComposeRule()

    @Test
    fun a_line_is_shown_as_it_is_understood_saved_and_stands_under_today() {
        phone.begin().use {
            phone.onNodeWithText(string(R.string.jot_save)).assertIsNotEnabled()
            phone.type("Dana Ruiz, Acme Logistics, hiring lead !send her the Lyon contact by tomorrow ?a warehouse #lyon")
            phone.see("hiring lead")
            for (piece in PIECES) {
                phone.onNodeWithText(string(piece), substring = true).performScrollTo().assertIsDisplayed()
            }
            phone.onNodeWithText(string(R.string.jot_save)).assertIsEnabled().performClick()
            phone.see(string(R.string.jot_saved_new, "Dana Ruiz"))
            phone.onAllNodesWithText(string(R.string.today)).onFirst().performClick()
            phone.see("send her the Lyon contact")
            phone.see(string(R.string.today_i_owe))
        }
    }

    @Test
    fun the_keyboards_own_button_saves_too_and_the_line_is_empty_for_the_next() {
        phone.begin().use {
            phone.type("Sam Lee")
            phone.line().performImeAction()
            phone.see(string(R.string.jot_saved_new, "Sam Lee"))
            phone.onNodeWithText(string(R.string.jot_save)).assertIsNotEnabled()
            assertEquals(1UL, people())
        }
    }

    @Test
    fun a_promise_is_kept_with_one_tap_and_open_again_with_another() {
        before { it.jot("Dana Ruiz !call her by tomorrow") }
        phone.begin().use { app ->
            phone.onAllNodesWithText(string(R.string.today)).onFirst().performClick()
            phone.see("call her")
            phone.onNodeWithContentDescription(string(R.string.today_kept_of, "call her")).performClick()
            phone.see(string(R.string.undo))
            phone.seeNoMore(string(R.string.today_i_owe))
            app.draw("today-kept")
            phone.onNodeWithText(string(R.string.undo)).performClick()
            phone.see(string(R.string.today_i_owe))
        }
    }

    @Test
    fun what_today_does_not_show_is_counted() {
        before { notebook -> repeat(23) { n -> notebook.jot("Person Number$n !call them by tomorrow") } }
        phone.begin().use { app ->
            phone.onAllNodesWithText(string(R.string.today)).onFirst().performClick()
            phone.see(string(R.string.today_i_owe))
            val more = quantity(R.plurals.today_more, 3)
            phone.scrollTo(more)
            phone.see(more)
            app.draw("today-more")
        }
    }

    @Test
    fun somebody_known_already_is_offered_and_one_tap_makes_them_one() {
        before { it.jot("Dana Ruiz, Acme Logistics") }
        phone.begin().use {
            phone.type("Dana !call her")
            phone.onNodeWithText(string(R.string.jot_save)).performClick()
            phone.see(string(R.string.jot_same, "Dana Ruiz"))
            phone.onNodeWithText(string(R.string.jot_same, "Dana Ruiz")).performClick()
            phone.see(string(R.string.jot_made_one, "Dana Ruiz"))
            assertEquals(1UL, people())
            phone.onNodeWithText(string(R.string.undo)).performClick()
            phone.seeNoMore(string(R.string.jot_made_one, "Dana Ruiz"))
            assertEquals(2UL, people())
        }
    }

    @Test
    fun undo_takes_a_merge_apart_and_leaves_a_promise_kept_that_was_kept_since() {
        before { it.jot("Dana Ruiz, Acme Logistics") }
        before { it.jot("Sam Lee !call him by tomorrow") }
        phone.begin().use {
            phone.type("Dana !write to her")
            phone.onNodeWithText(string(R.string.jot_save)).performClick()
            phone.see(string(R.string.jot_same, "Dana Ruiz"))
            phone.onNodeWithText(string(R.string.jot_same, "Dana Ruiz")).performClick()
            phone.see(string(R.string.jot_made_one, "Dana Ruiz"))
            phone.onAllNodesWithText(string(R.string.today)).onFirst().performClick()
            phone.see("call him")
            phone.onNodeWithContentDescription(string(R.string.today_kept_of, "call him")).performClick()
            phone.see(string(R.string.undo))
            phone.onAllNodesWithText(string(R.string.jot)).onFirst().performClick()
            phone.see(string(R.string.jot_made_one, "Dana Ruiz"))
            phone.onNodeWithText(string(R.string.undo)).performClick()
            phone.seeNoMore(string(R.string.jot_made_one, "Dana Ruiz"))
            assertEquals(3UL, people())
            assertEquals(listOf("write to her"), openPromises())
        }
    }

    @Test
    fun undo_opens_the_promise_and_leaves_two_who_were_made_one_since() {
        before { it.jot("Dana Ruiz, Acme Logistics !call her by tomorrow") }
        phone.begin().use {
            phone.onAllNodesWithText(string(R.string.today)).onFirst().performClick()
            phone.see("call her")
            phone.onNodeWithContentDescription(string(R.string.today_kept_of, "call her")).performClick()
            phone.see(string(R.string.undo))
            phone.onAllNodesWithText(string(R.string.jot)).onFirst().performClick()
            phone.type("Dana")
            phone.onNodeWithText(string(R.string.jot_save)).performClick()
            phone.see(string(R.string.jot_same, "Dana Ruiz"))
            phone.onNodeWithText(string(R.string.jot_same, "Dana Ruiz")).performClick()
            phone.see(string(R.string.jot_made_one, "Dana Ruiz"))
            phone.onAllNodesWithText(string(R.string.today)).onFirst().performClick()
            phone.see(string(R.string.undo))
            phone.onNodeWithText(string(R.string.undo)).performClick()
            phone.see(string(R.string.today_i_owe))
            assertEquals(1UL, people())
            assertEquals(listOf("call her"), openPromises())
        }
    }

    @Test
    fun two_taps_on_kept_are_one_and_undo_opens_the_promise_all_the_same() {
        before { it.jot("Dana Ruiz !call her by tomorrow") }
        phone.begin().use {
            phone.onAllNodesWithText(string(R.string.today)).onFirst().performClick()
            phone.see("call her")
            phone.onNodeWithContentDescription(string(R.string.today_kept_of, "call her"))
                .performTouchInput { doubleClick() }
            phone.see(string(R.string.undo))
            phone.seeNoMore(string(R.string.today_i_owe))
            phone.onNodeWithText(string(R.string.undo)).performClick()
            phone.see(string(R.string.today_i_owe))
            assertEquals(listOf("call her"), openPromises())
        }
    }

    @Test
    fun somebody_else_stays_somebody_else() {
        before { it.jot("Dana Ruiz, Acme Logistics") }
        phone.begin().use {
            phone.type("Dana !call her")
            phone.onNodeWithText(string(R.string.jot_save)).performClick()
            phone.see(string(R.string.jot_not_same))
            phone.onNodeWithText(string(R.string.jot_not_same)).performClick()
            phone.seeNoMore(string(R.string.jot_not_same))
            assertEquals(2UL, people())
        }
    }

    @Test
    fun a_mark_is_one_tap_away() {
        phone.begin().use {
            phone.type("Dana Ruiz")
            phone.onNodeWithText(string(R.string.mark_promise)).performClick()
            phone.line().assertTextContains("Dana Ruiz !")
        }
    }

    @Test
    fun a_line_that_says_nothing_is_refused_in_words_and_stays() {
        phone.begin().use { app ->
            phone.type(",")
            phone.onNodeWithText(string(R.string.jot_save)).performClick()
            phone.see(string(R.string.failed_invalid))
            app.draw("jot-refused")
            phone.line().assertTextContains(",")
        }
    }

    @Test
    fun a_damaged_notebook_says_what_to_do_and_shows_no_empty_page() {
        inFiles().writeText("no notebook ".repeat(1000))
        phone.begin().use { app ->
            phone.onAllNodesWithText(string(R.string.today)).onFirst().performClick()
            phone.see(string(R.string.failed_unreadable))
            phone.onNodeWithText(string(R.string.try_again)).performClick()
            phone.see(string(R.string.failed_unreadable))
            assertEquals(0, phone.onAllNodesWithText(string(R.string.today_nobody)).fetchSemanticsNodes().size)
            app.draw("today-damaged")
        }
    }

    @Test
    fun without_its_library_the_app_says_so_and_shows_no_empty_page() {
        val missing = TheNotebook { throw UnsatisfiedLinkError("Unable to load library 'kith_bindings'") }
        phone.begin().use { app ->
            app.onActivity {
                val (jot, today) = JotModel(missing) to TodayModel(missing)
                today.follow()
                it.setContent { KithTheme { Screens(jot, today) } }
            }
            phone.type("Dana Ruiz")
            phone.see(string(R.string.failed_no_library))
            phone.line().assertTextContains("Dana Ruiz")
            phone.onAllNodesWithText(string(R.string.today)).onFirst().performClick()
            phone.see(string(R.string.failed_no_library))
            assertEquals(0, phone.onAllNodesWithText(string(R.string.today_nobody)).fetchSemanticsNodes().size)
            app.draw("today-no-library")
        }
    }

    @Test
    fun a_notebook_that_was_closed_is_opened_anew_by_trying_again() {
        before { it.jot("Dana Ruiz !call her by tomorrow") }
        phone.begin().use {
            phone.onAllNodesWithText(string(R.string.today)).onFirst().performClick()
            phone.see("call her")
            runBlocking { ApplicationProvider.getApplicationContext<KithApp>().notebook.get().close() }
            phone.see(string(R.string.failed_closed))
            phone.onNodeWithText(string(R.string.try_again)).performClick()
            phone.see("call her")
        }
    }

    @Test
    fun a_line_that_was_not_saved_is_there_again_when_the_activity_is_made_anew() {
        phone.begin().use { app ->
            phone.type("Dana Ruiz !call her")
            app.recreate()
            phone.see("Dana Ruiz !call her")
        }
    }

    @Test
    fun a_line_that_was_not_saved_is_there_again_when_the_app_begins_anew_and_once_saved_it_is_not() {
        phone.begin().use { phone.type("Dana Ruiz !call her") }
        phone.begin().use {
            phone.see("Dana Ruiz !call her")
            phone.see(string(R.string.jot_understood))
            phone.onNodeWithText(string(R.string.jot_save)).performClick()
            phone.see(string(R.string.jot_saved_new, "Dana Ruiz"))
        }
        phone.begin().use {
            phone.onNodeWithText(string(R.string.jot_save)).assertIsNotEnabled()
            assertEquals(1UL, people())
        }
    }

    @Test
    fun a_line_is_kept_as_the_app_is_left_and_let_go_of_as_it_is_emptied_or_saved() {
        val kept = inFiles().resolveSibling("line")
        phone.begin().use { app ->
            val leave = {
                // From here on the phone may end the app, and tells it nothing more.
                app.moveToState(Lifecycle.State.CREATED)
                kept.takeIf { it.exists() }?.readText().also { app.moveToState(Lifecycle.State.RESUMED) }
            }
            phone.type("Dana Ruiz 🦊")
            assertEquals("Dana Ruiz 🦊", leave())
            phone.line().performTextClearance()
            assertFalse(kept.exists())
            assertEquals(null, leave())
            phone.type("Sam Lee")
            assertEquals("Sam Lee", leave())
            phone.onNodeWithText(string(R.string.jot_save)).performClick()
            phone.see(string(R.string.jot_saved_new, "Sam Lee"))
            assertFalse(kept.exists())
        }
    }

    @Test
    fun what_is_on_a_drive_that_is_not_plugged_in_is_not_said_to_be_gone_from_the_notebook() {
        val words = mutableListOf<Int>()
        runBlocking {
            ApplicationProvider.getApplicationContext<KithApp>().notebook.ask(failed = { words += it }) {
                work { Mailbox.inFolder("/media/unplugged").prepare(it) }
            }
        }
        assertEquals(listOf(R.string.failed_not_found), words)
        assertFalse(string(R.string.failed_not_found).contains("notebook"))
    }

    @Test
    fun a_line_that_is_understood_while_it_is_saved_is_saved_once() {
        val late = Held()
        val notebook = TheNotebook { Notebook.open(inFiles().path, HERE, dispatcher = late) }
        val model = JotModel(notebook)
        phone.begin().use { app ->
            app.onActivity { it.setContent { KithTheme { Screens(model, TodayModel(notebook)) } } }
            phone.type("Dana Ruiz")
            late.letOneGo()
            phone.until("the line is about to be read") { late.waiting == 1 }
            phone.onNodeWithText(string(R.string.jot_save)).performClick()
            late.letOneGo()
            phone.see(string(R.string.jot_understood))
            phone.onNodeWithText(string(R.string.jot_saving)).assertIsNotEnabled()
            app.onActivity { model.save() }
            late.letAllGo()
            phone.see(string(R.string.jot_saved_new, "Dana Ruiz"))
            before { assertEquals(1UL, it.today().first().people) }
        }
    }

    @Test
    fun typing_on_while_the_notebook_opens_opens_it_once() {
        val late = Held()
        val opens = AtomicInteger()
        val notebook = TheNotebook {
            opens.incrementAndGet()
            Notebook.open(inFiles().path, HERE, dispatcher = late)
        }
        val model = JotModel(notebook)
        phone.begin().use { app ->
            app.onActivity { it.setContent { KithTheme { Screens(model, TodayModel(notebook)) } } }
            listOf("Dana", " Ruiz", " !call her").forEach(phone::type)
            late.letAllGo()
            phone.see(string(R.string.jot_understood))
            assertEquals(1, opens.get())
        }
    }

    @Test
    fun a_line_whose_screen_goes_away_as_it_is_saved_is_in_the_file() {
        val late = Held()
        val notebook = TheNotebook { Notebook.open(inFiles().path, HERE, dispatcher = late) }
        phone.begin().use { app ->
            app.onActivity {
                // The activity's own, as in the app: it ends with it.
                val own = viewModelFactory { initializer { JotModel(notebook) } }
                val model = ViewModelProvider(it, own)["held", JotModel::class]
                it.setContent { KithTheme { Screens(model, TodayModel(notebook)) } }
            }
            phone.type("Dana Ruiz")
            phone.onNodeWithText(string(R.string.jot_save)).performClick()
        }
        late.letAllGo()
        phone.until("she is in the file") {
            runBlocking { Notebook.open(inFiles().path, HERE).use { it.find("dana") } }.isNotEmpty()
        }
        before { assertEquals(1UL, it.today().first().people) }
    }

    @Test
    fun what_another_process_wrote_is_seen_when_the_app_comes_to_the_front() {
        before { it.jot("Dana Ruiz !call her by tomorrow") }
        phone.begin().use { app ->
            phone.onAllNodesWithText(string(R.string.today)).onFirst().performClick()
            phone.see("call her")
            val told = AtomicInteger()
            val ear = object : ChangeListener {
                override fun changed(areas: List<Area>, ids: List<RecordId>, origin: Origin) {
                    told.incrementAndGet()
                }
            }
            val hearing = runBlocking {
                ApplicationProvider.getApplicationContext<KithApp>().notebook.get().ask { observe(ear) }
            }
            app.moveToState(Lifecycle.State.STARTED)
            // A second opening of the file, as a share sheet's process has one.
            before { it.jot("Sam Lee !write to him by tomorrow") }
            assertEquals("nobody here has heard of it", 0, told.get())
            app.moveToState(Lifecycle.State.RESUMED)
            phone.see("write to him")
            phone.until("whoever shows a page is told") { told.get() == 1 }
            hearing.use { it.stop() }
        }
    }

    @Test
    fun in_another_zone_today_is_another_day_once_the_app_comes_to_the_front() {
        before { it.jot("Dana Ruiz !call her by tomorrow") }
        phone.begin().use { app ->
            phone.onAllNodesWithText(string(R.string.today)).onFirst().performClick()
            // Only then is the notebook open: who waits for it here holds up the thread that opens it.
            phone.see("call her")
            val notebook = runBlocking { ApplicationProvider.getApplicationContext<KithApp>().notebook.get() }
            val day = { runBlocking { notebook.today().first().day } }
            val here = TimeZone.getDefault()
            try {
                // At any moment it is another day in one of the two than in the other.
                for (zone in listOf("Pacific/Kiritimati", "Pacific/Niue")) {
                    app.moveToState(Lifecycle.State.STARTED)
                    TimeZone.setDefault(TimeZone.getTimeZone(zone))
                    app.moveToState(Lifecycle.State.RESUMED)
                    phone.until("today is the day in $zone") { day().toString() == LocalDate.now().toString() }
                }
            } finally {
                TimeZone.setDefault(here)
            }
        }
    }

    private companion object {
        val PIECES = listOf(
            R.string.piece_name,
            R.string.piece_organisation,
            R.string.piece_role,
            R.string.piece_promise_mine,
            R.string.piece_need,
            R.string.piece_topic,
        )
    }

    private fun openPromises(): List<String> = runBlocking {
        val notebook = ApplicationProvider.getApplicationContext<KithApp>().notebook.get()
        notebook.ask { openPromises(null) }.map { it.record.words }
    }

    private fun people(): ULong = runBlocking {
        ApplicationProvider.getApplicationContext<KithApp>().notebook.get().today().first().people
    }
}
