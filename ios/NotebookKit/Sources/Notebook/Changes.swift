// Hearing of changes as a stream, and showing a page that is read again whenever it may have changed.

import NotebookBindings
import Observation

/// What changed: these areas, and these records in them, or, when nothing is said, anything. A record is named when it was
/// written itself: what is promised to somebody is a record of its own, and so is the company they work for.
public struct Change: Equatable, Sendable {
  public let areas: Set<Area>
  public let ids: Set<RecordId>

  public init(areas: Set<Area>, ids: Set<RecordId>) {
    (self.areas, self.ids) = (areas, ids)
  }

  /// Anything may have changed.
  public static let anything = Change(areas: [], ids: [])

  /// Whether a page made of these areas has to be read again.
  public func concerns(_ shown: Set<Area>) -> Bool {
    areas.isEmpty || !areas.isDisjoint(with: shown)
  }

  /// Whether this record may be shown otherwise now: it may have changed itself, or, when people changed, another record of
  /// the same person. A person who is several records is shown as one.
  public func concerns(_ record: RecordId) -> Bool {
    ids.isEmpty || ids.contains(record) || areas.contains(.people)
  }
}

extension AsyncNotebook {
  /// Every change from now on, typed here or received, until the reading task ends or is cancelled; the stream ends when
  /// the notebook is shut. Who is busy while several come hears of them once, as `anything`: so nothing is missed, and
  /// nothing piles up.
  public func changes() async throws(NotebookError) -> AsyncStream<Change> {
    let (stream, changes) = AsyncStream.makeStream(of: Change.self, bufferingPolicy: .bufferingNewest(1))
    let observation = try await ask { try $0.observe(listener: Ear(changes)) }
    // To stop twice, or after the notebook was shut, is fine; there is nobody to tell of a failure.
    changes.onTermination = { _ in try? observation.stop() }
    return stream
  }
}

/// Passes on what the library tells, from whatever thread. It goes when the library lets go of it: then the notebook was
/// shut or the reader is gone, and nothing will come any more.
private final class Ear: ChangeListener {
  private let changes: AsyncStream<Change>.Continuation

  init(_ changes: AsyncStream<Change>.Continuation) {
    self.changes = changes
  }

  deinit {
    changes.finish()
  }

  func changed(areas: [Area], ids: [RecordId], origin: Origin) {
    if case .dropped = changes.yield(Change(areas: Set(areas), ids: Set(ids))) {
      changes.yield(.anything)
    }
  }
}

/// A page as a screen shows it.
public enum Shown<Page: Sendable>: Sendable {
  case loading
  case ready(Page)
  case failed(NotebookError)

  /// The page, when it is there.
  public var page: Page? {
    if case .ready(let page) = self { page } else { nil }
  }
}

/// A page that stays true while somebody looks at it.
@MainActor @Observable public final class PageModel<Page: Sendable> {
  public private(set) var shown = Shown<Page>.loading

  private let notebook: AsyncNotebook
  private let isConcerned: @Sendable (Change) -> Bool
  @ObservationIgnored private let read: @Sendable (Notebook) throws -> Page
  @ObservationIgnored private var begun = 0
  @ObservationIgnored private var newest = 0

  /// A page made of these areas; without any, of everything. A page of a person also shows what others are called, and
  /// what is promised to them: name no area for it.
  public convenience init(
    _ notebook: AsyncNotebook, of areas: Set<Area> = [], read: @escaping @Sendable (Notebook) throws -> Page
  ) {
    self.init(notebook, when: { areas.isEmpty || $0.concerns(areas) }, read: read)
  }

  private init(
    _ notebook: AsyncNotebook, when isConcerned: @escaping @Sendable (Change) -> Bool,
    read: @escaping @Sendable (Notebook) throws -> Page
  ) {
    self.notebook = notebook
    self.isConcerned = isConcerned
    self.read = read
  }

  /// Reads the page, and again after each change, until the task is cancelled or the notebook is shut: for a view's
  /// `task`.
  public func follow() async {
    do {
      // Listening begins before reading, so that no change falls in between.
      let changes = try await notebook.changes()
      await reload()
      for await change in changes where isConcerned(change) {
        await reload()
      }
      // The notebook was shut, which reading says.
      await reload()
    } catch  where !Task.isCancelled {
      shown = .failed(error)
    } catch {}
  }

  /// Reads the page now. A slow answer never replaces that of a question asked later.
  public func reload() async {
    begun += 1
    let turn = begun
    let answer: Shown<Page>
    do {
      answer = .ready(try await notebook.ask(read))
    } catch {
      if error.kind == .cancelled { return }
      answer = .failed(error)
    }
    if turn > newest {
      newest = turn
      shown = answer
    }
  }
}

extension PageModel where Page == AnyRecord? {
  /// One record as it is shown, a person who is several records as one; read again when any of them may have been written
  /// here or come from another device. Nil when it is not here; a deleted one says so itself.
  ///
  /// A form begins with `draft(id:)`, whose `record()` is what it edits: this says when that is stale.
  public convenience init(_ notebook: AsyncNotebook, record id: RecordId) {
    self.init(notebook, when: { $0.concerns(id) }, read: { try $0.record(id: id) })
  }
}
