// Pages that stay true while somebody looks at them.

import Foundation
import Notebook
import Observation
import Testing

@Suite(.timeLimit(.minutes(1))) struct ChangeTests {
  @Test func aChangeIsHeardOfWithItsAreasAndRecords() async throws {
    let folder = try TestFolder()
    let notebook = try await folder.notebook()
    let changes = try await notebook.changes()
    let jotted = try await notebook.ask { try $0.jotLine(line: "Dana Ruiz") }
    let id = try #require(jotted.contact)
    var heard = changes.makeAsyncIterator()
    let change = try #require(await heard.next())
    #expect(change.ids.contains(id) && change.concerns([.people]) && !change.concerns([.ledger]))
  }

  @Test func whoWasBusyHearsOfEverythingOnce() async throws {
    let folder = try TestFolder()
    let notebook = try await folder.notebook()
    let changes = try await notebook.changes()
    for number in 0..<50 {
      _ = try await notebook.ask { try $0.jotLine(line: "Person\(number) Busy") }
    }
    var heard = changes.makeAsyncIterator()
    #expect(await heard.next() == .anything)
    _ = try await notebook.ask { try $0.jotLine(line: "Dana Ruiz") }
    #expect(try #require(await heard.next()).concerns([.people]), "and nothing of the fifty is left over")
  }

  @Test func nothingIsHeardOnceTheReaderIsGone() async throws {
    let folder = try TestFolder()
    let notebook = try await folder.notebook()
    let heard = Shared(0)
    let reader = Task {
      for await _ in try await notebook.changes() { heard.with { $0 += 1 } }
    }
    var number = 0
    while heard.now == 0 {
      number += 1
      _ = try await notebook.ask { [number] in try $0.jotLine(line: "Person\(number) Heard") }
    }
    reader.cancel()
    try await reader.value
    let until = heard.now
    _ = try await notebook.ask { try $0.jotLine(line: "Ben Okri") }
    #expect(heard.now == until, "and the task has ended, although nobody stopped the notebook")
  }

  @Test @MainActor func todayIsReadAgainAfterEachChange() async throws {
    let folder = try TestFolder()
    let notebook = try await folder.notebook()
    let model = TodayModel(notebook)
    let following = Task { await model.page.follow() }
    try await until { model.page.shown.page != nil }
    #expect(model.page.shown.page?.page.people == 0)
    _ = try await notebook.ask { try $0.jotLine(line: "Dana Ruiz !call her by tomorrow") }
    try await until { model.page.shown.page?.page.iOwe.count == 1 }
    #expect(model.page.shown.page?.page.iOwe.first?.name == "Dana Ruiz")
    following.cancel()
    await following.value
    #expect(model.page.shown.page?.page.iOwe.count == 1, "what was shown stays")
  }

  @Test @MainActor func aRecordIsReadAgainWhenItMayHaveChangedAndForNothingElse() async throws {
    let folder = try TestFolder()
    let notebook = try await folder.notebook()
    let dana = try #require(try await notebook.ask { try $0.jotLine(line: "Dana Ruiz") }.contact)
    let hers = PageModel(notebook, record: dana)
    let owed = PageModel(notebook) { try $0.todayPage().iOwe.count }
    let shows = Shared(0)
    observed(hers, shows)
    let following = [Task { await hers.follow() }, Task { await owed.follow() }]
    try await until { hers.shown.page != nil && owed.shown.page == 0 }
    let before = shows.now
    try await notebook.ask { notebook in
      guard case .promise(var promise) = try blank(kind: .promise) else { return }
      promise.words = "write to everybody"
      _ = try notebook.writeDown(record: .promise(promise))
    }
    // Both hear of it at once; when the one has read again, the other would have begun to.
    try await until { owed.shown.page == 1 }
    #expect(shows.now == before)
    try await tag(dana, "lyon", in: notebook)
    try await until { tags(hers) == ["lyon"] }
    #expect(shows.now == before + 1)
    for task in following { task.cancel() }
    for task in following { await task.value }
    #expect(Change(areas: [.ledger], ids: []).concerns(dana), "when none is named, it may be any")
    let elsewhere = PageModel(try await folder.notebook("another"), record: dana)
    await elsewhere.reload()
    guard case .ready(nil) = elsewhere.shown else {
      Issue.record("she is not there: \(elsewhere.shown)")
      return
    }
  }

  @Test @MainActor func aPersonWhoIsTwoRecordsIsReadAgainWhenTheOtherChanged() async throws {
    let folder = try TestFolder()
    let notebook = try await folder.notebook()
    let dana = try #require(try await notebook.ask { try $0.jotLine(line: "Dana Ruiz") }.contact)
    let other = try #require(try await notebook.ask { try $0.jotLine(line: "D. Ruiz, Acme") }.contact)
    try await notebook.ask { try $0.same(a: dana, b: other) }
    for (id, edited) in [(dana, other), (other, dana)] {
      let model = PageModel(notebook, record: id)
      let following = Task { await model.follow() }
      try await until { model.shown.page != nil }
      try await tag(edited, "of \(edited)", in: notebook)
      try await until { tags(model)?.contains("of \(edited)") == true }
      following.cancel()
      await following.value
    }
  }

  private func tag(_ person: ContactId, _ tag: String, in notebook: AsyncNotebook) async throws {
    try await notebook.ask { notebook in
      let draft = try notebook.draft(id: person)
      guard case .contact(var contact) = try draft.record() else { return }
      contact.tags.append(tag)
      try notebook.save(draft: draft, after: .contact(contact))
    }
  }

  @MainActor private func tags(_ model: PageModel<AnyRecord?>) -> [String]? {
    guard case .ready(.contact(let contact)) = model.shown else { return nil }
    return contact.tags
  }

  /// Counts how often the model shows something else.
  @MainActor private func observed(_ model: PageModel<AnyRecord?>, _ shows: Shared<Int>) {
    withObservationTracking {
      _ = model.shown
    } onChange: {
      shows.with { $0 += 1 }
      Task { @MainActor in observed(model, shows) }
    }
  }

  @Test @MainActor func todayCountsWhatItDoesNotShowAndIsNoEmptyPageWhileSomethingIsOwed() async throws {
    let folder = try TestFolder()
    let notebook = try await folder.notebook()
    let model = TodayModel(notebook)
    await model.page.reload()
    #expect(model.page.shown.page?.page.isClear == true)
    // To nobody: there are no people, and still something to do.
    try await notebook.ask { notebook in
      guard case .promise(var promise) = try blank(kind: .promise) else { return }
      for number in 0..<TodayModel.most + 3 {
        promise.words = "thing number \(number)"
        _ = try notebook.writeDown(record: .promise(promise))
      }
    }
    await model.page.reload()
    let today = try #require(model.page.shown.page)
    #expect(today.page.people == 0 && !today.page.isClear)
    #expect(today.page.iOwe.count == Int(TodayModel.most) && today.more.iOwe == 3)
  }

  @Test @MainActor func aPageOfAShutNotebookSaysSo() async throws {
    let folder = try TestFolder()
    let notebook = try await folder.notebook()
    let model = TodayModel(notebook)
    try await notebook.shut()
    await model.page.follow()
    guard case .failed(let error) = model.page.shown else {
      Issue.record("a failure must not look like an empty page")
      return
    }
    #expect(error.kind == .closed)
  }

  @Test @MainActor func aStreamEndsWhenTheNotebookIsShutAndThePagesSaySo() async throws {
    let folder = try TestFolder()
    let notebook = try await folder.notebook()
    let changes = try await notebook.changes()
    let reading = Task { for await _ in changes {} }
    let (today, people) = (TodayModel(notebook), PeopleModel(notebook))
    let following = Task { await today.page.follow() }
    let listing = Task { await people.follow() }
    try await until { today.page.shown.page != nil && people.shown.page != nil }
    try await notebook.shut()
    await reading.value
    await following.value
    await listing.value
    for shown in [today.page.shown.failure, people.shown.failure] {
      #expect(shown?.kind == .closed, "a page of a shut notebook is not shown as if it were true")
    }
  }

  @Test func aStreamEndsWhenNobodyHoldsTheNotebookAnyMore() async throws {
    let folder = try TestFolder()
    let changes = try await folder.notebook().changes()
    for await _ in changes {}
  }

  @Test func aChangeArrivesWithinAQuarterOfASecond() async throws {
    let folder = try TestFolder()
    let notebook = try await folder.notebook()
    var heard = try await notebook.changes().makeAsyncIterator()
    var latencies: [Duration] = []
    for number in 0..<20 {
      let saved = try await notebook.ask { notebook in
        _ = try notebook.jotLine(line: "Person\(number) Quick")
        return ContinuousClock.now
      }
      _ = await heard.next()
      latencies.append(.now - saved)
    }
    latencies.sort()
    #expect(latencies[10] < .milliseconds(250), "the median, on a machine that may be busy with other tests")
  }

  @Test func whatAnotherOpeningWroteIsHeardOfWhenAsked() async throws {
    let folder = try TestFolder()
    let (here, there) = (try await folder.notebook(), try await folder.notebook())
    #expect(try await here.ask { try $0.lookAround() } == false)
    var heard = try await here.changes().makeAsyncIterator()
    _ = try await there.ask { try $0.jotLine(line: "Dana Ruiz") }
    #expect(try await here.ask { try $0.lookAround() })
    #expect(try #require(await heard.next()).concerns([.people]))
  }
}

extension Shown {
  fileprivate var failure: NotebookError? {
    if case .failed(let error) = self { error } else { nil }
  }
}

extension ContinuousClock.Instant {
  fileprivate static func - (later: Self, earlier: Self) -> Duration {
    earlier.duration(to: later)
  }
}
