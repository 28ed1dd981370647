// The page one opens in the morning: what I owe first, then what they owe me, and what else the day asks for.
package kith.app.today

import androidx.annotation.PluralsRes
import androidx.annotation.StringRes
import androidx.compose.foundation.layout.Arrangement
import androidx.compose.foundation.layout.Box
import androidx.compose.foundation.layout.Column
import androidx.compose.foundation.layout.PaddingValues
import androidx.compose.foundation.layout.Row
import androidx.compose.foundation.layout.fillMaxSize
import androidx.compose.foundation.layout.fillMaxWidth
import androidx.compose.foundation.layout.heightIn
import androidx.compose.foundation.layout.padding
import androidx.compose.foundation.lazy.LazyColumn
import androidx.compose.foundation.lazy.LazyListScope
import androidx.compose.foundation.lazy.items
import androidx.compose.material3.Button
import androidx.compose.material3.CircularProgressIndicator
import androidx.compose.material3.HorizontalDivider
import androidx.compose.material3.MaterialTheme
import androidx.compose.material3.OutlinedButton
import androidx.compose.material3.SnackbarDuration
import androidx.compose.material3.SnackbarHost
import androidx.compose.material3.SnackbarHostState
import androidx.compose.material3.SnackbarResult
import androidx.compose.material3.Text
import androidx.compose.runtime.Composable
import androidx.compose.runtime.LaunchedEffect
import androidx.compose.runtime.remember
import androidx.compose.ui.Alignment
import androidx.compose.ui.Modifier
import androidx.compose.ui.graphics.Color
import androidx.compose.ui.platform.LocalResources
import androidx.compose.ui.res.pluralStringResource
import androidx.compose.ui.res.stringResource
import androidx.compose.ui.semantics.contentDescription
import androidx.compose.ui.semantics.heading
import androidx.compose.ui.semantics.semantics
import androidx.compose.ui.text.TextStyle
import androidx.compose.ui.text.style.TextAlign
import androidx.compose.ui.text.style.TextOverflow
import androidx.compose.ui.unit.dp
import kith.app.Failure
import kith.app.R
import kith.app.Title
import kith.app.after
import kith.app.day
import kith.app.dueDay
import kith.app.hour
import kith.app.long
import kith.app.nearDay
import kith.app.short
import kith.model.Day
import kith.model.NamedMeeting
import kith.model.NamedPromise
import kith.model.Promise
import kith.model.Today

@Composable
fun TodayScreen(model: TodayModel, onJot: () -> Unit, modifier: Modifier = Modifier) {
    Box(modifier.fillMaxSize()) {
        when (val state = model.state) {
            TodayState.Loading -> Loading()
            is TodayState.Failed -> Column(Modifier.padding(horizontal = 20.dp)) {
                Title(stringResource(R.string.today))
                Failure(state.message, onTryAgain = model::follow)
            }
            is TodayState.Ready -> {
                Page(state, model::keep, onJot)
                Kept(state.kept, model, Modifier.align(Alignment.BottomCenter))
            }
        }
    }
}

@Composable
private fun Loading() {
    Column(
        Modifier.fillMaxSize(),
        verticalArrangement = Arrangement.spacedBy(16.dp, Alignment.CenterVertically),
        horizontalAlignment = Alignment.CenterHorizontally,
    ) {
        CircularProgressIndicator()
        Text(stringResource(R.string.loading), style = MaterialTheme.typography.bodyLarge)
    }
}

@Composable
private fun Page(state: TodayState.Ready, onKept: (Promise) -> Unit, onJot: () -> Unit) {
    val (page, more) = state
    LazyColumn(Modifier.fillMaxSize(), contentPadding = PaddingValues(start = 20.dp, end = 20.dp, bottom = 80.dp)) {
        item {
            Title(stringResource(R.string.today))
            Text(
                page.day.long(),
                color = MaterialTheme.colorScheme.onSurfaceVariant,
                style = MaterialTheme.typography.titleMedium,
            )
            state.failure?.let { Failure(it) }
        }
        when {
            !page.isClear -> Unit
            page.people == 0UL -> item { Empty(R.string.today_nobody, R.string.today_nobody_more, onJot) }
            else -> item { Empty(R.string.today_nothing, R.string.today_nothing_more, onJot) }
        }
        promises(R.string.today_i_owe, page.iOwe, more.iOwe, page.day, onKept)
        promises(R.string.today_they_owe, page.theyOwe, more.theyOwe, page.day, onKept)
        section(R.string.today_reminders, page.reminders, more.reminders) {
            Entry(it.record.words, it.name, nearDay(it.record.day, page.day))
        }
        section(R.string.today_meetings, page.meetings, more.meetings) { MeetingEntry(it, page.day) }
        section(R.string.today_decisions, page.decisions, more.decisions) {
            Entry(it.record.words, it.name, it.record.decideOn?.let { day -> nearDay(day, page.day) })
        }
        section(R.string.today_introductions, page.introductions, more.introductions) { Entry(it.name, it.record.why) }
        section(R.string.today_asks, page.asks, more.asks) {
            val asked = it.record.askedOn?.let { day -> stringResource(R.string.today_asked_on, day.short(page.day)) }
            Entry(it.record.words, it.name, asked)
        }
        section(R.string.today_birthdays, page.birthdays, more.birthdays) { Entry(it.person.name, nearDay(it.on, page.day)) }
        section(R.string.today_coffee, listOfNotNull(page.coffee), 0UL) {
            Entry(it.person.name, it.person.organisation, it.reasons.joinToString(" · "))
        }
        item { Counts(page) }
    }
}

private val Today.isClear
    get() = listOf(iOwe, theyOwe, reminders, meetings, decisions, introductions, asks, birthdays, listOfNotNull(coffee))
        .all(List<*>::isEmpty) && toDebrief == 0UL && conflicts == 0UL

private fun <T> LazyListScope.section(
    @StringRes title: Int,
    rows: List<T>,
    more: ULong,
    row: @Composable (T) -> Unit,
) {
    if (rows.isEmpty()) return
    item {
        Text(
            stringResource(title),
            Modifier.padding(top = 24.dp, bottom = 4.dp).semantics { heading() },
            color = MaterialTheme.colorScheme.primary,
            style = MaterialTheme.typography.titleMedium,
        )
    }
    items(rows) {
        row(it)
        HorizontalDivider(color = MaterialTheme.colorScheme.outlineVariant)
    }
    if (more > 0UL) item { Counted(R.plurals.today_more, more) }
}

private fun LazyListScope.promises(
    title: Int,
    rows: List<NamedPromise>,
    more: ULong,
    today: Day,
    onKept: (Promise) -> Unit,
) =
    section(title, rows, more) { (promise, name) ->
        val due = promise.due
        Entry(promise.words, name, due?.let { dueDay(it, today) }, isLate = due != null && due.after(today) < 0) {
            val what = stringResource(R.string.today_kept_of, promise.words)
            OutlinedButton(
                onClick = { onKept(promise) },
                modifier = Modifier.heightIn(min = 48.dp).semantics { contentDescription = what },
            ) {
                Text(stringResource(R.string.today_kept))
            }
        }
    }

@Composable
private fun MeetingEntry(named: NamedMeeting, today: Day) {
    val meeting = named.record
    val at = meeting.at
    val isPast = at != null && at.day().after(today) < 0
    val words = if (at == null) null else listOfNotNull(
        nearDay(at.day(), today),
        at.hour(),
        meeting.place.ifBlank { null },
        if (isPast) stringResource(R.string.today_not_written_up) else null,
    ).joinToString(" · ")
    Entry(meeting.title.ifBlank { stringResource(R.string.today_meeting) }, named.name, words, isLate = isPast)
}

/** One thing of the day: what, with whom, when; and beside it what can be done. */
@Composable
private fun Entry(
    what: String,
    whom: String,
    whenever: String? = null,
    isLate: Boolean = false,
    action: @Composable () -> Unit = {},
) {
    val quiet = MaterialTheme.colorScheme.onSurfaceVariant
    Row(
        Modifier.fillMaxWidth().padding(vertical = 12.dp),
        horizontalArrangement = Arrangement.spacedBy(12.dp),
        verticalAlignment = Alignment.CenterVertically,
    ) {
        Column(Modifier.weight(1f).semantics(mergeDescendants = true) {}) {
            // The exact words matter, so nearly all of them are shown.
            Words(what, 12, MaterialTheme.colorScheme.onSurface, MaterialTheme.typography.bodyLarge)
            Words(whom, 2, quiet)
            Words(whenever.orEmpty(), 3, if (isLate) MaterialTheme.colorScheme.error else quiet)
        }
        action()
    }
}

@Composable
private fun Words(words: String, lines: Int, color: Color, style: TextStyle = MaterialTheme.typography.bodyMedium) {
    if (words.isBlank()) return
    Text(words, color = color, maxLines = lines, overflow = TextOverflow.Ellipsis, style = style)
}

/** What is only counted here. */
@Composable
private fun Counts(page: Today) {
    Column(Modifier.padding(top = 24.dp), verticalArrangement = Arrangement.spacedBy(8.dp)) {
        val counts = listOf(R.plurals.today_debriefs to page.toDebrief, R.plurals.today_conflicts to page.conflicts)
        for ((words, count) in counts) {
            if (count > 0UL) Counted(words, count)
        }
    }
}

@Composable
private fun Counted(@PluralsRes words: Int, count: ULong) {
    Text(
        pluralStringResource(words, count.toInt(), count.toInt()),
        Modifier.padding(vertical = 8.dp),
        color = MaterialTheme.colorScheme.onSurfaceVariant,
        style = MaterialTheme.typography.bodyMedium,
    )
}

@Composable
private fun Empty(@StringRes title: Int, @StringRes words: Int, onJot: () -> Unit) {
    Column(
        Modifier.fillMaxWidth().padding(top = 96.dp),
        verticalArrangement = Arrangement.spacedBy(12.dp),
        horizontalAlignment = Alignment.CenterHorizontally,
    ) {
        Text(stringResource(title), style = MaterialTheme.typography.titleLarge, textAlign = TextAlign.Center)
        Text(
            stringResource(words),
            color = MaterialTheme.colorScheme.onSurfaceVariant,
            style = MaterialTheme.typography.bodyLarge,
            textAlign = TextAlign.Center,
        )
        Button(onJot, Modifier.padding(top = 8.dp).heightIn(min = 48.dp)) { Text(stringResource(R.string.today_jot)) }
    }
}

/** For a moment, a promise that was kept can be open again. */
@Composable
private fun Kept(promise: Promise?, model: TodayModel, modifier: Modifier) {
    val snackbars = remember { SnackbarHostState() }
    val resources = LocalResources.current
    LaunchedEffect(promise) {
        if (promise == null) return@LaunchedEffect
        val words = resources.getString(R.string.today_kept_of, promise.words)
        val undo = resources.getString(R.string.undo)
        when (snackbars.showSnackbar(words, undo, duration = SnackbarDuration.Long)) {
            SnackbarResult.ActionPerformed -> model.undoKeep()
            SnackbarResult.Dismissed -> model.settle()
        }
    }
    SnackbarHost(snackbars, modifier)
}
