// What tests do in a process of its own.
//
//     Scribe FILE            jots lines without end, and prints the number of each once it is saved: a test kills it in a call
//     Scribe FILE handles    makes and drops 10,000 handles of five kinds, and prints how many bytes more are held then

import Foundation
import Notebook

@main struct Scribe {
  static func main() throws {
    let surroundings = Surroundings(device: "a scribe", zone: "Europe/Paris")
    let notebook = try Notebook.open(path: CommandLine.arguments[1], surroundings: surroundings, clock: nil)
    if CommandLine.arguments.dropFirst(2).first == "handles" { return try drop(notebook) }
    var number = 0
    while true {
      _ = try notebook.jotLine(line: "Person\(number) Scribbled !call them by tue")
      FileHandle.standardOutput.write(Data("\(number)\n".utf8))
      number += 1
    }
  }

  private static func drop(_ notebook: Notebook) throws {
    let jotted = try notebook.jotLine(line: "Dana Ruiz")
    try handles(200, of: notebook, on: jotted.contact ?? "")
    let before = residentBytes()
    try handles(2_000, of: notebook, on: jotted.contact ?? "")
    print(residentBytes() - before)
  }

  private static func handles(_ count: Int, of notebook: Notebook, on id: ContactId) throws {
    let folder = FileManager.default.temporaryDirectory.path
    for _ in 0..<count {
      _ = try notebook.draft(id: id).record()
      _ = try notebook.observe(listener: Lent())
      _ = try Run().soFar()
      _ = try KeyRing.ofPhone(store: Lent(), folder: folder)
      _ = try Mailbox.throughPhone(words: "a phone", folder: Lent()).words()
    }
  }

  /// How much memory this process has, in bytes; 0 where the system does not tell as Linux does.
  private static func residentBytes() -> Int {
    let told = try? String(contentsOfFile: "/proc/self/statm", encoding: .utf8).split(separator: " ")
    return Int(told?.dropFirst().first ?? "0").map { $0 * Int(sysconf(Int32(_SC_PAGESIZE))) } ?? 0
  }
}

/// What a phone lends, and is never asked for.
private final class Lent: ChangeListener, PhoneFolder, PhoneKeyStore {
  func changed(areas: [Area], ids: [RecordId], origin: Origin) {}
  func prepare() {}
  func list() -> [FolderItem] { [] }
  func read(name: String) -> Data? { nil }
  func write(name: String, content: Data) {}
  func write(name: String, secret: Data) {}
  func remove(name: String) {}
}
