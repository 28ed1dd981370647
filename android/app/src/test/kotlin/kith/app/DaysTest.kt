package kith.app

import kith.model.Moment
import org.junit.Assert.assertEquals
import org.junit.Test
import java.time.Instant
import java.util.TimeZone

class DaysTest {
    @Test
    fun a_moment_is_told_where_it_takes_place_and_here_when_the_phone_does_not_know_that_zone() {
        val at = Instant.parse("2026-11-24T23:30:00Z")
        val here = TimeZone.getDefault()
        try {
            TimeZone.setDefault(TimeZone.getTimeZone("Asia/Tokyo"))
            assertEquals("2026-11-24" to "18:30", Moment(at, "America/New_York").let { it.day() to it.hour() })
            for (zone in listOf("Mars/Olympus_Mons", "no zone", "")) {
                assertEquals("2026-11-25" to "08:30", Moment(at, zone).let { it.day() to it.hour() })
            }
        } finally {
            TimeZone.setDefault(here)
        }
    }
}
