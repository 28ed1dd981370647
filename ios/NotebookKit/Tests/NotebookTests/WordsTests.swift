// What the app says, checked where there is no app: every word has its entry, and every kind of failure its words.

import Foundation
import Notebook
import Testing

private let app = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
  .appendingPathComponent("../../../App").standardized

/// The table of words, as far as we read it.
private struct Catalog: Decodable {
  struct Entry: Decodable {
    let localizations: [String: Language]
  }
  /// Words, or those of each number.
  struct Language: Decodable {
    struct Unit: Decodable { let value: String }
    struct Form: Decodable { let stringUnit: Unit }
    struct Variations: Decodable { let plural: [String: Form] }
    let stringUnit: Unit?
    let variations: Variations?
  }
  let strings: [String: Entry]

  /// The words of each key; of those that go by a number the ones for many.
  static func read() throws -> [String: String] {
    try languages().mapValues { ($0?.stringUnit ?? $0?.variations?.plural["other"]?.stringUnit)?.value ?? "" }
  }

  static func languages() throws -> [String: Language?] {
    let file = try Data(contentsOf: app.appendingPathComponent("Localizable.xcstrings"))
    return try JSONDecoder().decode(Catalog.self, from: file).strings.mapValues { $0.localizations["en"] }
  }
}

@Suite struct WordsTests {
  @Test func everyKindOfFailureHasWordsAndANextStep() throws {
    let words = try Catalog.read()
    for kind in NotebookError.Kind.allCases {
      #expect(words["error.\(kind.rawValue)"]?.isEmpty == false)
      #expect(words["error.\(kind.rawValue).next"]?.isEmpty == false)
    }
  }

  @Test func everyWordOfTheScreensIsInTheTableAndNoneIsLeftOver() throws {
    let files = try FileManager.default.contentsOfDirectory(at: app, includingPropertiesForKeys: nil)
    let code = try files.filter { $0.pathExtension == "swift" }.map { try String(contentsOf: $0, encoding: .utf8) }
    var used = Set(NotebookError.Kind.allCases.flatMap { ["error.\($0.rawValue)", "error.\($0.rawValue).next"] })
    let key = /"((?:day|jot|today|error)\.[a-zA-Z]+)((?: \\\((?:[^()]|\([^()]*\))*\))*)"/
    for match in code.joined().matches(of: key) {
      // What SwiftUI makes of an interpolation: a whole number or a text.
      let inserted = match.output.2.split(separator: " \\").map { $0.contains("Int(") ? " %lld" : " %@" }
      used.insert(match.output.1 + inserted.joined())
    }
    #expect(used.count > 40)
    #expect(Set(try Catalog.read().keys) == used)
  }

  @Test func whatGoesByANumberHasItsWordsForOneAndForMany() throws {
    let late = try #require(try Catalog.languages()["day.late %lld"] ?? nil).variations?.plural
    #expect(late?.mapValues(\.stringUnit.value) == ["one": "%lld day late", "other": "%lld days late"])
  }

  /// A place that is not there is not found either, as a drive that is not plugged in.
  @Test func nobodyIsSaidToHaveDeletedWhatIsNotFound() async throws {
    let folder = try TestFolder()
    let drive = folder.file("drive").appendingPathComponent("backup")
    let kind = await failure { try await AsyncNotebook.restore(drive, to: folder.file("notebook.kith")) }
    #expect(kind == .notFound)
    let words = try Catalog.read()
    #expect(words["error.notFound"] == "This is not here, or not any more.")
    #expect(words["error.notFound.next"]?.contains("evice") == false)
  }

  @Test func noScreenShowsTheWordsOfAnError() throws {
    for file in try FileManager.default.contentsOfDirectory(at: app, includingPropertiesForKeys: nil)
    where file.pathExtension == "swift" {
      let code = try String(contentsOf: file, encoding: .utf8)
      #expect(!code.contains("rror.words") && !code.contains("ailure.words") && !code.contains("localizedDescription"))
    }
  }

  @Test func theAppMayLookForWhatTheLibraryAnnounces() async throws {
    let plist = try Data(contentsOf: app.appendingPathComponent("Info.plist"))
    let read = try PropertyListSerialization.propertyList(from: plist, format: nil) as? [String: Any]
    let entries = try #require(read)
    #expect((entries["NSLocalNetworkUsageDescription"] as? String)?.isEmpty == false)

    let folder = try TestFolder()
    let notebook = try await folder.notebook()
    let keys = try KeyRing.inFolder(folder: folder.file("keys").path)
    let lending = try Lending()
    let code = try await notebook.run { try $0.invite(mailbox: lending.mailbox(), keys: keys, run: $1) }
    _ = try lending.open(code: code)
    let announced = try #require(try lending.announcement())
    #expect(entries["NSBonjourServices"] as? [String] == [announced.service])
    try lending.end()
  }
}
