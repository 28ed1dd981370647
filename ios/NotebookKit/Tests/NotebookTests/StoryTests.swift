// The stories of tests/vectors from Swift: what is said there happens here, and is answered the same.

import Foundation
import Notebook
import Testing

/// Where the stories lie, found from this file.
private let vectors = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
  .appendingPathComponent("../../../../tests/vectors").standardizedFileURL

private let stories =
  ((try? FileManager.default.contentsOfDirectory(atPath: vectors.path)) ?? [])
  .filter { $0.hasSuffix(".json") }.sorted()

/// Steps that no runner knows how to take.
private let unknown = [
  #"{"do": "dance"}"#,
  #"{"do": "close_promise", "with": {"id": "00000000000000000000000000000001", "state": "dreamt", "day": "2026-11-22"}}"#,
  #"{"do": "advance_introduction", "with": {"id": "00000000000000000000000000000001", "step": "danced"}}"#,
  #"{"do": "export_file", "with": {"file": "all", "form": "knots", "private": true}}"#,
  #"{"do": "export_file", "with": {"file": "all", "form": "json", "private": "perhaps"}}"#,
  #"{"do": "today", "twice": true}"#,
  #"{"do": "today", "with": {"twice": true}}"#,
  #"{"do": "person_page", "with": {"id": "00000000000000000000000000000001", "twice": true}, "fails": "NotFound"}"#,
  #"{"do": "today_page", "expect": {"misspelt": []}}"#,
  #"{"do": "device_settings", "expect": {"misspelt.lock": false}}"#,
  #"{"do": "parse_jot", "with": {"line": "Dana"}, "expect": {"spans": [{"misspelt": ""}]}}"#,
]

// One after the other: each blocks the thread it is told on.
@Suite(.serialized, .timeLimit(.minutes(2))) struct StoryTests {
  @Test(arguments: stories) func story(_ file: String) throws {
    var story = With(try JSONDecoder().decode([String: Value].self, from: read(vectors.appendingPathComponent(file))))
    _ = try story.text("story")
    let world = try World(now: try story.text("now"), names: story.or("names")?.map ?? [:])
    let steps = try story.take("steps").list
    #expect(story.left.isEmpty)
    for (number, step) in steps.enumerated() {
      try world.step("\(file), step \(number + 1)", With(step.map))
    }
  }

  @Test(arguments: unknown) func whatNobodyKnowsFailsTheRunner(_ step: String) throws {
    let world = try World(now: "2026-11-22T09:00:00Z", names: [:])
    let told = With(try JSONDecoder().decode([String: Value].self, from: Data(step.utf8)))
    #expect(throws: Untold.self) { try world.step("a step", told) }
  }

  @Test func allStoriesAreTold() {
    print("\(stories.count) stories")
    #expect(stories.count == 30)
  }
}

/// What JSON holds.
private indirect enum Value: Codable, Equatable {
  case null
  case bool(Bool)
  case number(Int)
  case text(String)
  case list([Value])
  case map([String: Value])

  init(from decoder: any Decoder) throws {
    let box = try decoder.singleValueContainer()
    if box.decodeNil() {
      self = .null
    } else if let value = try? box.decode(Bool.self) {
      self = .bool(value)
    } else if let value = try? box.decode(Int.self) {
      self = .number(value)
    } else if let value = try? box.decode(String.self) {
      self = .text(value)
    } else if let value = try? box.decode([Value].self) {
      self = .list(value)
    } else {
      self = .map(try box.decode([String: Value].self))
    }
  }

  func encode(to encoder: any Encoder) throws {
    var box = encoder.singleValueContainer()
    switch self {
    case .null: try box.encodeNil()
    case .bool(let value): try box.encode(value)
    case .number(let value): try box.encode(value)
    case .text(let value): try box.encode(value)
    case .list(let value): try box.encode(value)
    case .map(let value): try box.encode(value)
    }
  }

  var list: [Value] { if case .list(let list) = self { list } else { [] } }
  var map: [String: Value] { if case .map(let map) = self { map } else { [:] } }
  var text: String? { if case .text(let text) = self { text } else { nil } }
  var isSet: Bool? { if case .bool(let isSet) = self { isSet } else { nil } }
  /// A list of nothing but texts.
  var texts: [String]? {
    let texts = list.compactMap(\.text)
    if case .list(let list) = self, list.count == texts.count { return texts }
    return nil
  }
  var number: Int? { if case .number(let number) = self { number } else { nil } }
}

/// A story that cannot be told.
private struct Untold: Error {
  let words: String
}

/// What a step hands over; whatever is taken is gone, so that what nobody knows is noticed.
private struct With {
  private(set) var left: [String: Value]

  init(_ map: [String: Value]) {
    left = map
  }

  mutating func or(_ key: String) -> Value? {
    left.removeValue(forKey: key)
  }

  mutating func take(_ key: String) throws -> Value {
    guard let value = or(key) else { throw Untold(words: "\(key) is missing") }
    return value
  }

  mutating func text(_ key: String) throws -> String {
    guard let text = try take(key).text else { throw Untold(words: "\(key) is no text") }
    return text
  }

  mutating func texts(_ key: String) throws -> [String] {
    try told(key, try take(key).texts)
  }

  mutating func maybe(_ key: String) throws -> String? {
    guard let value = or(key), value != .null else { return nil }
    return try told(key, value.text)
  }

  mutating func number(_ key: String, or other: Int) throws -> UInt32 {
    guard let value = or(key) else { return UInt32(other) }
    return UInt32(try told(key, value.number))
  }

  mutating func isSet(_ key: String, or other: Bool? = nil) throws -> Bool {
    guard let value = or(key) else { return try told(key, other) }
    return try told(key, value.isSet)
  }

  mutating func one<Word>(of words: [String: Word], _ key: String) throws -> Word {
    let word = try text(key)
    return try told("\(key) \(word)", words[word])
  }
}

private func told<Answer>(_ what: String, _ answer: Answer?) throws -> Answer {
  guard let answer else { throw Untold(words: "nobody knows what \(what) should be here") }
  return answer
}

private final class Clock: PhoneClock {
  let now: Shared<Date>

  init(_ now: Date) {
    self.now = Shared(now)
  }

  func unixMs() -> Int64 {
    Int64(now.now.timeIntervalSince1970 * 1_000)
  }
}

/// The devices of a story, the folder they share, and the names that were given to ids.
private final class World {
  private let folder = try? TestFolder()
  private let clock: Clock
  private let mailbox: Mailbox
  private var names: [String: String]
  private var notebooks: [String: Notebook] = [:]

  init(now: String, names: [String: Value]) throws {
    guard let folder else { throw Untold(words: "there is no folder") }
    clock = Clock(try moment(now))
    self.names = names.compactMapValues(\.text)
    try FileManager.default.createDirectory(at: folder.file("mailbox"), withIntermediateDirectories: true)
    mailbox = try Mailbox.inFolder(path: folder.file("mailbox").path)
    try mailbox.prepare(run: Run())
  }

  func step(_ place: String, _ told: With) throws {
    var step = told
    let (doing, device) = (try step.text("do"), try step.maybe("device") ?? "phone")
    var with = With(try meant(step.or("with") ?? .map([:])).map)
    let (name, fails, expected) = (try step.maybe("as"), try step.maybe("fails"), step.or("expect"))
    try nothingLeft(step, place)
    let answer: Value
    do {
      answer = plain(try doIt(doing, device, &with))
    } catch let error as KithError {
      #expect(Mirror(reflecting: error).children.first?.label == fails, "\(place): \(error)")
      try nothingLeft(with, place)
      return
    }
    #expect(fails == nil, "\(place): answered \(answer)")
    try nothingLeft(with, place)
    if let name { names[name] = try bound(answer) }
    guard let expected else { return }
    var seen = answer
    if case .map(let paths) = expected {
      let found = try paths.keys.map { ($0, try at(answer, $0.split(separator: "."))) }
      seen = .map(Dictionary(uniqueKeysWithValues: found))
    }
    try allThere(seen, expected)
    #expect(compared(seen) == compared(expected), "\(place)")
  }

  /// What is handed over: `$dana` is the id of that name.
  private func meant(_ value: Value) throws -> Value {
    switch value {
    case .list(let list): return .list(try list.map(meant))
    case .map(let map): return .map(try map.mapValues(meant))
    case .text(let text) where text.hasPrefix("$"):
      guard let id = names[String(text.dropFirst())] else { throw Untold(words: "nothing is called \(text)") }
      return .text(id)
    default: return value
    }
  }

  /// With names instead of ids, without ids that have no name, and what is empty as nothing.
  private func compared(_ value: Value) -> Value {
    switch value {
    case .list(let list): return list.isEmpty ? .null : .list(list.map(compared))
    case .map(let map):
      let kept = map.mapValues(compared).filter { $0.value != .null }
      return kept.isEmpty ? .null : .map(kept)
    case .text(let text):
      if let name = names.first(where: { $0.value == text })?.key { return .text("$" + name) }
      return text.isEmpty || isID(text) ? .null : value
    case .number(0), .bool(false): return .null
    default: return value
    }
  }

  private func file(_ with: inout With, _ key: String = "file") throws -> URL {
    guard let folder else { throw Untold(words: "there is no folder") }
    return folder.file(try with.text(key))
  }

  private func home(_ device: String) throws -> URL {
    guard let home = folder?.file(device) else { throw Untold(words: "there is no folder") }
    try FileManager.default.createDirectory(at: home, withIntermediateDirectories: true)
    return home
  }

  private func keys(_ device: String) throws -> KeyRing {
    try KeyRing.inFolder(folder: home(device).appendingPathComponent("secrets").path)
  }

  private func notebook(_ device: String) throws -> Notebook {
    if let notebook = notebooks[device] { return notebook }
    let here = Surroundings(device: device, zone: "Europe/Paris")
    let path = try home(device).appendingPathComponent("notebook.kith").path
    let notebook = try Notebook.open(path: path, surroundings: here, clock: clock)
    notebooks[device] = notebook
    return notebook
  }

  /// Does one thing: what is no function of the library first.
  private func doIt(_ doing: String, _ device: String, _ with: inout With) throws -> Any {
    switch doing {
    case "clock":
      let now = try moment(try with.text("now"))
      return clock.now.with { $0 = now }
    case "write_file":
      let lines = try with.texts("lines")
      return try Data((lines.joined(separator: "\n") + "\n").utf8).write(to: file(&with, "name"))
    case "write_export":
      let format = Value.text("kith-notebook")
      let export = ["format": format, "version": try with.take("version"), "records": try with.take("records")]
      return try JSONEncoder().encode(export).write(to: file(&with, "name"))
    case "lines_of":
      let beginning = try with.texts("beginning")
      let text = String(decoding: try read(file(&with, "name")), as: UTF8.self)
      // With what ends a line of a card, too: a line feed after a carriage return is one sign in Swift.
      let lines = text.split(whereSeparator: \.isNewline).map(String.init)
      return lines.filter { line in beginning.contains { line.hasPrefix($0) } }
    case "records_of":
      let kind = try with.take("kind")
      let export = try JSONDecoder().decode(Value.self, from: read(file(&with, "name")))
      return (export.map["records"]?.list ?? []).filter { $0.map["record"] == kind }
    case "damage": return try damage(try with.text("ending"))
    case "pair": return try pair(device, try with.text("new"))
    case "is_export": return try isExport(file: file(&with).path)
    case "restore_backup":
      let to = try home(device).appendingPathComponent("notebook.kith").path
      return try restoreBackup(from: file(&with).path, to: to, passphrase: with.maybe("passphrase"), run: Run())
    default: return try ask(doing, try notebook(device), try keys(device), &with)
    }
  }

  private func damage(_ ending: String) throws -> Int {
    let place = folder?.file("mailbox").path ?? ""
    let names = (FileManager.default.enumerator(atPath: place)?.allObjects ?? []).compactMap { $0 as? String }
    let damaged = names.filter { $0.hasSuffix(ending) }
    let bytes = Data(String(repeating: "damaged ", count: 20).utf8)
    for name in damaged { try bytes.write(to: URL(fileURLWithPath: place + "/" + name)) }
    return damaged.count
  }

  private func pair(_ host: String, _ guest: String) throws -> String {
    let (old, new) = (try notebook(host), try notebook(guest))
    let (oldKeys, newKeys) = (try keys(host), try keys(guest))
    let code = try old.invite(mailbox: mailbox, keys: oldKeys, run: Run())
    #expect(try new.join(mailbox: mailbox, keys: newKeys, code: code, run: Run()) == .knocked)
    #expect(try old.requestToJoin(mailbox: mailbox, keys: oldKeys, run: Run()) == nil)
    guard case .asked(let digits) = try new.join(mailbox: mailbox, keys: newKeys, code: code, run: Run()) else {
      throw Untold(words: "nobody asked")
    }
    #expect(try old.requestToJoin(mailbox: mailbox, keys: oldKeys, run: Run())?.digits == digits)
    let name = try #require(try old.admit(mailbox: mailbox, keys: oldKeys, digits: digits, run: Run()))
    _ = try new.join(mailbox: mailbox, keys: newKeys, code: nil, run: Run())
    _ = try new.sync(mailbox: mailbox, keys: newKeys, run: Run())
    return name
  }

  /// Asks the library, by the names of its functions.
  private func ask(_ doing: String, _ notebook: Notebook, _ keys: KeyRing, _ with: inout With) throws -> Any {
    switch doing {
    case "change": return try change(notebook, &with)

    case "parse_jot": return try notebook.parseJot(line: with.text("line"))
    case "jot_line": return try notebook.jotLine(line: with.text("line"))
    case "start_event": return try notebook.startEvent(title: with.text("title"), place: with.text("place"))
    case "running_event": return try notebook.runningEvent() as Any
    case "stop_event": return try notebook.stopEvent() as Any
    case "debrief_queue": return try notebook.debriefQueue(most: with.number("most", or: 0))
    case "debrief":
      let debrief = Debrief(
        place: "", recognise: try with.text("recognise"), thread: try with.text("thread"),
        openLoop: try with.text("open_loop"), nextStep: try with.text("next_step"),
        nextStepOn: try with.maybe("next_step_on"))
      return try notebook.debrief(id: with.text("id"), debrief: debrief)
    case "open_promises": return try notebook.openPromises(with: with.maybe("contact"))
    case "close_promise":
      let states: [String: PromiseState] = ["kept": .kept, "released": .released, "broken": .broken]
      let state = try with.one(of: states, "state")
      return try notebook.closePromise(id: with.text("id"), state: state, on: with.text("day"))
    case "introduce": return try notebook.introduce(a: with.text("a"), b: with.text("b"), why: with.text("why"))
    case "advance_introduction":
      let step: IntroductionStep =
        switch try with.text("step") {
        case "agreed": .agreed(try with.text("words"))
        case "made": .made
        case "talked": .talked
        case "outcome": .outcome(try with.text("words"))
        case let unknown: throw Untold(words: "nobody knows the step \(unknown)")
        }
      return try notebook.advanceIntroduction(id: with.text("id"), step: step)
    case "day_ahead": return try notebook.dayAhead(typed: with.text("typed")) as Any
    case "day_behind": return try notebook.dayBehind(typed: with.text("typed")) as Any

    case "today": return try notebook.today()
    case "today_page": return try notebook.todayPage()
    case "person_page": return try notebook.personPage(id: with.text("id"))
    case "group_page": return try notebook.groupPage(id: with.text("id"))
    case "people":
      let filter = PeopleFilter(
        tag: try with.maybe("tag") ?? "", organisation: try with.maybe("organisation") ?? "", event: "",
        deleted: try with.isSet("deleted", or: false))
      let (first, most) = (try with.number("first", or: 0), try with.number("most", or: 50))
      return try notebook.people(filter: filter, from: first, most: most)
    case "find": return try notebook.find(typed: with.text("typed"), most: 20)
    case "contacts_meant": return try notebook.contactsMeant(typed: with.text("typed"), most: 10)
    case "names": return try notebook.names(people: with.texts("people"))

    case "write_note":
      guard case .note(var note) = try blank(kind: .note) else { throw Untold(words: "a blank note is a note") }
      (note.body, note.about) = (try with.text("body"), try with.texts("about"))
      return try notebook.writeDown(record: .note(note))
    case "write_promise":
      guard case .promise(var promise) = try blank(kind: .promise) else { throw Untold(words: "it is a promise") }
      (promise.words, promise.due) = (try with.text("words"), try with.maybe("due"))
      return try notebook.writeDown(record: .promise(promise))
    case "set_zone":
      var settings = try notebook.settings()
      settings.zone = try with.text("zone")
      return try notebook.put(record: .settings(settings))
    case "set_currency":
      var settings = try notebook.settings()
      settings.currency = try with.text("currency")
      return try notebook.put(record: .settings(settings))
    case "settings": return try notebook.settings()
    case "record": return try notebook.record(id: with.text("id")) as Any
    case "delete": return try notebook.delete(id: with.text("id"))
    case "deleted": return try notebook.deleted(most: 50)
    case "bring_back": return try notebook.bringBack(id: with.text("id"))
    case "edited_beside_deletion": return try notebook.editedBesideDeletion(id: with.text("id"))
    case "undo": return _ = try notebook.undo(run: Run())
    case "history":
      let (first, most) = (try with.number("first", or: 0), try with.number("most", or: 50))
      return try notebook.history(id: with.text("id"), from: first, most: most)
    case "conflicts": return try notebook.conflicts(most: 10)
    case "choose":
      let value = String(decoding: try JSONEncoder().encode(try with.take("value")), as: UTF8.self)
      return try notebook.choose(id: with.text("id"), key: with.text("key"), value: value)
    case "same": return try notebook.same(a: with.text("a"), b: with.text("b"))
    case "not_same": return try notebook.notSame(a: with.text("a"), b: with.text("b"))
    case "purge_preview": return try notebook.purgePreview(id: with.text("id"))
    case "purge": return try notebook.purge(id: with.text("id"))
    case "rewrite": return try notebook.rewrite(id: with.text("id"), old: with.text("old"), new: with.text("new"))

    case "import_preview": return try notebook.importPreview(file: file(&with).path, run: Run())
    case "import_file": return try notebook.importFile(file: file(&with).path, run: Run())
    case "imports": return try notebook.imports()
    case "undo_import": return try notebook.undoImport(id: with.text("id"), run: Run())
    case "import_export": return try notebook.importExport(file: file(&with).path, run: Run())
    case "export_file":
      let forms: [String: ExportForm] = ["json": .json, "vcards": .vcards]
      let (form, isPrivate) = (try with.one(of: forms, "form"), try with.isSet("private"))
      return try notebook.exportFile(file: file(&with).path, form: form, private: isPrivate, run: Run())
    case "device_settings": return try notebook.deviceSettings()
    case "set_device_settings":
      let folder = try with.maybe("backup_folder").map { self.folder?.file($0).path ?? "" }
      let (notifications, lock) = (try with.isSet("notifications", or: false), try with.isSet("lock", or: false))
      return try notebook.setDeviceSettings(
        settings: DeviceSettings(notifications: notifications, lock: lock, backupFolder: folder))
    case "backup_if_due": return try notebook.backupIfDue(run: Run()) != nil
    case "backup": return try notebook.backup(file: file(&with).path, passphrase: with.maybe("passphrase"), run: Run())
    case "check_up": return try notebook.checkUp(run: Run())
    case "rebuild": return try notebook.rebuild(run: Run())
    case "tidy_all": return try notebook.tidyAll(run: Run())
    case "shut": return try notebook.shut()

    case "sync": return try notebook.sync(mailbox: mailbox, keys: keys, run: Run())
    case "join": return _ = try notebook.join(mailbox: mailbox, keys: keys, code: with.text("code"), run: Run())
    case "devices": return try notebook.devices(keys: keys)
    case "remove_device": return try notebook.removeDevice(keys: keys, device: with.text("device"))
    case "remove_device_as":
      let key = try with.text("recovery_key")
      return try notebook.removeDeviceAs(keys: keys, recoveryKey: key, device: with.text("device"))
    case "kept_back": return try notebook.keptBack(keys: keys)
    case "drop_kept_back": return try notebook.dropKeptBack(keys: keys, device: with.text("device"))
    case "make_recovery_key": return try notebook.makeRecoveryKey(mailbox: mailbox, keys: keys, old: nil, run: Run())
    case "recover":
      return try notebook.recover(mailbox: mailbox, keys: keys, recoveryKey: with.text("recovery_key"), run: Run())
    case "renew": return try notebook.renew(keys: keys, run: Run())
    case "renewal_waits_for": return try notebook.renewalWaitsFor(keys: keys) as Any
    default: throw Untold(words: "nobody knows how to do \(doing)")
    }
  }

  private func text(_ value: Value) throws -> String {
    guard let text = value.text else { throw Untold(words: "\(value) is no text") }
    return text
  }

  /// Changes one field of a record, as a screen does: on top of what was seen when the draft began.
  private func change(_ notebook: Notebook, _ with: inout With) throws {
    let draft = try notebook.draft(id: with.text("id"))
    let (field, to) = (try with.text("field"), try with.take("to"))
    switch try draft.record() {
    case .note(var note):
      guard field == "body" else { throw Untold(words: "nobody knows how to change \(field)") }
      note.body = try text(to)
      try notebook.save(draft: draft, after: .note(note))
    case .contact(var contact):
      switch field {
      case "nickname": contact.nickname = try text(to)
      case "recognise": contact.recognise = try text(to)
      case "about": contact.about = try text(to)
      case "tags":
        guard let tags = to.texts else { throw Untold(words: "tags are a list of texts") }
        contact.tags = tags
      default: throw Untold(words: "nobody knows how to change \(field)")
      }
      try notebook.save(draft: draft, after: .contact(contact))
    default: throw Untold(words: "nobody knows how to change such a record")
    }
  }
}

private func read(_ file: URL) throws -> Data {
  try Data(contentsOf: file)
}

private func moment(_ text: String) throws -> Date {
  try Date.ISO8601FormatStyle().parse(text)
}

private func isID(_ text: String) -> Bool {
  [32, 64].contains(text.utf8.count) && text.utf8.allSatisfy { (48...57).contains($0) || (97...102).contains($0) }
}

/// The id in an answer: the answer itself, its id, or that of its first row.
private func bound(_ answer: Value) throws -> String {
  switch answer {
  case .text(let id): return id
  case .list(let rows) where !rows.isEmpty: return try bound(rows[0])
  case .map(let map):
    let id = ["id", "contact", "record", "import"].compactMap { map[$0] }.first { $0 != .null }
    if let id { return try bound(id) }
  default: break
  }
  throw Untold(words: "there is no id in \(answer)")
}

/// What stands at the end of a path; below a list, of each of its members, and below nothing nothing.
private func at(_ value: Value, _ path: [Substring]) throws -> Value {
  if case .list(let list) = value { return .list(try list.map { try at($0, path) }) }
  guard let first = path.first, value != .null else { return value }
  guard let inner = value.map[String(first)] else { throw Untold(words: "there is no \(first) in \(value)") }
  return try at(inner, Array(path.dropFirst()))
}

/// Fails where a story names what is not there: a name that is misspelt would pass for nothing.
private func allThere(_ seen: Value, _ expected: Value) throws {
  for (seen, expected) in zip(seen.list, expected.list) { try allThere(seen, expected) }
  guard case .map(let seen) = seen else { return }
  for (key, expected) in expected.map {
    guard let inner = seen[key] else { throw Untold(words: "there is no \(key) in \(seen)") }
    try allThere(inner, expected)
  }
}

/// Fails when a step hands over what nobody takes.
private func nothingLeft(_ with: With, _ place: String) throws {
  guard with.left.isEmpty else { throw Untold(words: "\(place) has no \(with.left.keys)") }
}

/// A value of the library as JSON has it, with the words and fields of bindings/api.txt in small letters.
private func plain(_ value: Any) -> Value {
  switch value {
  case let value as Value: return value
  case let value as String: return .text(value)
  case let value as Bool: return .bool(value)
  case let value as any BinaryInteger: return .number(Int(value))
  case let value as Date: return .text(value.formatted(.iso8601))
  default: break
  }
  let mirror = Mirror(reflecting: value)
  let children = mirror.children.map { (snake($0.label ?? ""), $0.value) }
  switch mirror.displayStyle {
  case .optional: return children.first.map { plain($0.1) } ?? .null
  case .collection: return .list(children.map { plain($0.1) })
  case .dictionary:
    let pairs = mirror.children.compactMap { $0.value as? (key: String, value: UInt64) }
    return .map(Dictionary(uniqueKeysWithValues: pairs.map { ($0.key, plain($0.value)) }))
  case .enum: return children.first.map { plain($0.1) } ?? .text(snake("\(value)"))
  case .tuple: return .null
  default: return .map(Dictionary(uniqueKeysWithValues: children.map { ($0.0, plain($0.1)) }))
  }
}

private func snake(_ name: String) -> String {
  name.reduce(into: "") { snake, letter in
    snake += letter.isUppercase ? "_" + letter.lowercased() : String(letter)
  }
}
