// What calls of the notebook cost from Swift, as JSON: the median of many runs, in microseconds. A program, not a test.
//
//     ios/generate --release && cd ios/NotebookKit && swift run -c release Costs

import Foundation
import Notebook

@main struct Costs {
  static let people = 10_000
  static let everybody = PeopleFilter(tag: "", organisation: "", event: "", deleted: false)

  static func main() async throws {
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent("kith-costs-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    let notebook = try await AsyncNotebook.open(at: folder.appendingPathComponent("notebook.kith"), device: "costs")
    try bringPeople(into: notebook.notebook, by: folder)

    var costs = try blocking(notebook.notebook)
    costs["empty_call_awaited"] = try await median(of: 2_000) { try await notebook.ask { _ in } }
    costs["change_reaches_main_actor"] = try await observation(notebook)
    print(try report(costs))
  }

  /// Ten thousand people, so that a page is one of many.
  static func bringPeople(into notebook: Notebook, by folder: URL) throws {
    let book = folder.appendingPathComponent("book.vcf")
    let cards = (0..<people).map {
      "BEGIN:VCARD\r\nVERSION:3.0\r\nFN:\(name($0))\r\nORG:Acme \($0 % 97)\r\nEND:VCARD\r\n"
    }
    try Data(cards.joined().utf8).write(to: book)
    _ = try notebook.importFile(file: book.path, run: Run())
    try notebook.tidyAll(run: Run())
  }

  /// Names that share their beginnings, as names do.
  static func name(_ number: Int) -> String {
    let first = ["Dana", "Daniel", "Ben", "Chi", "Aisha", "Lars", "Lara", "Miguel", "Noor", "Olga"]
    return "\(first[number % first.count]) \(["Ruiz", "Okri", "Berg", "Lang", "Sato"][number / 10 % 5])\(number)"
  }

  /// What a thread of one's own waits for.
  static func blocking(_ notebook: Notebook) throws -> [String: Double] {
    let handle = try Run()
    let typed = "dana ruiz"
    let line = "Dana Ruiz, Acme Logistics, hiring ops lead !send her the Lyon contact by tue ?needs a warehouse #lyon *"
    var number = 0
    return [
      "empty_call": try median(of: 10_000) { _ = try handle.soFar() },
      "first_page_of_50_people": try median(of: 500) {
        _ = try notebook.people(filter: everybody, from: 0, most: 50)
      },
      "any_page_of_50_people": try median(of: 500) {
        number += 1
        let page = try notebook.people(filter: everybody, from: UInt32(number * 50 % people), most: 50)
        precondition(page.rows.count == 50)
      },
      "today_page": try median(of: 200) { _ = try notebook.todayPage() },
      "parse_of_a_line": try median(of: 1_000) { _ = try notebook.parseJot(line: line) },
      "search_keystroke": try median(of: 900) {
        number += 1
        _ = try notebook.find(typed: String(typed.prefix(1 + number % typed.count)), most: 50)
      },
      "jot": try median(of: 300) {
        number += 1
        _ = try notebook.jotLine(line: "Jotted Person\(number), Acme !call them by tue #lyon")
      },
      "ten_thousand_rows": try median(of: 20) {
        for page in 0..<10 {
          _ = try notebook.people(filter: everybody, from: UInt32(page * 1_000), most: 1_000)
        }
      },
    ]
  }

  /// From the library's call of a listener to a reader on the main actor.
  @MainActor static func observation(_ notebook: AsyncNotebook) async throws -> Double {
    let ear = Ear()
    let stamping = try await notebook.ask { try $0.observe(listener: ear) }
    defer { try? stamping.stop() }
    var heard = try await notebook.changes().makeAsyncIterator()
    var latencies: [Duration] = []
    for number in 0..<300 {
      _ = try await notebook.ask { try $0.jotLine(line: "Heard Person\(number)") }
      _ = await heard.next()
      latencies.append(ear.called.duration(to: .now))
    }
    return microseconds(latencies)
  }

  static func report(_ costs: [String: Double]) throws -> String {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys]
    return String(decoding: try encoder.encode(["median_microseconds": costs]), as: UTF8.self)
  }

  static func median(of runs: Int, _ call: () throws -> Void) rethrows -> Double {
    microseconds(try (0..<runs).map { _ in try ContinuousClock().measure { try call() } })
  }

  static func median(of runs: Int, _ call: @Sendable () async throws -> Void) async rethrows -> Double {
    var durations: [Duration] = []
    for _ in 0..<runs { durations.append(try await ContinuousClock().measure { try await call() }) }
    return microseconds(durations)
  }

  static func microseconds(_ durations: [Duration]) -> Double {
    let median = durations.sorted()[durations.count / 2]
    return (median / .microseconds(1) * 10).rounded() / 10
  }
}

/// Remembers when it was called last.
private final class Ear: ChangeListener, @unchecked Sendable {
  private let lock = NSLock()
  private var last = ContinuousClock.now

  var called: ContinuousClock.Instant { lock.withLock { last } }

  func changed(areas: [Area], ids: [RecordId], origin: Origin) {
    lock.withLock { last = .now }
  }
}
