// Two notebooks in one process become one, through a folder and on a line of their own; and what takes long is taken back.

import Foundation
import Notebook
import Testing

@Suite(.timeLimit(.minutes(1))) struct DeviceTests {
  @Test func aLineJottedOnThePhoneIsReadOnTheLaptopThroughAFolder() async throws {
    let folder = try TestFolder()
    let (phone, laptop) = try await paired(in: folder)
    var heard = try await laptop.notebook.changes().makeAsyncIterator()
    try await phone.jot("Dana Ruiz, Acme !call her by tue")
    try await laptop.jot("Ben Okri")
    _ = try await phone.sync()
    _ = await heard.next()
    #expect(try await laptop.sync().received > 0)
    #expect(try #require(await heard.next()).concerns([.people]))
    _ = try await phone.sync()
    #expect(try await phone.names() == ["Ben Okri", "Dana Ruiz"])
    #expect(try await laptop.names() == ["Ben Okri", "Dana Ruiz"])
  }

  @Test func aLineJottedOnThePhoneIsReadOnTheLaptopDirectly() async throws {
    let folder = try TestFolder()
    let (phone, laptop) = try await paired(in: folder)
    let there = try await laptop.notebook.ask { try $0.goOnTheNetwork(keys: laptop.keys, port: 0) }
    let here = try await phone.notebook.ask { try $0.goOnTheNetwork(keys: phone.keys, port: 0) }
    let (host, guest) = (try #require(there), try #require(here))
    let peer = try #require(try await phone.notebook.ask { try $0.peers(keys: phone.keys) }.first)
    try await phone.jot("Dana Ruiz")
    try await laptop.jot("Ben Okri")

    let serving = Task { try await laptop.notebook.run { _, run in try host.serve(atMostMs: 30_000, run: run) } }
    let port = try host.port()
    let report = try await phone.notebook.run { _, run in
      try guest.visit(peer: peer, at: ["127.0.0.1:\(port)"], run: run)
    }
    #expect(report.received > 0)
    #expect(try await serving.value?.peer.name == "phone")
    #expect(try await phone.names() == ["Ben Okri", "Dana Ruiz"])
    #expect(try await laptop.names() == ["Ben Okri", "Dana Ruiz"])
    try guest.leave()
    try host.leave()
  }

  @Test func aNoOnEitherSideIsToldOnTheOtherAndLeavesBothAsTheyWere() async throws {
    let folder = try TestFolder()
    try FileManager.default.createDirectory(at: folder.file("shared"), withIntermediateDirectories: true)
    let (phone, laptop) = (try await Device("phone", in: folder), try await Device("laptop", in: folder))
    try await phone.notebook.run { try $0.tryMailbox(mailbox: phone.mailbox, run: $1) }
    try await phone.jot("Dana Ruiz")
    try await laptop.jot("Ben Okri")
    // The new device sees whose notebook it is, and does not want to.
    let (knock, request) = try await knocked(phone.pairing, laptop.pairing)
    #expect(knock.host == "phone" && knock.people == 1)
    try await laptop.pairing.decline()
    #expect(await failure { _ = try await phone.pairing.admit(request) } == .declined)
    // The host does not know who asks there.
    _ = try await knocked(phone.pairing, laptop.pairing)
    let agreeing = Task { await failure { _ = try await laptop.pairing.agree() } }
    try await phone.pairing.takeBack()
    #expect(await agreeing.value == .declined)
    #expect(try await phone.names() == ["Dana Ruiz"])
    #expect(try await laptop.names() == ["Ben Okri"])
    #expect(try await phone.notebook.ask { try $0.devices(keys: phone.keys) }.count == 1)
    _ = try await pair(phone, laptop)
    #expect(try await laptop.names() == ["Ben Okri", "Dana Ruiz"])
  }

  @Test func whoWaitsForTheOtherDeviceIsLetGoWhenTheTaskIsCancelled() async throws {
    let folder = try TestFolder()
    try FileManager.default.createDirectory(at: folder.file("shared"), withIntermediateDirectories: true)
    let phone = try await Device("phone", in: folder)
    try await phone.notebook.run { try $0.tryMailbox(mailbox: phone.mailbox, run: $1) }
    _ = try await phone.pairing.invite()
    let waiting = Task { await failure { _ = try await phone.pairing.request() } }
    try await Task.sleep(for: .milliseconds(50))
    waiting.cancel()
    #expect(await waiting.value == .cancelled)
    try await phone.pairing.takeBack()
  }

  @Test func whoStopsWaitingStillTellsTheOtherDevice() async throws {
    let folder = try TestFolder()
    try FileManager.default.createDirectory(at: folder.file("shared"), withIntermediateDirectories: true)
    let (phone, laptop) = (try await Device("phone", in: folder), try await Device("laptop", in: folder))
    try await phone.notebook.run { try $0.tryMailbox(mailbox: phone.mailbox, run: $1) }
    // The screen with the code is left: its task is cancelled, and takes the code back as it ends.
    let code = try await phone.pairing.invite()
    let showing = Task {
      let kind = await failure { _ = try await phone.pairing.request() }
      try await phone.pairing.takeBack()
      return kind
    }
    showing.cancel()
    #expect(try await showing.value == .cancelled)
    #expect(await failure { _ = try await laptop.pairing.knock(code) } != nil, "the code is void")
    // The new device's screen is left, before anybody said yes there.
    let request = try await knocked(phone.pairing, laptop.pairing).request
    let asking = Task {
      while !Task.isCancelled { await Task.yield() }
      try await laptop.pairing.decline()
    }
    asking.cancel()
    try await asking.value
    #expect(await failure { _ = try await phone.pairing.admit(request) } == .declined)
  }

  @Test func aCancelledBackupLeavesNoFileAndOneThatIsDoneComesBack() async throws {
    let folder = try TestFolder()
    let notebook = try await folder.notebook()
    _ = try await notebook.ask { try $0.loadDemo() }
    let (backup, back) = (folder.file("backup"), folder.file("back.kith"))
    for stopped in [backup, back] {
      let working = Task {
        await failure {
          // Cancelled before it begins, and taken back by the work itself all the same.
          withUnsafeCurrentTask { $0?.cancel() }
          if stopped == backup {
            try await notebook.run { try $0.backup(file: backup.path, passphrase: nil, run: $1) }
          } else {
            try await AsyncNotebook.restore(backup, to: back)
          }
        }
      }
      #expect(await working.value == .cancelled)
      #expect(!FileManager.default.fileExists(atPath: stopped.path))
      if stopped == backup {
        try await notebook.run { try $0.backup(file: backup.path, passphrase: "correct horse", run: $1) }
      }
    }
    #expect(await failure { try await AsyncNotebook.restore(backup, to: back, passphrase: "wrong") } == .denied)
    try await AsyncNotebook.restore(backup, to: back, passphrase: "correct horse")
    #expect(try await folder.notebook("back").ask { try $0.todayPage() }.people >= 40)
    #expect(await failure { try await AsyncNotebook.restore(backup, to: back, passphrase: "correct horse") } == .exists)
  }

  @Test func garbageInTheFolderHarmsNobody() async throws {
    let folder = try TestFolder()
    let (phone, laptop) = try await paired(in: folder)
    try await phone.jot("Dana Ruiz")
    _ = try await phone.sync()
    let shared = folder.file("shared")
    let names = try #require(FileManager.default.enumerator(atPath: shared.path)).allObjects.compactMap {
      $0 as? String
    }
    let files = try names.filter { name in
      try FileManager.default.attributesOfItem(atPath: shared.appendingPathComponent(name).path)[.type]
        as? FileAttributeType
        == .typeRegular
    }
    #expect(files.count > 3)
    for name in files {
      // Beside what is good: as a conflict that a cloud makes, and under a name that looks like one of ours.
      try Data("garbage".utf8).write(to: shared.appendingPathComponent(name + " (conflict)"))
      let last = name.last == "0" ? "1" : "0"
      try Data(repeating: 7, count: 10_000).write(to: shared.appendingPathComponent(name.dropLast() + last))
    }
    _ = try await laptop.sync()
    #expect(try await laptop.names() == ["Dana Ruiz"])
  }

  @Test func aCancelledTaskTakesBackWhatTakesLong() async throws {
    let folder = try TestFolder()
    let notebook = try await folder.notebook()
    let book = folder.file("book.vcf")
    let cards = (0..<1_000).map { "BEGIN:VCARD\r\nVERSION:3.0\r\nFN:Person Number\($0)\r\nEND:VCARD\r\n" }
    try Data(cards.joined().utf8).write(to: book)
    let begun = Shared(false)
    let bringing = Task {
      await failure {
        _ = try await notebook.run { notebook, run in
          begun.with { $0 = true }
          return try notebook.importFile(file: book.path, run: run)
        }
      }
    }
    while !begun.now { await Task.yield() }
    bringing.cancel()
    #expect(await bringing.value == .cancelled)
    let there = try await notebook.ask { try $0.todayPage() }.people
    #expect(there < 1_000, "what was written until then stays, and the rest comes with the same file")
    let report = try await notebook.run { try $0.importFile(file: book.path, run: $1) }
    #expect(report.new == 1_000 - there)
  }
}
