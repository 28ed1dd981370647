// The notebook as Swift wants it: functions that suspend where the library's block. It mirrors nothing: whatever the
// library can do is done inside `ask`.

import Foundation
@_exported import NotebookBindings

/// An open notebook, to be shared by all screens.
///
///     let notebook = try await AsyncNotebook.open(at: file, device: "Anna's phone")
///     let jotted = try await notebook.ask { try $0.jotLine(line: "Dana Ruiz, Acme !call her by tue") }
public struct AsyncNotebook: Sendable {
  /// The library's own notebook. Its functions block: on the main actor, call `ask`.
  public let notebook: Notebook

  public init(_ notebook: Notebook) {
    self.notebook = notebook
  }

  /// Opens the notebook in this file, making it when there is none.
  public static func open(
    at file: URL, device: String, zone: TimeZone = .current, clock: (any PhoneClock)? = nil
  ) async throws(NotebookError) -> AsyncNotebook {
    try await away {
      let surroundings = Surroundings(device: device, zone: zone.identifier)
      return AsyncNotebook(try Notebook.open(path: file.path, surroundings: surroundings, clock: clock))
    }
  }

  /// Asks or changes the notebook, on a thread of its own. What was begun is finished, also when the task is cancelled
  /// meanwhile; what was not yet begun then never is.
  public func ask<Answer: Sendable>(
    _ question: @escaping @Sendable (Notebook) throws -> Answer
  ) async throws(NotebookError) -> Answer {
    try await away { [notebook] in try question(notebook) }
  }

  /// Does what takes long and can be taken back: cancelling the task cancels the run, and the work ends with its next
  /// file, record or answer. What was done until then stays.
  ///
  ///     let report = try await notebook.run { try $0.sync(mailbox: mailbox, keys: keys, run: $1) }
  public func run<Answer: Sendable>(
    _ work: @escaping @Sendable (Notebook, Run) throws -> Answer
  ) async throws(NotebookError) -> Answer {
    try await takenBack { [notebook] in try work(notebook, $0) }
  }

  /// The same for what has to be done when a task is cancelled, as telling another device that nobody waits for it any
  /// more: a cancelled task begins it, and it runs to its end.
  public func runToItsEnd<Answer: Sendable>(
    _ work: @escaping @Sendable (Notebook, Run) throws -> Answer
  ) async throws(NotebookError) -> Answer {
    try await begun { [notebook] in try work(notebook, try Run()) }
  }

  /// Makes a notebook from a backup, in a place where there is none. Cancelling the task takes it back, and nothing is left
  /// behind then.
  public static func restore(
    _ backup: URL, to file: URL, passphrase: String? = nil
  ) async throws(NotebookError) {
    try await takenBack { try restoreBackup(from: backup.path, to: file.path, passphrase: passphrase, run: $0) }
  }

  /// Shuts the notebook: everything asked from now on fails with the kind `closed`. Done in a task that is cancelled, too:
  /// whoever goes away shuts it.
  public func shut() async throws(NotebookError) {
    try await begun { [notebook] in try notebook.shut() }
  }
}

/// Does what takes long, and takes it back when the task is cancelled.
private func takenBack<Answer: Sendable>(
  _ work: @escaping @Sendable (Run) throws -> Answer
) async throws(NotebookError) -> Answer {
  do {
    let run = try Run()
    return try await withTaskCancellationHandler {
      try await away { try work(run) }
    } onCancel: {
      // It cannot fail; if it did, the work would only go on.
      try? run.cancel()
    }
  } catch {
    throw NotebookError(error)
  }
}

/// Where calls block. Not the threads of Swift's tasks: there are as few of those as cores, and none may wait.
private let threads = DispatchQueue(label: "kith.notebook", qos: .userInitiated, attributes: .concurrent)

/// Does what blocks, away from whoever awaits it.
func away<Answer: Sendable>(
  _ work: @escaping @Sendable () throws -> Answer
) async throws(NotebookError) -> Answer {
  guard !Task.isCancelled else { throw NotebookError(CancellationError()) }
  return try await begun(work)
}

/// The same, cancelled or not.
private func begun<Answer: Sendable>(
  _ work: @escaping @Sendable () throws -> Answer
) async throws(NotebookError) -> Answer {
  let answer = await withCheckedContinuation { continuation in
    threads.async { continuation.resume(returning: Result { try work() }.mapError(NotebookError.init)) }
  }
  return try answer.get()
}
