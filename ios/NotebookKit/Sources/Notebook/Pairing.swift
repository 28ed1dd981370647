// Two devices become those of one notebook: what the one does that has it, and what the one does that joins. Each step is
// the library's own; what is added is waiting, which ends when the task is cancelled.

import NotebookBindings

/// Pairing through a mailbox, seen from one of the two devices. Nobody is let in before both have said yes.
///
/// The one that has the notebook calls `invite`, shows the code, waits in `request`, and with a yes to the digits calls
/// `admit`, else `takeBack`. The one that joins calls `knock`, shows whose notebook it is, and with a yes calls `agree`,
/// else `decline`. A no, or digits that differ, end it at the other device with an error of the kind `declined`.
///
/// `knock` waits for the other device, which answers in `request` or at a sync: neither shows digits before the other can.
///
/// Waiting ends with an error, too, when the mailbox cannot be reached; called again, it goes on.
public struct Pairing: Sendable {
  private let notebook: AsyncNotebook
  private let mailbox: Mailbox
  private let keys: KeyRing
  private let every: Duration

  public init(_ notebook: AsyncNotebook, through mailbox: Mailbox, keys: KeyRing, every: Duration = .seconds(2)) {
    (self.notebook, self.mailbox, self.keys, self.every) = (notebook, mailbox, keys, every)
  }

  /// Begins an invitation; answers the code. An earlier one is void from then on.
  public func invite() async throws(NotebookError) -> String {
    try await notebook.run { [mailbox, keys] in try $0.invite(mailbox: mailbox, keys: keys, run: $1) }
  }

  /// Waits until the device that was invited asks: with its name, and the digits that it shows as well.
  public func request() async throws(NotebookError) -> JoinRequest {
    try await untilThere { [mailbox, keys] in try $0.requestToJoin(mailbox: mailbox, keys: keys, run: $1) }
  }

  /// Somebody here says yes: waits for the yes of the person there, and lets the device in; answers its name.
  public func admit(_ request: JoinRequest) async throws(NotebookError) -> String {
    try await untilThere { [mailbox, keys] in
      try $0.admit(mailbox: mailbox, keys: keys, digits: request.digits, run: $1)
    }
  }

  /// Somebody here says no, or waits no more: the code is void, and the other device hears of it. Done in a task that is
  /// cancelled already, too: that is the moment at which nobody waits any more.
  public func takeBack() async throws(NotebookError) {
    try await notebook.runToItsEnd { [mailbox, keys] in try $0.cancelInvitation(mailbox: mailbox, keys: keys, run: $1) }
  }

  /// Asks at the notebook the code leads into, and waits until that has heard of this device; answers what a person has to
  /// see before they say yes.
  public func knock(_ code: String) async throws(NotebookError) -> Knock {
    try await untilThere { [mailbox, keys] in try $0.knock(mailbox: mailbox, keys: keys, code: code, run: $1) }
  }

  /// Somebody here says yes: waits until the other device lets this one in; answers its name. What is here is added to the
  /// notebook there; a sync brings everything over.
  public func agree() async throws(NotebookError) -> String {
    try await notebook.run { [mailbox, keys] in try $0.agreeToJoin(mailbox: mailbox, keys: keys, run: $1) }
    return try await untilThere { [mailbox, keys] in
      guard case .joined(let from) = try $0.join(mailbox: mailbox, keys: keys, code: nil, run: $1) else { return nil }
      return from
    }
  }

  /// Somebody here says no: everything stays as it was, and the other device hears of it, also from a task that is
  /// cancelled already.
  public func decline() async throws(NotebookError) {
    try await notebook.runToItsEnd { [mailbox, keys] in try $0.declineToJoin(mailbox: mailbox, keys: keys, run: $1) }
  }

  private func untilThere<Answer: Sendable>(
    _ look: @escaping @Sendable (Notebook, Run) throws -> Answer?
  ) async throws(NotebookError) -> Answer {
    while true {
      if let answer = try await notebook.run(look) { return answer }
      do {
        try await Task.sleep(for: every)
      } catch {
        throw NotebookError(error)
      }
    }
  }
}
