// The page one opens in the morning.

import NotebookBindings
import Observation

/// The screen of today: what I owe first.
@MainActor @Observable public final class TodayModel {
  /// The page, as it is now.
  public let page: PageModel<TodayPage>
  /// The promise that was closed last on this screen, as it was before, while that can be taken back.
  public private(set) var closed: Promise?
  /// Why the last decision was not saved; the page is as it was.
  public private(set) var failure: NotebookError?

  /// How many rows a part of the page shows.
  public nonisolated static let most: UInt32 = 20

  private let notebook: AsyncNotebook
  /// What is being written at this moment: the second tap of two finds it here.
  @ObservationIgnored private var closing: Set<PromiseId> = []

  public init(_ notebook: AsyncNotebook) {
    self.notebook = notebook
    page = PageModel(notebook) { try $0.todayPageOf(most: TodayModel.most) }
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
    try await ask { try $0.closeShown(shown: shown, state: state) }
  }

  /// Makes a promise again what it was before it was closed on this device, and nothing else.
  func reopen(_ before: Promise) async throws(NotebookError) {
    try await ask { try $0.reopenPromise(before: before) }
  }
}

extension Today {
  /// Whether the day asks for nothing at all.
  public var isClear: Bool {
    iOwe.isEmpty && theyOwe.isEmpty && reminders.isEmpty && meetings.isEmpty && decisions.isEmpty
      && introductions.isEmpty && asks.isEmpty && birthdays.isEmpty && coffee == nil && toDebrief == 0 && conflicts == 0
  }
}
