// What must not happen at the edge between Swift and the library: a crash, a hang, a leak, a failure that nobody hears of.

import Foundation
import Notebook
import NotebookFFI
import Testing

@Suite(.timeLimit(.minutes(1))) struct EdgeTests {
  @Test func whatGoesWrongHasAKind() async throws {
    let folder = try TestFolder()
    let notebook = try await folder.notebook()
    let unknown = String(repeating: "0", count: 31) + "1"
    #expect(await failure { _ = try await notebook.ask { try $0.personPage(id: "no id") } } == .invalid)
    #expect(await failure { _ = try await notebook.ask { try $0.personPage(id: unknown) } } == .notFound)
    #expect(await failure { _ = try await notebook.ask { try $0.jotLine(line: " ") } } == .invalid)
    let nowhere = folder.file("no folder").appendingPathComponent("notebook.kith")
    #expect(await failure { _ = try await AsyncNotebook.open(at: nowhere, device: "x", zone: paris) } == .storage)
    #expect(await failure { _ = try await notebook.ask { _ in throw Strange() } } == .mistake)
  }

  private struct Strange: Error {}

  /// Nothing that is shipped panics when it is asked to. What does is generated code of another version: it hands over a value
  /// that the library cannot read, before any function of ours has begun.
  @Test func aPanicInTheLibraryIsAnErrorAndTheNotebookGoesOn() async throws {
    let folder = try TestFolder()
    let notebook = try await folder.notebook()
    _ = try await notebook.ask { try $0.jotLine(line: "Dana Ruiz") }
    for _ in 1...3 {
      let (code, words) = panicked()
      #expect(code == 2 && words > 0, "it says which value that was")
    }
    #expect(try await notebook.ask { try $0.find(typed: "dana", most: 5) }.first?.title == "Dana Ruiz")
    #expect(try await notebook.ask { try $0.jotLine(line: "Ben") }.name == "Ben")
  }

  /// What the library says when it panics inside a function of ours, byte for byte: a test of the bindings holds that these
  /// are the bytes.
  @Test func aPanicInsideAFunctionIsAKindOfItsOwnWithItsWords() async throws {
    let words = "Kith made a mistake of its own; what was saved before is safe (a mistake)"
    let bytes = [0, 0, 0, 16, 0, 0, 0, UInt8(words.utf8.count)] + Array(words.utf8)
    let folder = try TestFolder()
    let notebook = try await folder.notebook()
    do {
      try await notebook.ask { _ in throw try FfiConverterTypeKithError_lift(lowered(bytes)) }
      Issue.record("a panic must not look like an answer")
    } catch {
      #expect(error == NotebookError(kind: .mistake, words: words))
    }
    // A kind of another version is an error as well, and no other kind.
    let unknown = await failure {
      try await notebook.ask { _ in _ = try FfiConverterTypeKithError_lift(lowered([0, 0, 0, 99])) }
    }
    #expect(unknown == .mistake)
  }

  /// What a call answers that hands over a list of a negative length: its code, and how much it says.
  private func panicked() -> (Int8, UInt64) {
    var status = nothing()
    _ = uniffi_kith_bindings_fn_func_shows_code(lowered([65]), lowered([255, 255, 255, 249]), &status)
    let (code, words) = (status.code, status.errorBuf.len)
    ffi_kith_bindings_rustbuffer_free(status.errorBuf, &status)
    return (code, words)
  }

  private func lowered(_ bytes: [UInt8]) -> RustBuffer {
    var status = nothing()
    return bytes.withUnsafeBufferPointer { bytes in
      let foreign = ForeignBytes(len: Int32(bytes.count), data: bytes.baseAddress)
      return ffi_kith_bindings_rustbuffer_from_bytes(foreign, &status)
    }
  }

  private func nothing() -> RustCallStatus {
    RustCallStatus(code: 0, errorBuf: RustBuffer(capacity: 0, len: 0, data: nil))
  }

  @Test func aShutNotebookAnswersThatItIsShut() async throws {
    let folder = try TestFolder()
    let notebook = try await folder.notebook()
    let observation = try await notebook.ask { try $0.observe(listener: Ear { _, _ in }) }
    try await notebook.shut()
    try await notebook.shut()
    #expect(await failure { _ = try await notebook.ask { try $0.today() } } == .closed)
    #expect(await failure { _ = try await notebook.changes() } == .closed)
    try observation.stop()
    try observation.stop()
  }

  @Test func aCancelledTaskBeginsNothing() async throws {
    let folder = try TestFolder()
    let notebook = try await folder.notebook()
    let task = Task {
      while !Task.isCancelled { await Task.yield() }
      return await failure { _ = try await notebook.ask { try $0.jotLine(line: "Dana Ruiz") } }
    }
    task.cancel()
    #expect(await task.value == .cancelled)
    #expect(try await notebook.ask { try $0.todayPage() }.people == 0)
  }

  @Test func aCancelledTaskShutsTheNotebookAllTheSame() async throws {
    let folder = try TestFolder()
    let notebook = try await folder.notebook()
    let task = Task {
      while !Task.isCancelled { await Task.yield() }
      return await failure { try await notebook.shut() }
    }
    task.cancel()
    #expect(await task.value == nil)
    #expect(await failure { _ = try await notebook.ask { try $0.today() } } == .closed)
  }

  @Test func eightTasksUseOneNotebookAtOnce() async throws {
    let folder = try TestFolder()
    let notebook = try await folder.notebook()
    try await withThrowingTaskGroup(of: Void.self) { tasks in
      for task in 0..<8 {
        tasks.addTask {
          for number in 0..<25 {
            _ = try await notebook.ask { try $0.jotLine(line: "Task\(task) Person\(number)") }
            _ = try await notebook.ask { try $0.find(typed: "task\(task)", most: 5) }
            _ = try await notebook.ask { try $0.todayPage() }
          }
        }
      }
      try await tasks.waitForAll()
    }
    #expect(try await notebook.ask { try $0.todayPage() }.people == 200)
  }

  @Test func eightTasksSyncImportTakeBackAndEditOneNotebookAtOnce() async throws {
    let folder = try TestFolder()
    let (phone, laptop) = try await paired(in: folder)
    let book = folder.file("book.vcf")
    let cards = (0..<300).map { "BEGIN:VCARD\r\nVERSION:3.0\r\nFN:Carded Number\($0)\r\nEND:VCARD\r\n" }
    try Data(cards.joined().utf8).write(to: book)
    let dana = try #require(try await phone.notebook.ask { try $0.jotLine(line: "Dana Ruiz") }.contact)
    try await withThrowingTaskGroup(of: Void.self) { tasks in
      for task in 0..<8 {
        tasks.addTask {
          for number in 0..<10 {
            switch task % 4 {
            case 0: try await phone.jot("Task\(task) Person\(number)")
            case 1: _ = try await phone.sync()
            case 2:
              let bringing = Task {
                await failure { _ = try await phone.notebook.run { try $0.importFile(file: book.path, run: $1) } }
              }
              await Task.yield()
              bringing.cancel()
              let kind = await bringing.value
              #expect(kind == nil || kind == .cancelled)
            default:
              try await phone.notebook.ask { notebook in
                let draft = try notebook.draft(id: dana)
                guard case .contact(var contact) = try draft.record() else { return }
                contact.tags.append("task\(task)-\(number)")
                try notebook.save(draft: draft, after: .contact(contact))
              }
            }
          }
        }
      }
      try await tasks.waitForAll()
    }
    _ = try await phone.notebook.run { try $0.importFile(file: book.path, run: $1) }
    _ = try await phone.sync()
    _ = try await laptop.sync()
    for device in [phone, laptop] {
      #expect(try await device.notebook.ask { try $0.todayPage() }.people == 1 + 20 + 300)
      #expect(try await device.notebook.ask { try $0.personPage(id: dana) }.contact.tags.count == 20)
    }
  }

  @Test func eightThreadsUseOneNotebookWhileItIsShut() async throws {
    let folder = try TestFolder()
    let notebook = try await folder.notebook()
    let refused = Shared<[NotebookError.Kind]>([])
    await withTaskGroup(of: Void.self) { tasks in
      for task in 0..<8 {
        tasks.addTask {
          for number in 0..<1_000 {
            let kind = await failure {
              _ = try await notebook.ask { try $0.jotLine(line: "Task\(task) Person\(number)") }
            }
            if let kind {
              refused.with { $0.append(kind) }
              return
            }
          }
        }
      }
      try? await Task.sleep(for: .milliseconds(50))
      try? await notebook.shut()
    }
    #expect(refused.now == Array(repeating: .closed, count: 8))
  }

  @Test func aListenerThatThrowsHarmsNobody() async throws {
    let folder = try TestFolder()
    let notebook = try await folder.notebook()
    let heard = Shared(0)
    let throwing = try await notebook.ask { notebook in
      try notebook.observe(
        listener: Ear { _, _ in
          heard.with { $0 += 1 }
          throw Strange()
        })
    }
    let other = try await notebook.ask { try $0.observe(listener: Ear { _, _ in heard.with { $0 += 1 } }) }
    _ = try await notebook.ask { try $0.jotLine(line: "Dana Ruiz") }
    #expect(heard.now == 2)
    #expect(try await notebook.ask { try $0.todayPage() }.people == 1)
    try throwing.stop()
    try other.stop()
  }

  @Test func aListenerMayCallTheNotebook() async throws {
    let folder = try TestFolder()
    let notebook = try await folder.notebook()
    let people = Shared<[UInt64]>([])
    let observation = try await notebook.ask { book in
      try book.observe(
        listener: Ear { _, _ in
          let count = try book.todayPage().people
          people.with { $0.append(count) }
          if count < 3 { _ = try book.jotLine(line: "Person\(count) Again") }
          if count == 3 { try book.shut() }
        })
    }
    _ = try await notebook.ask { try $0.jotLine(line: "Dana Ruiz") }
    #expect(people.now == [1, 2, 3])
    try observation.stop()
  }

  @Test func aClockThatThrowsIsPassedOver() async throws {
    final class Clock: PhoneClock {
      func unixMs() throws -> Int64 { throw Strange() }
    }
    let folder = try TestFolder()
    let notebook = try await AsyncNotebook.open(
      at: folder.file("notebook.kith"), device: "x", zone: paris, clock: Clock())
    #expect(try await notebook.ask { try $0.today() } >= "2025-01-01")
  }

  @Test func garbageIsAnErrorOrANotebook() async throws {
    let folder = try TestFolder()
    let whole = try await folder.notebook("whole")
    _ = try await whole.ask { try $0.jotLine(line: "Dana Ruiz") }
    try await whole.shut()
    let good = try Data(contentsOf: folder.file("whole.kith"))
    var random = SeededNumbers(seed: 7)
    for round in 0..<100 {
      var bytes = round % 4 == 0 ? Data((0..<5_000).map { _ in UInt8.random(in: 0...255, using: &random) }) : good
      for _ in 0..<20 {
        bytes[Int.random(in: 0..<bytes.count, using: &random)] = UInt8.random(in: 0...255, using: &random)
      }
      if round % 3 == 0 { bytes = bytes.prefix(Int.random(in: 1..<bytes.count, using: &random)) }
      try bytes.write(to: folder.file("garbage-\(round).kith"))
      let kind = await failure {
        let notebook = try await folder.notebook("garbage-\(round)")
        _ = try await notebook.ask { notebook in
          _ = try notebook.todayPage()
          _ = try notebook.find(typed: "dana", most: 10)
          return try notebook.jotLine(line: "Ben Okri")
        }
      }
      #expect(kind == nil || kind == .unreadable || kind == .storage || kind == .needsUpdate, "round \(round)")
    }
  }

  @Test func anyTextIsReadWithoutLosingALetter() async throws {
    let folder = try TestFolder()
    let notebook = try await folder.notebook()
    let pieces = [
      "!", "!!", "?", "+", "@", "#", "*", "\\", " ", ",", "\n", "\0", "é", "🧑🏽‍🚀", "\u{202e}", "عَرَبِيّ", "by tue", "12 Mar",
      "a",
    ]
    var random = SeededNumbers(seed: 11)
    for _ in 0..<300 {
      let line = (0..<Int.random(in: 0..<30, using: &random)).map { _ in pieces.randomElement(using: &random) ?? "" }
        .joined()
      let parsed = try await notebook.ask { try $0.parseJot(line: line) }
      #expect(parsed.spans.map(\.text).joined() == line)
    }
  }

  @Test func tenThousandHandlesLeaveNothingBehind() async throws {
    let folder = try TestFolder()
    let notebook = try await folder.notebook()
    let (heard, freed) = (Shared(0), Shared(0))
    @Sendable func open(_ count: Int) async throws {
      try await notebook.ask { book in
        for _ in 0..<count {
          let last = Last(freed)
          _ = try book.observe(listener: Ear { _, _ in heard.with { $0 += last.one } })
        }
      }
    }
    let before = openFiles()
    try await open(10_000)
    for _ in 0..<100 {
      let other = try await folder.notebook()
      _ = try await other.ask { try $0.today() }
    }
    #expect(freed.now == 10_000, "nothing holds a listener whose observation is gone")
    if let before, let now = openFiles() {
      #expect(now <= before + 8, "other tests run beside this one")
    }
    _ = try await notebook.ask { try $0.jotLine(line: "Dana Ruiz") }
    #expect(heard.now == 0, "whoever was dropped hears nothing")
  }

  /// In a process of its own, whose memory no other test shares.
  @Test func tenThousandDraftsRunsKeysAndMailboxesLeaveNothingBehind() async throws {
    let folder = try TestFolder()
    let said = Pipe()
    let scribe = scribe(folder.file("notebook.kith").path, "handles")
    scribe.standardOutput = said
    try scribe.run()
    let words = try said.fileHandleForReading.readToEnd() ?? Data()
    scribe.waitUntilExit()
    let grown = try #require(Int(String(decoding: words, as: UTF8.self).trimmingCharacters(in: .newlines)))
    #expect(grown < 1_000_000, "bytes more after 10,000 handles")
  }

  private func scribe(_ arguments: String...) -> Process {
    let scribe = Process()
    scribe.executableURL = products.appendingPathComponent("Scribe")
    scribe.arguments = arguments
    return scribe
  }

  @Test func aProcessKilledInACallLosesNothingThatItSaved() async throws {
    let folder = try TestFolder()
    let file = folder.file("notebook.kith")
    let scribe = scribe(file.path)
    let said = Pipe()
    scribe.standardOutput = said
    try scribe.run()
    var words = Data()
    while words.filter({ $0 == UInt8(ascii: "\n") }).count < 20 { words += said.fileHandleForReading.availableData }
    kill(scribe.processIdentifier, SIGKILL)
    scribe.waitUntilExit()
    words += try said.fileHandleForReading.readToEnd() ?? Data()
    let saved = String(decoding: words, as: UTF8.self).split(separator: "\n").count

    let notebook = try await folder.notebook()
    let there = try await notebook.ask { try $0.todayPage() }.people
    #expect(saved >= 20 && (saved...saved + 1).contains(Int(there)), "one may have been saved and not yet said")
    _ = try await notebook.ask { try $0.jotLine(line: "Dana Ruiz") }
  }
}

/// Counts when it goes.
private final class Last: Sendable {
  let one = 1
  private let freed: Shared<Int>

  init(_ freed: Shared<Int>) {
    self.freed = freed
  }

  deinit {
    freed.with { $0 += 1 }
  }
}

/// How many files this process holds open; none where the system does not tell, as a Mac does not.
private func openFiles() -> Int? {
  try? FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd").count
}

/// Where the programs of the package are built. On a Mac the tests are a bundle beside them, which another program runs; on
/// Linux they are a program themselves, and asking for all bundles crashes Foundation.
private var products: URL {
  #if canImport(Darwin)
    let tests = Bundle.allBundles.first { $0.bundlePath.hasSuffix(".xctest") }
    let folder = tests?.bundleURL.deletingLastPathComponent() ?? Bundle.main.bundleURL
  #else
    let folder = Bundle.main.bundleURL
  #endif
  return folder.resolvingSymlinksInPath()
}

/// Random numbers that are the same in every run.
private struct SeededNumbers: RandomNumberGenerator {
  var state: UInt64

  init(seed: UInt64) {
    state = seed
  }

  /// SplitMix64, https://prng.di.unimi.it/splitmix64.c.
  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var mixed = state
    mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
    mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
    return mixed ^ (mixed >> 31)
  }
}
