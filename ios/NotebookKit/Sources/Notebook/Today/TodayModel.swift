// The page one opens in the morning.

import NotebookBindings
import Observation

/// The screen of today: what I owe first.
@MainActor @Observable public final class TodayModel {
  /// The page, as it is now.
  public let page: PageModel<Today>
  /// Why the last decision was not saved; the page is as it was.
  public private(set) var failure: NotebookError?

  private let notebook: AsyncNotebook

  public init(_ notebook: AsyncNotebook) {
    self.notebook = notebook
    page = PageModel(notebook) { try $0.todayPage() }
  }

  /// Keeps, releases or breaks a promise, today. The page is read again by whoever follows it.
  public func close(_ promise: Promise, as state: PromiseState) async {
    failure = nil
    do {
      try await notebook.ask { try $0.closePromise(id: promise.id, state: state, on: $0.today()) }
    } catch {
      failure = error
    }
  }

  /// Takes back what was done last on this device.
  public func undo() async {
    failure = nil
    do {
      _ = try await notebook.ask { try $0.undo() }
    } catch {
      failure = error
    }
  }
}
