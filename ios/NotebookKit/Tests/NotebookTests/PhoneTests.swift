// What a phone lends the library may fail, lie or call back: the library says so, and nothing is lost.

import Foundation
import Notebook
import Testing

@Suite(.timeLimit(.minutes(1))) struct PhoneTests {
  private let folder: TestFolder
  private let secrets = MemorySecrets()
  private let cloud = MemoryCloud()

  init() throws {
    folder = try TestFolder()
  }

  private func pairedInTheCloud() async throws -> (phone: Device, laptop: Device) {
    try await pair(
      try await Device("phone", in: folder, secrets: secrets, cloud: cloud),
      try await Device("laptop", in: folder, cloud: cloud))
  }

  @Test func twoDevicesMeetInACloudThatOnlyThePhoneReaches() async throws {
    let (phone, laptop) = try await pairedInTheCloud()
    try await phone.jot("Dana Ruiz")
    _ = try await phone.sync()
    _ = try await laptop.sync()
    #expect(try await laptop.names() == ["Dana Ruiz"])
  }

  @Test func aCloudThatFailsIsAnErrorAndLaterNothingIsMissing() async throws {
    let (phone, laptop) = try await pairedInTheCloud()
    try await phone.jot("Dana Ruiz")
    cloud.mood.with { $0 = .away }
    #expect(await failure { _ = try await phone.sync() } == .notFound)
    cloud.mood.with { $0 = .refusing }
    #expect(await failure { _ = try await phone.sync() } == .unreachable)
    cloud.mood.with { $0 = .fine }
    _ = try await phone.sync()
    _ = try await laptop.sync()
    #expect(try await laptop.names() == ["Dana Ruiz"])
  }

  /// What they throw is nothing that the library knows.
  @Test(arguments: ["prepare", "list", "read", "write", "remove"])
  func whateverACloudThrowsInWhateverFunctionIsAnErrorAndNothingIsLost(function: String) async throws {
    let (phone, laptop) = try await pairedInTheCloud()
    try await phone.jot("Dana Ruiz")
    cloud.throwing.name.with { $0 = function }
    let kinds = [
      await failure { try await phone.notebook.run { try $0.tryMailbox(mailbox: phone.mailbox, run: $1) } },
      await failure { _ = try await phone.sync() },
    ]
    #expect(kinds.contains(.unreachable) && kinds.allSatisfy { $0 == nil || $0 == .unreachable })
    cloud.throwing.name.with { $0 = "" }
    _ = try await phone.sync()
    _ = try await laptop.sync()
    #expect(try await laptop.names() == ["Dana Ruiz"])
  }

  @Test(arguments: ["read", "write", "remove"])
  func whateverAKeyStoreThrowsInWhateverFunctionIsAnErrorAndNothingIsLost(function: String) async throws {
    try FileManager.default.createDirectory(at: folder.file("shared"), withIntermediateDirectories: true)
    let phone = try await Device("phone", in: folder, secrets: secrets)
    try await phone.notebook.run { try $0.tryMailbox(mailbox: phone.mailbox, run: $1) }
    try await phone.jot("Dana Ruiz")
    secrets.throwing.name.with { $0 = function }
    // The first sync draws the keys; the second invitation forgets the first.
    let kinds = [
      await failure { _ = try await phone.sync() }, await failure { _ = try await phone.pairing.invite() },
      await failure { _ = try await phone.pairing.invite() },
    ]
    #expect(kinds.contains(.storage) && kinds.allSatisfy { $0 == nil || $0 == .storage })
    secrets.throwing.name.with { $0 = "" }
    let laptop = try await Device("laptop", in: folder)
    _ = try await pair(phone, laptop)
    #expect(try await laptop.names() == ["Dana Ruiz"])
  }

  @Test func whateverAListenerOrAClockThrowsIsPassedOver() async throws {
    let notebook = try await AsyncNotebook.open(
      at: folder.file("other.kith"), device: "phone", zone: paris, clock: BrokenClock())
    let heard = Shared(0)
    let listener = Ear { _, _ in
      heard.with { $0 += 1 }
      throw Unforeseen()
    }
    let observation = try await notebook.ask { try $0.observe(listener: listener) }
    _ = try await notebook.ask { try $0.jotLine(line: "Dana Ruiz") }
    _ = try await notebook.ask { try $0.jotLine(line: "Ben Okri") }
    #expect(heard.now >= 2)
    #expect(try await notebook.ask { try $0.todayPage() }.people == 2)
    try observation.stop()
  }

  @Test func aCloudThatLiesIsNotBelieved() async throws {
    let (phone, laptop) = try await pairedInTheCloud()
    try await phone.jot("Dana Ruiz")
    _ = try await phone.sync()
    cloud.mood.with { $0 = .garbling }
    let kind = await failure { _ = try await laptop.sync() }
    #expect(kind == nil || kind == .peer || kind == .unreadable)
    #expect(try await laptop.names().isEmpty)
    cloud.mood.with { $0 = .fine }
    _ = try await phone.sync()
    _ = try await laptop.sync()
    _ = try await phone.sync()
    _ = try await laptop.sync()
    #expect(try await laptop.names() == ["Dana Ruiz"])
  }

  @Test func aCloudMayCallTheNotebook() async throws {
    let (phone, laptop) = try await pairedInTheCloud()
    cloud.meanwhile.with { $0 = { _ = try phone.notebook.notebook.jotLine(line: "Ben Okri") } }
    _ = try await phone.sync()
    cloud.meanwhile.with { $0 = nil }
    _ = try await phone.sync()
    _ = try await laptop.sync()
    #expect(Set(try await laptop.names()) == ["Ben Okri"])
  }

  @Test func secretsThatCannotBeReadAreAnErrorAndNeverNewOnes() async throws {
    let (phone, _) = try await pairedInTheCloud()
    let before = try await phone.notebook.ask { try $0.devices(keys: phone.keys) }.map(\.name)
    secrets.mood.with { $0 = .refusing }
    #expect(await failure { _ = try await phone.sync() } == .storage)
    secrets.mood.with { $0 = .garbling }
    #expect(await failure { _ = try await phone.sync() } != nil)
    secrets.mood.with { $0 = .fine }
    _ = try await phone.sync()
    #expect(try await phone.notebook.ask { try $0.devices(keys: phone.keys) }.map(\.name) == before)
  }
}

private final class BrokenClock: PhoneClock {
  func unixMs() throws -> Int64 {
    throw Unforeseen()
  }
}
