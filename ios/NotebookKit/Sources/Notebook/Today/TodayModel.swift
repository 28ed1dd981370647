// The page one opens in the morning.

import NotebookBindings
import Observation

/// The screen of today: what I owe first.
@MainActor @Observable public final class TodayModel {
  /// The page, as it is now.
  public let page: PageModel<Today>

  private let notebook: AsyncNotebook

  public init(_ notebook: AsyncNotebook) {
    self.notebook = notebook
    page = PageModel(notebook) { try $0.todayPage() }
  }
}
