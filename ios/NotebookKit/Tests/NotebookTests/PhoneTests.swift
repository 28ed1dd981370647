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
    #expect(await failure { _ = try await phone.sync() } == .peer)
    cloud.mood.with { $0 = .fine }
    _ = try await phone.sync()
    _ = try await laptop.sync()
    #expect(try await laptop.names() == ["Dana Ruiz"])
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
