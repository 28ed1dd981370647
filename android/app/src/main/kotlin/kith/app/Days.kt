// Days and hours as a screen says them. The interface is English, and so are they.
package kith.app

import androidx.compose.runtime.Composable
import androidx.compose.ui.res.pluralStringResource
import androidx.compose.ui.res.stringResource
import kith.model.Day
import kith.model.Moment
import java.time.DateTimeException
import java.time.LocalDate
import java.time.ZoneId
import java.time.format.DateTimeFormatter
import java.time.temporal.ChronoUnit
import java.util.Locale

private val SHORT = DateTimeFormatter.ofPattern("EEE d MMM", Locale.ENGLISH)
private val LONG = DateTimeFormatter.ofPattern("EEEE d MMMM", Locale.ENGLISH)
private val WITH_YEAR = DateTimeFormatter.ofPattern("d MMM yyyy", Locale.ENGLISH)
private val HOUR = DateTimeFormatter.ofPattern("HH:mm", Locale.ENGLISH)

/** `Tue 24 Nov`; with the year when it is more than half a year away from that day. */
fun Day.short(today: Day? = null): String {
    val day = LocalDate.parse(this)
    val far = today != null && ChronoUnit.DAYS.between(LocalDate.parse(today), day).let { it !in -180..180 }
    return day.format(if (far) WITH_YEAR else SHORT)
}

/** `Tuesday 24 November`. */
fun Day.long(): String = LocalDate.parse(this).format(LONG)

/** How many days this one lies after another; fewer than none when it lies before. */
fun Day.after(other: Day): Int = ChronoUnit.DAYS.between(LocalDate.parse(other), LocalDate.parse(this)).toInt()

/** `today`, `tomorrow`, or the day. */
@Composable
fun nearDay(day: Day, today: Day): String = when (day.after(today)) {
    0 -> stringResource(R.string.day_today)
    1 -> stringResource(R.string.day_tomorrow)
    else -> day.short(today)
}

/** How a promise stands: `3 days late`, `today`, `by Tue 24 Nov`. */
@Composable
fun dueDay(due: Day, today: Day): String {
    val days = due.after(today)
    return when {
        days < 0 -> pluralStringResource(R.plurals.day_late, -days, -days)
        days == 0 -> stringResource(R.string.day_today)
        else -> stringResource(R.string.day_by, nearDay(due, today))
    }
}

/** The hour of a moment where it takes place. */
fun Moment.hour(): String = at.atZone(zoneOf(zone)).format(HOUR)

/** The day of a moment where it takes place. */
fun Moment.day(): Day = at.atZone(zoneOf(zone)).toLocalDate().toString()

/** The phone's own zone where it does not know the name: another device may have newer ones than an old phone. */
private fun zoneOf(name: String): ZoneId = try {
    ZoneId.of(name)
} catch (_: DateTimeException) {
    ZoneId.systemDefault()
}
