// A device with its notebook, its keys and its mailbox; and what a phone lends them, here in memory.

import Foundation
import Notebook
import Testing

/// A device: its notebook, its keys, and its way to the folder that both know.
struct Device {
  let notebook: AsyncNotebook
  let keys: KeyRing
  let mailbox: Mailbox

  /// With keys and a mailbox in folders, or those that a phone offers.
  init(_ name: String, in folder: TestFolder, secrets: MemorySecrets? = nil, cloud: MemoryCloud? = nil) async throws {
    notebook = try await folder.notebook(name)
    let ownFolder = folder.file(name + " keys").path
    keys = try secrets.map { try KeyRing.ofPhone(store: $0, folder: ownFolder) } ?? KeyRing.inFolder(folder: ownFolder)
    let shared = folder.file("shared").path
    mailbox =
      try cloud.map { try Mailbox.throughPhone(words: "a cloud", folder: $0) } ?? Mailbox.inFolder(path: shared)
  }

  func sync() async throws -> SyncReport {
    try await notebook.run { [mailbox, keys] in try $0.sync(mailbox: mailbox, keys: keys, run: $1) }
  }

  /// Its side of pairing; nobody waits long here.
  var pairing: Pairing { Pairing(notebook, through: mailbox, keys: keys, every: .milliseconds(10)) }

  func jot(_ line: String) async throws {
    _ = try await notebook.ask { try $0.jotLine(line: line) }
  }

  func names() async throws -> [String] {
    let everybody = PeopleFilter(tag: "", organisation: "", event: "", deleted: false)
    return try await notebook.ask { try $0.people(filter: everybody, from: 0, most: 100) }.rows.map(\.name)
  }
}

/// Two devices of one notebook that meet in a folder.
func paired(in folder: TestFolder) async throws -> (phone: Device, laptop: Device) {
  try FileManager.default.createDirectory(at: folder.file("shared"), withIntermediateDirectories: true)
  return try await pair(try await Device("phone", in: folder), try await Device("laptop", in: folder))
}

/// What each of the two shows: both wait for the other at once.
func knocked(_ host: Pairing, _ guest: Pairing) async throws -> (knock: Knock, request: JoinRequest) {
  let code = try await host.invite()
  async let request = host.request()
  return (knock: try await guest.knock(code), request: try await request)
}

/// Makes two devices those of one notebook.
func pair(_ phone: Device, _ laptop: Device) async throws -> (phone: Device, laptop: Device) {
  try await phone.notebook.run { try $0.tryMailbox(mailbox: phone.mailbox, run: $1) }
  let (host, guest) = (phone.pairing, laptop.pairing)
  let (knock, request) = try await knocked(host, guest)
  async let joined = guest.agree()
  #expect(request.digits == knock.digits, "both devices must show the same digits")
  #expect(try await host.admit(request) == "laptop")
  #expect(try await joined == "phone")
  _ = try await laptop.sync()
  return (phone, laptop)
}

/// What a phone's folder or key store does when it is asked.
enum Mood: Sendable {
  case fine
  case away
  case refusing
  case garbling
}

/// In which function something throws that the library does not know; in none, or in all of them by their mood.
final class ThrowsIn: Sendable {
  let name = Shared("")

  func check(_ function: String) throws {
    if name.now == function { throw Unforeseen() }
  }
}

/// Secrets as a keychain keeps them.
final class MemorySecrets: PhoneKeyStore {
  let mood = Shared(Mood.fine)
  let throwing = ThrowsIn()
  private let kept = Shared<[String: Data]>([:])

  func read(name: String) throws -> Data? {
    try throwing.check("read")
    try check(mood.now)
    return mood.now == .garbling ? Data(repeating: 7, count: 40) : kept.now[name]
  }

  func write(name: String, secret: Data) throws {
    try throwing.check("write")
    try check(mood.now)
    kept.with { $0[name] = secret }
  }

  func remove(name: String) throws {
    try throwing.check("remove")
    try check(mood.now)
    kept.with { $0[name] = nil }
  }
}

/// Files as a cloud drive keeps them. While it works it may call whoever asked for it.
final class MemoryCloud: PhoneFolder {
  let mood = Shared(Mood.fine)
  let throwing = ThrowsIn()
  let meanwhile = Shared<(@Sendable () throws -> Void)?>(nil)
  private let kept = Shared<[String: Data]>([:])

  func prepare() throws {
    try throwing.check("prepare")
    try check(mood.now)
  }

  func list() throws -> [FolderItem] {
    try throwing.check("list")
    try check(mood.now)
    try meanwhile.now?()
    return kept.now.map { FolderItem(name: $0.key, size: UInt64($0.value.count)) }
  }

  func read(name: String) throws -> Data? {
    try throwing.check("read")
    try check(mood.now)
    return mood.now == .garbling ? Data("garbage".utf8) : kept.now[name]
  }

  func write(name: String, content: Data) throws {
    try throwing.check("write")
    try check(mood.now)
    kept.with { $0[name] = content }
  }

  func remove(name: String) throws {
    try throwing.check("remove")
    try check(mood.now)
    kept.with { $0[name] = nil }
  }
}

private func check(_ mood: Mood) throws {
  switch mood {
  case .away: throw ShellFailure.NotThere
  case .refusing: throw Unforeseen()
  case .fine, .garbling: break
  }
}

/// No error that the library knows.
struct Unforeseen: Error {}
