// Days and hours as a screen tells them: in the phone's language, and as they are seen from one day.

import Foundation
import NotebookBindings

/// Tells days as they are seen from one of them, the day of a page.
public struct Days: Sendable {
  /// What a day is called.
  public enum Near: Equatable, Sendable {
    case today
    case tomorrow
    case on(String)
  }

  /// How it stands with something that is due on a day.
  public enum Due: Equatable, Sendable {
    case late(days: UInt)
    case today
    case tomorrow
    case by(String)
  }

  private let today: Day
  private let zone: TimeZone
  private let locale: Locale

  public init(seenFrom today: Day, zone: TimeZone = .current, locale: Locale = .autoupdatingCurrent) {
    (self.today, self.zone, self.locale) = (today, zone, locale)
  }

  /// Seen from the day that it is on this phone.
  public init(at now: Date = Date(), zone: TimeZone = .current, locale: Locale = .autoupdatingCurrent) {
    self.init(seenFrom: localDay(of: now, in: zone), zone: zone, locale: locale)
  }

  /// `Tue 24 Nov`; with the year instead, when the day is more than half a year away.
  public func inWords(_ day: Day) -> String {
    guard let date = midnight(of: day) else { return day }
    let style = Date.FormatStyle(locale: locale, calendar: locale.calendar, timeZone: .gmt).day().month()
    let isFar = distance(to: day).map { abs($0) > 180 } ?? false
    return date.formatted(isFar ? style.year() : style.weekday())
  }

  /// What a day is called: today, tomorrow, or by its date.
  public func near(_ day: Day) -> Near {
    switch distance(to: day) {
    case 0: .today
    case 1: .tomorrow
    default: .on(inWords(day))
    }
  }

  /// How it stands with what is due on this day.
  public func due(_ day: Day) -> Due {
    switch (distance(to: day), near(day)) {
    case (let days?, _) where days < 0: .late(days: days.magnitude)
    case (_, .today): .today
    case (_, .tomorrow): .tomorrow
    case (_, .on(let date)): .by(date)
    }
  }

  /// The day of a moment where it takes place.
  public func day(of moment: Moment) -> Day {
    localDay(of: moment.at, in: zone(of: moment))
  }

  /// The hour of a moment where it takes place.
  public func hour(of moment: Moment) -> String {
    let zone = zone(of: moment)
    let style = Date.FormatStyle(locale: locale, calendar: locale.calendar, timeZone: zone)
    return moment.at.formatted(style.hour().minute())
  }

  /// Whether a meeting waits to be written up: it was planned, and its day is over.
  public func waits(_ meeting: Meeting) -> Bool {
    guard meeting.state == .planned, let at = meeting.at, let days = distance(to: day(of: at)) else { return false }
    return days < 0
  }

  /// The phone may not know a zone that another device knew.
  private func zone(of moment: Moment) -> TimeZone {
    TimeZone(identifier: moment.zone) ?? zone
  }

  /// How many days this one lies ahead; fewer than none when it is over.
  private func distance(to day: Day) -> Int? {
    guard let from = midnight(of: today), let to = midnight(of: day) else { return nil }
    return gregorian(in: .gmt).dateComponents([.day], from: from, to: to).day
  }
}

/// The notebook's own calendar, whatever the phone's is.
private func gregorian(in zone: TimeZone) -> Calendar {
  var calendar = Calendar(identifier: .gregorian)
  calendar.timeZone = zone
  return calendar
}

/// A day of the notebook, `2026-11-22`, as an instant: in a zone that leaves no hour out.
private func midnight(of day: Day) -> Date? {
  let parts = day.split(separator: "-").compactMap { Int($0) }
  guard parts.count == 3 else { return nil }
  return gregorian(in: .gmt).date(from: DateComponents(year: parts[0], month: parts[1], day: parts[2]))
}

private func localDay(of date: Date, in zone: TimeZone) -> Day {
  let parts = gregorian(in: zone).dateComponents([.year, .month, .day], from: date)
  return String(format: "%04d-%02d-%02d", parts.year ?? 0, parts.month ?? 0, parts.day ?? 0)
}
