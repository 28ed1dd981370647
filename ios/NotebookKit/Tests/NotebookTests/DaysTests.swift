// Days and hours as a screen tells them.

import Foundation
import Notebook
import Testing

private let british = Locale(identifier: "en_GB")

@Suite struct DaysTests {
  private let days = Days(seenFrom: "2026-11-22", zone: paris, locale: british)

  @Test func aDayIsToldWithItsYearWhenThatIsNotPlain() {
    let soon = days.inWords("2026-11-24")
    #expect(["Tue", "24", "Nov"].allSatisfy(soon.contains) && !soon.contains("20"))
    let longAgo = days.inWords("2024-11-24")
    #expect(["24", "Nov", "2024"].allSatisfy(longAgo.contains) && !longAgo.contains("Sun"))
    for (near, far) in [("2027-05-21", "2027-05-22"), ("2026-05-26", "2026-05-25")] {
      #expect(!days.inWords(near).contains(near.prefix(4)) && days.inWords(far).contains(far.prefix(4)))
    }
    #expect(days.inWords("someday") == "someday")
  }

  @Test func aDayIsToldInTheLanguageOfThePhone() {
    let french = Days(seenFrom: "2026-11-22", zone: paris, locale: Locale(identifier: "fr_FR"))
    #expect(french.inWords("2026-11-24").contains("mar") && french.inWords("2026-11-24").contains("nov"))
  }

  @Test func aNearDayIsCalledByItsName() {
    #expect(days.near("2026-11-22") == .today)
    #expect(days.near("2026-11-23") == .tomorrow)
    #expect(days.near("2026-11-24") == .on(days.inWords("2026-11-24")))
    #expect(days.near("2026-11-21") == .on(days.inWords("2026-11-21")))
  }

  @Test func whatIsDueIsLateOnlyOnceItsDayIsOver() {
    #expect(days.due("2026-11-19") == .late(days: 3))
    #expect(days.due("2024-11-24") == .late(days: 728), "of another November")
    #expect(days.due("2026-11-22") == .today)
    #expect(days.due("2026-11-23") == .tomorrow)
    #expect(days.due("2026-11-24") == .by(days.inWords("2026-11-24")))
  }

  @Test func aMeetingHasTheHourAndTheDayOfWhereItTakesPlace() throws {
    let at = try Date("2026-11-24T22:30:00Z", strategy: .iso8601)
    let tokyo = Moment(at: at, zone: "Asia/Tokyo")
    #expect(days.day(of: tokyo) == "2026-11-25" && days.hour(of: tokyo) == "07:30")
    let unknown = Moment(at: at, zone: "Mars/Olympus_Mons")
    #expect(days.day(of: unknown) == "2026-11-24" && days.hour(of: unknown) == "23:30", "as on this phone")
    let american = Days(seenFrom: "2026-11-22", zone: paris, locale: Locale(identifier: "en_US"))
    #expect(american.hour(of: unknown).hasPrefix("11:30"))
  }

  @Test func aPlannedMeetingWaitsToBeWrittenUpOnceItsDayIsOver() throws {
    guard case .meeting(var meeting) = try blank(kind: .meeting) else {
      Issue.record("a blank meeting is a meeting")
      return
    }
    meeting.state = .planned
    #expect(!days.waits(meeting), "it has no day")
    // Half past eleven in the evening in Paris; in Tokyo it is the next day already.
    let evening = try Date("2026-11-21T22:30:00Z", strategy: .iso8601)
    meeting.at = Moment(at: evening, zone: "Asia/Tokyo")
    #expect(!days.waits(meeting))
    meeting.at = Moment(at: evening, zone: "Europe/Paris")
    #expect(days.waits(meeting))
    meeting.state = .held
    #expect(!days.waits(meeting))
  }

  @Test func withoutAPageTodayIsThePhonesDay() throws {
    let evening = try Date("2026-11-21T22:30:00Z", strategy: .iso8601)
    #expect(Days(at: evening, zone: paris, locale: british).near("2026-11-21") == .today)
    let tokyo = try #require(TimeZone(identifier: "Asia/Tokyo"))
    #expect(Days(at: evening, zone: tokyo, locale: british).near("2026-11-22") == .today)
  }
}
