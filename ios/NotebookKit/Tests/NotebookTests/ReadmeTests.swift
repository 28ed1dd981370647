// What the page for iPhones shows is compiled here and does what it says.

import Foundation
import Notebook
import Testing

@Suite(.timeLimit(.minutes(1))) struct ReadmeTests {
  /// What the page asks where to write. No test writes where the system keeps what is somebody's.
  private struct FileManager {
    static let `default` = Self()
    private let folder = try? TestFolder()

    func urls(
      for _: Foundation.FileManager.SearchPathDirectory, in _: Foundation.FileManager.SearchPathDomainMask
    ) -> [URL] { folder.map { [$0.url] } ?? [] }
  }

  @Test func theCallOfThePageIsAnswered() async throws {
    let folder = FileManager.default.urls(for: .applicationSupportDirectory, in: .userDomainMask)[0]
    let home = try PhoneHome(in: folder)
    let notebook = try await AsyncNotebook.open(at: home.notebook, device: modelOfPhone())
    let jotted = try await notebook.ask { try $0.jotLine(line: "Dana Ruiz, Acme !call her by tue") }
    print(jotted.name, try await notebook.ask { try $0.todayPage() }.iOwe.map(\.record.words))
    #expect(jotted.name == "Dana Ruiz")
    let person = try #require(jotted.contact)
    let following = Task {
      let page = await PageModel(notebook) { try $0.personPage(id: person) }
      await page.follow()
      return await page.shown.page == nil
    }
    try await notebook.shut()
    #expect(await following.value, "and the page says that the notebook was shut")
  }

  /// Line by line, without what indents them here.
  @Test func whatThePageShowsIsWhatIsCompiledHere() throws {
    let here = URL(fileURLWithPath: #filePath)
    let page = here.deletingLastPathComponent().appendingPathComponent("../../../README.md").standardized
    let blocks = try String(contentsOf: page, encoding: .utf8).components(separatedBy: "```swift\n").dropFirst()
    let compiled = trimmed(try String(contentsOf: here, encoding: .utf8))
    #expect(blocks.count == 2)
    for block in blocks {
      let snippet = trimmed(block.components(separatedBy: "```")[0])
      let code = snippet.filter { !$0.hasPrefix("import ") && !$0.isEmpty }
      #expect(compiled.windows(code.count).contains { Array($0) == code }, "\(code)")
      #expect(snippet.filter { $0.hasPrefix("import ") }.allSatisfy(compiled.contains))
    }
  }

  private func trimmed(_ text: String) -> [String] {
    text.components(separatedBy: "\n").map { $0.trimmingCharacters(in: .whitespaces) }
  }
}

extension Array {
  /// Every run of so many neighbours.
  fileprivate func windows(_ count: Int) -> [ArraySlice<Element>] {
    indices.dropLast(Swift.max(count - 1, 0)).map { self[$0..<$0 + count] }
  }
}
