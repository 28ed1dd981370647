// A line from the thumb to the pages.

import Foundation
import Notebook
import Testing

private let line = "Dana Ruiz, Acme !send her the Lyon contact by tomorrow +knows customs brokers #lyon *"

@Suite(.timeLimit(.minutes(1))) struct JotTests {
  @Test func aLineIsJottedFoundAndShown() async throws {
    let folder = try TestFolder()
    let notebook = try await folder.notebook()
    let jotted = try await notebook.ask { try $0.jotLine(line: line) }
    let id = try #require(jotted.contact)

    #expect(try await notebook.ask { try $0.find(typed: "custms", most: 10) }.first?.about == "Dana Ruiz")
    #expect(try await notebook.ask { try $0.todayPage() }.iOwe.map(\.record.words) == ["send her the Lyon contact"])
    let page = try await notebook.ask { try $0.personPage(id: id) }
    #expect(page.contact.name == "Dana Ruiz" && page.contact.tags == ["lyon"] && page.organisations == ["Acme"])
  }

  @Test func whatWasSavedIsThereWhenTheNotebookIsOpenedAgain() async throws {
    let folder = try TestFolder()
    let first = try await folder.notebook()
    _ = try await first.ask { try $0.jotLine(line: line) }
    try await first.shut()
    let second = try await folder.notebook()
    #expect(try await second.ask { try $0.todayPage() }.people == 1)
  }

  @Test @MainActor func theLineIsReadWhileItIsTyped() async throws {
    let folder = try TestFolder()
    let model = JotModel(try await folder.notebook())
    var typed = ""
    for letter in line {
      typed.append(letter)
      model.line = typed
      #expect(model.parsed == nil, "what is shown is never that of another line")
    }
    try await until { model.parsed != nil }
    #expect(model.parsed?.spans.map(\.text).joined() == line)
    #expect(model.draft?.promises.first?.words == "send her the Lyon contact")
  }

  @Test @MainActor func aPieceThatAPersonChangedIsSavedAsChanged() async throws {
    let folder = try TestFolder()
    let notebook = try await folder.notebook()
    let model = JotModel(notebook)
    model.line = line
    try await until { model.draft != nil }
    model.edit { $0.organisation = "Acme Logistics" }
    await model.save()
    #expect(model.line.isEmpty && model.failure == nil && !model.isSaving)
    let id = try #require(model.jotted?.contact)
    #expect(try await notebook.ask { try $0.personPage(id: id) }.organisations == ["Acme Logistics"])
  }

  @Test @MainActor func aLineIsSavedBeforeItWasRead() async throws {
    let folder = try TestFolder()
    let model = JotModel(try await folder.notebook())
    model.line = line
    #expect(model.parsed == nil)
    await model.save()
    #expect(model.jotted?.name == "Dana Ruiz")
    #expect(model.jotted?.wrote.contains("promise") == true)
  }

  @Test @MainActor func aLineThatCannotBeSavedIsStillThere() async throws {
    let folder = try TestFolder()
    let notebook = try await folder.notebook()
    let model = JotModel(notebook)
    model.line = line
    try await notebook.shut()
    await model.save()
    #expect(model.line == line && model.failure?.kind == .closed && model.jotted == nil)
  }

  @Test @MainActor func aLineThatWasTypedOutlivesTheProcessAndOneThatWasSavedDoesNotComeBack() async throws {
    let folder = try TestFolder()
    let notebook = try await folder.notebook()
    let home = try PhoneHome(in: folder.url)
    let first = JotModel(notebook, keepingLineIn: home.line)
    first.line = line
    first.keepLine()
    let second = JotModel(notebook, keepingLineIn: home.line)
    #expect(second.line == line)
    try await until { second.parsed != nil }
    await second.save()
    #expect(JotModel(notebook, keepingLineIn: home.line).line.isEmpty)
    first.line = ""
    first.keepLine()
    #expect(JotModel(notebook, keepingLineIn: home.line).line.isEmpty, "nothing to keep is no failure")
  }

  @Test func aPhoneKeepsItsNotebookInAFolderThatNoBackupTakesAlong() async throws {
    let folder = try TestFolder()
    let home = try PhoneHome(in: folder.file("Application Support"))
    let notebook = try await AsyncNotebook.open(at: home.notebook, device: modelOfPhone(), zone: paris)
    _ = try await notebook.ask { try $0.jotLine(line: line) }
    let own = home.notebook.deletingLastPathComponent()
    #expect(own.deletingLastPathComponent().lastPathComponent == "Application Support")
    #expect(home.line.deletingLastPathComponent() == own)
    _ = try PhoneHome(in: folder.file("Application Support"))
    try Data("in the way".utf8).write(to: folder.file("file"))
    #expect(await failure { _ = try PhoneHome(in: folder.file("file")) } == .storage)
    #if canImport(Darwin)
      #expect(try own.resourceValues(forKeys: [.isExcludedFromBackupKey]).isExcludedFromBackup == true)
    #endif
  }

  @Test @MainActor func anEmptyLineIsNotSaved() async throws {
    let folder = try TestFolder()
    let model = JotModel(try await folder.notebook())
    model.line = "  \n"
    #expect(!model.canSave)
    await model.save()
    #expect(model.jotted == nil && model.failure == nil)
  }

  @Test @MainActor func aLineThatIsTooLongIsRefusedAndKept() async throws {
    let folder = try TestFolder()
    let model = JotModel(try await folder.notebook())
    let long = String(repeating: "a", count: 70_000)
    model.line = long
    try await until { model.failure != nil }
    #expect(model.failure?.kind == .invalid && model.line == long)
  }
}
