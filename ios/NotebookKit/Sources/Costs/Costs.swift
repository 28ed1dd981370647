// What calls cost from Swift, on the notebook that `bindings/costs` hands over: the median of many, in microseconds, a line
// each. A program, not a test.

import Foundation
import Notebook

@main struct Costs {
  static let everybody = PeopleFilter(tag: "", organisation: "", event: "", deleted: false)
  static let line =
    "Dana Ruiz, Acme Logistics, hiring ops lead !send her the Lyon contact by tue ?a warehouse in Lyon #lyon *"

  static func main() async throws {
    let (file, into) = (CommandLine.arguments[1], CommandLine.arguments[2])
    let notebook = try await AsyncNotebook.open(at: URL(fileURLWithPath: file), device: "costs")
    var lines = try blocking(notebook.notebook)
    lines.append(("empty_call_awaited", try await awaited(notebook)))
    lines.append(("change_heard", try await hearing(notebook)))
    let text = lines.map { word, median in "\(word)\t\(median)\n" }.joined()
    try Data(text.utf8).write(to: URL(fileURLWithPath: into))
  }

  /// What a thread of one's own waits for.
  static func blocking(_ notebook: Notebook) throws -> [(String, Double)] {
    func page(_ from: Int, _ most: UInt32) throws -> [PersonRow] {
      let rows = try notebook.people(filter: everybody, from: UInt32(from), most: most).rows
      precondition(rows.count == most)
      return rows
    }
    let run = try Run()
    let name = try page(5_000, 1)[0].name
    return [
      ("rows", try median(of: 30) { _ in for part in 0..<10 { _ = try page(part * 1_000, 1_000) } }),
      ("empty_call", try median(of: 20_000) { _ in _ = try run.soFar() }),
      ("first_page", try median(of: 2_000) { _ in _ = try page(0, 50) }),
      ("far_page", try median(of: 300) { _ in _ = try page(9_000, 50) }),
      ("today_page", try median(of: 1_000) { _ in _ = try notebook.todayPage() }),
      ("line_typed", try median(of: 2_000) { _ in _ = try notebook.parseJot(line: line) }),
      (
        "search_key",
        try median(of: 600) { _ = try notebook.find(typed: String(name.prefix(1 + $0 % name.count)), most: 50) }
      ),
      ("jot", try median(of: 300) { _ in _ = try notebook.jotLine(line: line) }),
    ]
  }

  static func awaited(_ notebook: AsyncNotebook) async throws -> Double {
    var durations: [Duration] = []
    for _ in 0..<5_000 {
      durations.append(try await ContinuousClock().measure { try await notebook.ask { _ in } })
    }
    return microseconds(durations)
  }

  /// From the library's call of a listener to a reader on the main actor.
  @MainActor static func hearing(_ notebook: AsyncNotebook) async throws -> Double {
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

  static func median(of runs: Int, _ call: (Int) throws -> Void) rethrows -> Double {
    for run in 0...runs / 10 { try call(run) }
    return microseconds(try (0..<runs).map { run in try ContinuousClock().measure { try call(run) } })
  }

  static func microseconds(_ durations: [Duration]) -> Double {
    let median = durations.sorted()[durations.count / 2]
    return (median / .microseconds(1) * 1_000).rounded() / 1_000
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
