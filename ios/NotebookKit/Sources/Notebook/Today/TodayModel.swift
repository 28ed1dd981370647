// The page one opens in the morning.

import NotebookBindings
import Observation

/// The screen of today: what I owe first.
@MainActor @Observable public final class TodayModel {
  /// The page, as it is now.
  public let page: PageModel<Today>
  /// The promise that was closed last on this screen, as it was before, while that can be taken back.
  public private(set) var closed: Promise?
  /// Why the last decision was not saved; the page is as it was.
  public private(set) var failure: NotebookError?

  private let notebook: AsyncNotebook
  /// What is being written at this moment: the second tap of two finds it here.
  @ObservationIgnored private var closing: Set<PromiseId> = []

  public init(_ notebook: AsyncNotebook) {
    self.notebook = notebook
    page = PageModel(notebook) { try $0.todayPage() }
  }

  /// Keeps, releases or breaks a promise, today. One that was closed meanwhile stays as it is. The page is read again by
  /// whoever follows it.
  public func close(_ promise: Promise, as state: PromiseState) async {
    guard closing.insert(promise.id).inserted else { return }
    defer { closing.remove(promise.id) }
    failure = nil
    do {
      if try await notebook.close(promise, as: state) { closed = promise }
    } catch {
      failure = error
    }
  }

  /// The promise that was closed last was not closed after all. Whatever else was done meanwhile stays.
  public func reopen() async {
    guard let promise = closed else { return }
    failure = nil
    do {
      try await notebook.reopen(promise)
      closed = nil
    } catch {
      failure = error
    }
  }

  /// The offer to take something back is over.
  public func settle() {
    closed = nil
  }
}

extension AsyncNotebook {
  /// Keeps, releases or breaks a promise today, if it still is as a screen showed it; says whether.
  func close(_ shown: Promise, as state: PromiseState) async throws(NotebookError) -> Bool {
    try await ask { notebook in
      guard case .promise(let now)? = try notebook.record(id: shown.id), now.state == shown.state else { return false }
      try notebook.closePromise(id: shown.id, state: state, on: notebook.today())
      return true
    }
  }

  /// Makes a promise again what it was before it was closed on this device, and nothing else: undo takes back only the
  /// step that was the last, whatever it is.
  func reopen(_ before: Promise) async throws(NotebookError) {
    try await ask { notebook in
      let steps = try notebook.undoSteps()
      let last = steps.lastIndex { step in
        if case .closed(let promise, _, _, _) = step { promise == before.id } else { false }
      }
      if let last, last == steps.indices.last {
        _ = try notebook.undo()
        return
      }
      let draft = try notebook.draft(id: before.id)
      guard case .promise(var promise) = try draft.record() else { return }
      (promise.state, promise.closedOn) = (before.state, before.closedOn)
      try notebook.save(draft: draft, after: .promise(promise))
      if let last, case .closed(_, _, _, let gave?) = steps[last] { try notebook.delete(id: gave) }
    }
  }
}
