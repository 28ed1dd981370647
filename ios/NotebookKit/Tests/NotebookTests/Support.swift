// What the tests share: a folder that goes away, a notebook in it, waiting for what comes on another thread.

import Foundation
import Notebook
import Testing

/// A folder of its own, taken away with the last one who holds it.
final class TestFolder: Sendable {
  let url = FileManager.default.temporaryDirectory.appendingPathComponent("kith-\(UUID().uuidString)")

  init() throws {
    try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
  }

  deinit {
    try? FileManager.default.removeItem(at: url)
  }

  func file(_ name: String) -> URL {
    url.appendingPathComponent(name)
  }

  /// The notebook of this name, opened as a phone opens it.
  func notebook(_ name: String = "notebook") async throws -> AsyncNotebook {
    try await AsyncNotebook.open(at: file(name + ".kith"), device: name, zone: paris)
  }
}

let paris = TimeZone(identifier: "Europe/Paris") ?? .gmt

/// Waits until this is so; a test that waits in vain fails by its time limit.
@MainActor func until(_ isSo: () -> Bool) async throws {
  while !isSo() {
    try await Task.sleep(for: .milliseconds(1))
  }
}

/// The kind of failure that this call ends with; none when it does not.
func failure(_ call: () async throws -> Void) async -> NotebookError.Kind? {
  do {
    try await call()
    return nil
  } catch {
    return (error as? NotebookError)?.kind
  }
}

/// A value that several threads change.
final class Shared<Value>: @unchecked Sendable {
  private let lock = NSLock()
  private var value: Value

  init(_ value: Value) {
    self.value = value
  }

  @discardableResult func with<Answer>(_ change: (inout Value) throws -> Answer) rethrows -> Answer {
    lock.lock()
    defer { lock.unlock() }
    return try change(&value)
  }

  var now: Value { with { $0 } }
}

/// A listener made of a function.
final class Ear: ChangeListener {
  private let hear: @Sendable ([Area], [RecordId]) throws -> Void

  init(_ hear: @escaping @Sendable ([Area], [RecordId]) throws -> Void) {
    self.hear = hear
  }

  func changed(areas: [Area], ids: [RecordId], origin: Origin) throws {
    try hear(areas, ids)
  }
}
