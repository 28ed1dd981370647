// The page one opens in the morning: what I owe first. Not a list of contacts.

import Notebook
import SwiftUI

struct TodayView: View {
  let model: TodayModel

  var body: some View {
    List {
      if let failure = model.failure { FailureView(error: failure) }
      if let closed = model.closed { reopening(closed) }
      switch model.page.shown {
      case .loading: ProgressView()
      case .failed(let error): FailureView(error: error) { await model.page.reload() }
      case .ready(let today): page(today.page, today.more)
      }
    }
    .task { await model.page.follow() }
    .refreshable { await model.page.reload() }
    .navigationTitle("today.title")
  }

  @ViewBuilder private func page(_ today: Today, _ more: More) -> some View {
    if today.isClear {
      if today.people == 0 { Text("today.empty") } else { Text("today.nothing") }
    }
    if today.toDebrief > 0 { Text("today.debrief \(Int(today.toDebrief))") }
    if today.conflicts > 0 { Text("today.conflicts \(Int(today.conflicts))") }
    let days = Days(seenFrom: today.day)
    promises("today.iOwe", today.iOwe, more.iOwe, days)
    promises("today.theyOwe", today.theyOwe, more.theyOwe, days)
    rows(
      "today.reminders", today.reminders.map { Row($0.name, $0.record.words, when: days.near($0.record.day).text) },
      more.reminders)
    rows("today.meetings", today.meetings.map { Row($0, days) }, more.meetings)
    rows(
      "today.decisions",
      today.decisions.map { Row($0.name, $0.record.words, when: $0.record.decideOn.map { days.near($0).text }) },
      more.decisions)
    if let coffee = today.coffee {
      rows("today.coffee", [Row(coffee.person.name, coffee.reasons.joined(separator: ", "))], 0)
    }
    rows("today.introductions", today.introductions.map { Row($0.name, $0.record.why) }, more.introductions)
    rows(
      "today.asks",
      today.asks.map { ask in
        Row(ask.name, ask.record.words, when: ask.record.askedOn.map { Text("day.asked \(days.inWords($0))") })
      }, more.asks)
    rows("today.birthdays", today.birthdays.map { Row($0.person.name, when: days.near($0.on).text) }, more.birthdays)
  }

  /// The promise that was closed a moment ago, and the way back.
  private func reopening(_ promise: Promise) -> some View {
    Section("today.closed") {
      Text(verbatim: promise.words)
      Button("today.reopen") { Task { await model.reopen() } }
    }
  }

  /// Promises, each of which can be closed here.
  @ViewBuilder private func promises(
    _ title: LocalizedStringKey, _ promises: [NamedPromise], _ more: UInt64, _ days: Days
  ) -> some View {
    if !promises.isEmpty {
      Section(title) {
        ForEach(promises, id: \.record.id) { promise in
          RowView(row: Row(promise, days))
            .swipeActions {
              Button("today.kept") { Task { await model.close(promise.record, as: .kept) } }
              Button("today.released") { Task { await model.close(promise.record, as: .released) } }
            }
        }
        andMore(more)
      }
    }
  }

  @ViewBuilder private func rows(_ title: LocalizedStringKey, _ rows: [Row], _ more: UInt64) -> some View {
    if !rows.isEmpty {
      Section(title) {
        ForEach(Array(rows.enumerated()), id: \.offset) { _, row in RowView(row: row) }
        andMore(more)
      }
    }
  }

  /// How many there are that the page does not show.
  @ViewBuilder private func andMore(_ more: UInt64) -> some View {
    if more > 0 { Text("today.more \(Int(more))") }
  }
}

/// Who, what about them, and when.
@MainActor private struct Row {
  let name: String
  let words: Text?
  var when: Text?
  /// What should be done by now.
  var late: Text?

  init(_ name: String, _ words: String = "", when: Text? = nil) {
    self.name = name
    self.words = words.isEmpty ? nil : Text(verbatim: words)
    self.when = when
  }

  /// A promise, and how it stands with it.
  init(_ promise: NamedPromise, _ days: Days) {
    self.init(promise.name, promise.record.words)
    guard let due = promise.record.due.map(days.due) else { return }
    if case .late = due { late = due.text } else { when = due.text }
  }

  /// A meeting: its day, hour and place, and whether it waits to be written up.
  init(_ meeting: NamedMeeting, _ days: Days) {
    let (at, place) = (meeting.record.at, meeting.record.place)
    name = meeting.name
    words = meeting.record.title.isEmpty ? Text("today.meeting") : Text(verbatim: meeting.record.title)
    if let at {
      let rest = [days.hour(of: at), place].filter { !$0.isEmpty }
      when = rest.reduce(days.near(days.day(of: at)).text) { $0 + Text(verbatim: " · " + $1) }
    }
    if days.waits(meeting.record) { late = Text("today.notWrittenUp") }
  }
}

private struct RowView: View {
  let row: Row

  var body: some View {
    VStack(alignment: .leading) {
      if !row.name.isEmpty { Text(verbatim: row.name).font(.headline) }
      if let words = row.words { words }
      if let when = row.when { when.font(.footnote).foregroundStyle(Color.secondary) }
      if let late = row.late { late.font(.footnote).foregroundStyle(Color.red) }
    }
  }
}
