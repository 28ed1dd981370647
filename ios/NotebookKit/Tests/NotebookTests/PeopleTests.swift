// The list of people, and two records that are one person.

import Notebook
import Testing

@Suite(.timeLimit(.minutes(1))) struct PeopleTests {
  @Test @MainActor func theListIsReadPageByPage() async throws {
    let folder = try TestFolder()
    let notebook = try await folder.notebook()
    try await notebook.ask { notebook in
      for number in 10..<35 { _ = try notebook.jotLine(line: "Person\(number) Listed") }
    }
    let model = PeopleModel(notebook, rowsAPage: 10)
    await model.reload()
    #expect(model.shown.page?.rows.count == 10 && model.shown.page?.total == 25)
    await model.more()
    await model.more()
    await model.more()
    let rows = try #require(model.shown.page?.rows)
    #expect(rows.map(\.name) == (10..<35).map { "Person\($0) Listed" })
    #expect(model.shown.page?.next == nil)
  }

  @Test @MainActor func aChangeKeepsWhatWasScrolledTo() async throws {
    let folder = try TestFolder()
    let notebook = try await folder.notebook()
    try await notebook.ask { notebook in
      for number in 10..<35 { _ = try notebook.jotLine(line: "Person\(number) Listed") }
    }
    let model = PeopleModel(notebook, rowsAPage: 10)
    let following = Task { await model.follow() }
    try await until { model.shown.page != nil }
    await model.more()
    _ = try await notebook.ask { try $0.jotLine(line: "Aaron First #lyon") }
    try await until { model.shown.page?.total == 26 }
    #expect(model.shown.page?.rows.count == 20 && model.shown.page?.rows.first?.name == "Aaron First")
    var lyon = model.filter
    lyon.tag = "LYON"
    await model.show(lyon)
    #expect(model.shown.page?.rows.map(\.name) == ["Aaron First"])
    following.cancel()
    await following.value
  }

  @Test @MainActor func twoRecordsOfOnePersonBecomeOneWhenSomebodySaysSo() async throws {
    let folder = try TestFolder()
    let notebook = try await folder.notebook()
    _ = try await notebook.ask { try $0.jotLine(line: "Dana Ruiz, Acme") }
    let model = JotModel(notebook)
    model.line = "Dana"
    await model.save()
    let offered = try #require(model.jotted?.sameAs.first)
    #expect(offered.person.name == "Dana Ruiz")
    await model.isSame(as: offered.person)
    #expect(model.jotted?.sameAs.isEmpty == true && model.failure == nil)
    #expect(try await notebook.ask { try $0.todayPage() }.people == 1)
  }

  @Test @MainActor func twoPeopleOfOneNameStayTwo() async throws {
    let folder = try TestFolder()
    let notebook = try await folder.notebook()
    _ = try await notebook.ask { try $0.jotLine(line: "Dana Ruiz, Acme") }
    let model = JotModel(notebook)
    model.line = "Dana"
    await model.save()
    let offered = try #require(model.jotted?.sameAs.first)
    await model.isNotSame(as: offered.person)
    #expect(model.jotted?.sameAs.isEmpty == true)
    #expect(try await notebook.ask { try $0.todayPage() }.people == 2)
    try await notebook.shut()
    await model.isSame(as: offered.person)
    #expect(model.failure?.kind == .closed)
  }

  @Test @MainActor func aPromiseIsKeptAndTheKeepingTakenBack() async throws {
    let folder = try TestFolder()
    let notebook = try await folder.notebook()
    _ = try await notebook.ask { try $0.jotLine(line: "Dana Ruiz !call her by tomorrow") }
    let model = TodayModel(notebook)
    let following = Task { await model.page.follow() }
    try await until { model.page.shown.page?.page.iOwe.count == 1 }
    let promise = try #require(model.page.shown.page?.page.iOwe.first)
    await model.close(promise.record, as: .kept)
    try await until { model.page.shown.page?.page.iOwe.isEmpty == true }
    await model.reopen()
    try await until { model.page.shown.page?.page.iOwe.count == 1 }
    #expect(model.failure == nil && model.closed == nil)
    following.cancel()
    await following.value
    await model.close(promise.record, as: .open)
    #expect(model.failure?.kind == .invalid)
  }

  @Test @MainActor func aPromiseIsOpenedAgainAndNothingElseIsTakenBack() async throws {
    let folder = try TestFolder()
    let notebook = try await folder.notebook()
    _ = try await notebook.ask { try $0.jotLine(line: "Dana Ruiz !call her by tomorrow") }
    let sam = try #require(try await notebook.ask { try $0.jotLine(line: "Sam Lee") }.contact)
    let promise = try #require(try await notebook.ask { try $0.openPromises(with: nil) }.first).record
    let model = TodayModel(notebook)
    await model.close(promise, as: .kept)
    try await notebook.ask { try $0.delete(id: sam) }
    await model.reopen()
    #expect(try await notebook.ask { try $0.openPromises(with: nil) }.map(\.record.id) == [promise.id])
    #expect(try await notebook.ask { try $0.todayPage() }.people == 1, "the last step was another, and stays")
  }

  @Test @MainActor func twoTapsCloseAPromiseOnce() async throws {
    let folder = try TestFolder()
    let notebook = try await folder.notebook()
    _ = try await notebook.ask { try $0.jotLine(line: "Dana Ruiz !call her by tomorrow") }
    let promise = try #require(try await notebook.ask { try $0.openPromises(with: nil) }.first).record
    let model = TodayModel(notebook)
    async let first: Void = model.close(promise, as: .kept)
    async let second: Void = model.close(promise, as: .kept)
    _ = await (first, second)
    await model.close(promise, as: .kept)
    #expect(try await notebook.ask { try $0.undoSteps() }.count == 1)
    await model.reopen()
    #expect(try await notebook.ask { try $0.openPromises(with: nil) }.map(\.record.id) == [promise.id])
  }
}
