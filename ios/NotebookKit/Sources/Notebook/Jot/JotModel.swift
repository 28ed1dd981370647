// One line, one thumb: what it says is shown while it is typed, and it is saved before the thumb has left the screen.

import Foundation
import NotebookBindings
import Observation

/// The screen on which a line is jotted.
@MainActor @Observable public final class JotModel {
  /// What is typed.
  public var line = "" {
    didSet { if line != oldValue { lineChanged() } }
  }
  /// The line in pieces, as it is understood; none until the reading has caught up with the typing.
  public private(set) var parsed: Parsed?
  /// What will be saved, with what a person changed in it.
  public private(set) var draft: Draft?
  public private(set) var isSaving = false
  /// What the line that was saved last became, until the next is typed: who, and who may be the same.
  public private(set) var jotted: Jotted?
  /// Why the line is not saved, or not understood. The line is still there.
  public private(set) var failure: NotebookError?

  private let notebook: AsyncNotebook
  private let kept: URL?
  @ObservationIgnored private var reading: Task<Void, Never>?

  /// With a file in which a line that was not saved yet outlives the process; what is in it is typed already.
  public init(_ notebook: AsyncNotebook, keepingLineIn kept: URL? = nil) {
    self.notebook = notebook
    self.kept = kept
    guard let kept, let words = try? Data(contentsOf: kept) else { return }
    line = String(decoding: words, as: UTF8.self)
  }

  /// Writes down what is typed and not saved, for the next time: when the app is left. What cannot be written is still on
  /// the screen.
  public func keepLine() {
    guard let kept else { return }
    if line.isEmpty {
      try? FileManager.default.removeItem(at: kept)
    } else {
      try? Data(line.utf8).write(to: kept, options: .atomic)
    }
  }

  /// Whether there is something to save.
  public var canSave: Bool {
    !isSaving && !line.allSatisfy(\.isWhitespace)
  }

  /// Changes a piece of what will be saved. What is typed afterwards is read anew, and the change is gone.
  public func edit(_ change: (inout Draft) -> Void) {
    guard var changed = draft else { return }
    change(&changed)
    draft = changed
  }

  /// Saves the line, or the draft made of it. A line that was typed on meanwhile stays.
  public func save() async {
    guard canSave else { return }
    let saved = line
    let draft = draft
    isSaving = true
    failure = nil
    do {
      let jotted = try await notebook.ask { notebook in
        if let draft { try notebook.jot(draft: draft) } else { try notebook.jotLine(line: saved) }
      }
      if line == saved { line = "" }
      keepLine()
      self.jotted = jotted
    } catch {
      failure = error
    }
    isSaving = false
  }

  /// Says that the person just jotted is this one, who was offered.
  public func isSame(as person: PersonRow) async {
    await decide(about: person) { try $0.same(a: $1, b: person.id) }
  }

  /// Says that the person just jotted is not this one.
  public func isNotSame(as person: PersonRow) async {
    await decide(about: person) { try $0.notSame(a: $1, b: person.id) }
  }

  /// The offer goes once the decision is saved.
  private func decide(
    about person: PersonRow, _ decision: @escaping @Sendable (Notebook, ContactId) throws -> Void
  ) async {
    guard let new = jotted?.contact else { return }
    failure = nil
    do {
      try await notebook.ask { try decision($0, new) }
      if jotted?.contact == new { jotted?.sameAs.removeAll { $0.person.id == person.id } }
    } catch {
      failure = error
    }
  }

  private func lineChanged() {
    reading?.cancel()
    (parsed, draft, failure) = (nil, nil, nil)
    guard !line.isEmpty else { return }
    jotted = nil
    reading = Task { [line] in await read(line) }
  }

  private func read(_ line: String) async {
    do {
      let parsed = try await notebook.ask { try $0.parseJot(line: line) }
      if line == self.line { (self.parsed, draft) = (parsed, parsed.draft) }
    } catch {
      if line == self.line, error.kind != .cancelled { failure = error }
    }
  }
}
