// One line, one thumb. The parse is shown as it is typed, and every piece can be changed before it is saved.

import Foundation
import Notebook
import SwiftUI

struct JotView: View {
  @Bindable var model: JotModel

  var body: some View {
    Form {
      Section {
        TextField("jot.line", text: $model.line, axis: .vertical)
        if let parsed = model.parsed { shown(parsed.spans).font(.footnote) }
        Button("jot.save") { Task { await model.save() } }.disabled(!model.canSave)
        if let failure = model.failure { FailureView(error: failure) }
      }
      if let jotted = model.jotted { saved(jotted) }
      if let draft = model.draft { understood(draft) }
    }
    .navigationTitle("jot.title")
  }

  /// The line again, what is understood apart from what stays the note.
  private func shown(_ spans: [Span]) -> Text {
    spans.reduce(Text(verbatim: "")) { line, span in
      let isNote = span.kind == .note || span.kind == .separator
      return line + Text(verbatim: span.text).foregroundStyle(isNote ? Color.secondary : Color.accentColor)
    }
  }

  /// What the last line became, and who may be the same.
  private func saved(_ jotted: Jotted) -> some View {
    Section("jot.saved") {
      if jotted.name.isEmpty { Text("jot.nameless") } else { Text(verbatim: jotted.name).font(.headline) }
      ForEach(jotted.sameAs, id: \.person.id) { offered in
        VStack(alignment: .leading) {
          Text("jot.same \(offered.person.name) \(offered.person.organisation)")
          Text(verbatim: offered.why).font(.footnote)
          Button("jot.isSame") { Task { await model.isSame(as: offered.person) } }
          Button("jot.isNotSame") { Task { await model.isNotSame(as: offered.person) } }
        }
      }
    }
  }

  /// What will be saved. A piece is changed in its field, or taken out.
  private func understood(_ draft: Draft) -> some View {
    Section("jot.understood") {
      TextField("jot.name", text: piece(draft.name ?? "") { $0.name = $1.isEmpty ? nil : $1 })
      TextField("jot.organisation", text: piece(draft.organisation) { $0.organisation = $1 })
      TextField("jot.role", text: piece(draft.role) { $0.role = $1 })
      promises(draft)
      pieces("jot.need", draft.needs.map { told($0.words, $0.decideOn) }) { $0.needs.remove(atOffsets: $1) }
      pieces("jot.offer", draft.offers) { $0.offers.remove(atOffsets: $1) }
      pieces("jot.person", draft.people) { $0.people.remove(atOffsets: $1) }
      pieces("jot.topic", draft.topics) { $0.topics.remove(atOffsets: $1) }
      pieces("jot.channel", draft.channels.map(\.value)) { $0.channels.remove(atOffsets: $1) }
      Toggle("jot.spark", isOn: piece(draft.spark) { $0.spark = $1 })
      TextField("jot.note", text: piece(draft.note) { $0.note = $1 }, axis: .vertical)
      ForEach(draft.unreadDays, id: \.self) { day in Text("jot.unreadDay \(day)") }
    }
  }

  private func promises(_ draft: Draft) -> some View {
    ForEach(Array(draft.promises.enumerated()), id: \.offset) { place, promise in
      VStack(alignment: .leading) {
        Text(promise.whose == .theirs ? "jot.promiseTheirs" : "jot.promiseMine").font(.footnote)
        TextField("jot.promise", text: piece(promise.words) { $0.promises[place].words = $1 })
        if let day = promise.due { Text(verbatim: Days().inWords(day)).font(.footnote) }
      }
    }
    .onDelete { places in model.edit { $0.promises.remove(atOffsets: places) } }
  }

  /// Pieces of one kind, each of which can be taken out.
  private func pieces(
    _ kind: LocalizedStringKey, _ words: [String], takeOut: @escaping (inout Draft, IndexSet) -> Void
  ) -> some View {
    ForEach(Array(words.enumerated()), id: \.offset) { _, words in
      LabeledContent(kind) { Text(verbatim: words) }
    }
    .onDelete { places in model.edit { takeOut(&$0, places) } }
  }

  /// A piece of the draft, changed as it is typed.
  private func piece<Value>(_ now: Value, change: @escaping (inout Draft, Value) -> Void) -> Binding<Value> {
    Binding(get: { now }, set: { value in model.edit { change(&$0, value) } })
  }
}
