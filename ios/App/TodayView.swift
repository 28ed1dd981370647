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
    promises("today.iOwe", today.iOwe, more.iOwe)
    promises("today.theyOwe", today.theyOwe, more.theyOwe)
    rows("today.reminders", today.reminders.map { Row($0.name, told($0.record.words, $0.record.day)) }, more.reminders)
    rows("today.meetings", today.meetings.map { Row($0.name, $0.record.title) }, more.meetings)
    rows(
      "today.decisions", today.decisions.map { Row($0.name, told($0.record.words, $0.record.decideOn)) },
      more.decisions)
    if let coffee = today.coffee {
      rows("today.coffee", [Row(coffee.person.name, coffee.reasons.joined(separator: ", "))], 0)
    }
    rows("today.introductions", today.introductions.map { Row($0.name, $0.record.why) }, more.introductions)
    rows("today.asks", today.asks.map { Row($0.name, $0.record.words) }, more.asks)
    rows("today.birthdays", today.birthdays.map { Row($0.person.name, inWords($0.on)) }, more.birthdays)
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
    _ title: LocalizedStringKey, _ promises: [NamedPromise], _ more: UInt64
  ) -> some View {
    if !promises.isEmpty {
      Section(title) {
        ForEach(promises, id: \.record.id) { promise in
          RowView(row: Row(promise.name, told(promise.record.words, promise.record.due)))
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

/// Who, and what about them.
private struct Row {
  let name: String
  let words: String

  init(_ name: String, _ words: String) {
    self.name = name
    self.words = words
  }
}

private struct RowView: View {
  let row: Row

  var body: some View {
    VStack(alignment: .leading) {
      if !row.name.isEmpty { Text(verbatim: row.name).font(.headline) }
      Text(verbatim: row.words)
    }
  }
}
