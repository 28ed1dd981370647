// The list of people, read page by page as somebody scrolls.

import NotebookBindings
import Observation

/// The screen that lists people by name.
@MainActor @Observable public final class PeopleModel {
  /// The rows read so far, how many people there are, and where the next page begins.
  public private(set) var shown = Shown<People>.loading
  /// Whom the list shows.
  public private(set) var filter = PeopleFilter(tag: "", organisation: "", event: "", deleted: false)

  private let notebook: AsyncNotebook
  private let most: UInt32
  /// Counts the readings from the top: a page that belongs to an earlier one is dropped.
  @ObservationIgnored private var turn = 0
  @ObservationIgnored private var isReadingMore = false

  /// With so many rows a page.
  public init(_ notebook: AsyncNotebook, rowsAPage most: UInt32 = 50) {
    self.notebook = notebook
    self.most = most
  }

  /// Reads the list, and what was read of it again after each change, until the task is cancelled or the notebook is
  /// shut: for a view's `task`.
  public func follow() async {
    do {
      let changes = try await notebook.changes()
      await reload()
      // Where somebody was met is the name of an event.
      for await change in changes where change.concerns([.people, .meetings]) {
        await reload()
      }
      // The notebook was shut, which reading says.
      await reload()
    } catch  where !Task.isCancelled {
      shown = .failed(error)
    } catch {}
  }

  /// Shows those whom another filter lets through, from the top.
  public func show(_ filter: PeopleFilter) async {
    self.filter = filter
    shown = .loading
    await reload()
  }

  /// Reads the next page, when there is one: for the last row as it appears.
  public func more() async {
    guard let people = shown.page, let next = people.next, !isReadingMore else { return }
    isReadingMore = true
    defer { isReadingMore = false }
    let (begun, filter, most) = (turn, filter, most)
    do {
      let page = try await notebook.ask { try $0.people(filter: filter, from: next, most: most) }
      // Somebody who moved down meanwhile is already shown; the change itself is on its way.
      let known = Set(people.rows.map(\.id))
      let rows = people.rows + page.rows.filter { !known.contains($0.id) }
      if begun == turn { shown = .ready(People(rows: rows, total: page.total, next: page.next)) }
    } catch {
      if begun == turn, error.kind != .cancelled { shown = .failed(error) }
    }
  }

  /// Reads as many rows as are shown, at least a page.
  public func reload() async {
    turn += 1
    let (begun, filter, wanted) = (turn, filter, max(most, UInt32(shown.page?.rows.count ?? 0)))
    do {
      let people = try await notebook.ask { try $0.firstPeople(filter, wanted) }
      if begun == turn { shown = .ready(people) }
    } catch {
      if begun == turn, error.kind != .cancelled { shown = .failed(error) }
    }
  }
}

extension Notebook {
  /// So many rows from the top, in as many calls as that takes.
  fileprivate func firstPeople(_ filter: PeopleFilter, _ wanted: UInt32) throws -> People {
    var people = try people(filter: filter, from: 0, most: wanted)
    while let next = people.next, people.rows.count < wanted {
      let page = try self.people(filter: filter, from: next, most: wanted - UInt32(people.rows.count))
      people = People(rows: people.rows + page.rows, total: page.total, next: page.next)
    }
    return people
  }
}
