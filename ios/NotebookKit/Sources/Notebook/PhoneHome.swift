// Where a phone keeps its notebook, and what else is of this phone alone.

import Foundation
import NotebookBindings

/// A folder of its own for the notebook, which no backup of the phone takes along, to iCloud or to a computer: a copy of a
/// notebook on another phone would think it is this one, and whoever keeps the backup could read it. Devices join, they are
/// not copied; a backup of Kith's own is a file.
public struct PhoneHome: Sendable {
  /// The notebook.
  public let notebook: URL
  /// The line that was typed and not saved.
  public let line: URL

  /// Makes the folder in this one, which an app asks the system for (Application Support).
  ///
  /// Fails with the kind `storage` when that cannot be, also when the folder cannot be kept out of backups.
  public init(in folder: URL) throws(NotebookError) {
    let home = folder.appendingPathComponent("Kith", isDirectory: true)
    do {
      try FileManager.default.createDirectory(at: home, withIntermediateDirectories: true)
      try keptOutOfBackups(home)
    } catch {
      throw NotebookError(kind: .storage, words: String(reflecting: error))
    }
    (notebook, line) = (home.appendingPathComponent("notebook.kith"), home.appendingPathComponent("line"))
  }
}

/// What stands on the folder holds for all that is in it, now and later.
private func keptOutOfBackups(_ folder: URL) throws {
  var (folder, values) = (folder, URLResourceValues())
  values.isExcludedFromBackup = true
  try folder.setResourceValues(values)
}

/// What a phone says it is: two phones of one person are often of two models, and the name that somebody gave theirs is told
/// to no app without a permission of Apple's. Such as `iPhone15,2`.
public func modelOfPhone() -> String {
  var system = utsname()
  guard uname(&system) == 0 else { return "iPhone" }
  let name = withUnsafeBytes(of: &system.machine) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
  return name.isEmpty ? "iPhone" : name
}
