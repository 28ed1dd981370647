// What can go wrong, by what can be done about it.

import NotebookBindings

/// A failure of the notebook. A screen shows the words that it has for the kind, never `words`.
public struct NotebookError: Error, Equatable, Sendable {
  /// What a screen switches on. The names are the keys of the table of words.
  public enum Kind: String, CaseIterable, Sendable {
    /// The rules do not allow it.
    case invalid
    /// There is no such record, file or place.
    case notFound
    /// A file stands there already, and was left alone.
    case exists
    /// A password, a passphrase or a key is missing or wrong, or is not enough.
    case denied
    /// The disk refused; what was saved before is safe.
    case storage
    /// Damaged bytes.
    case unreadable
    /// A newer version of Kith wrote it.
    case needsUpdate
    /// A place, a server or another device does not answer, or takes nothing just now.
    case unreachable
    /// The notebook there is another one, or this device has not joined it.
    case foreign
    /// This device was removed from its notebook.
    case removed
    /// An invitation came to nothing: nobody was let in, and nothing was joined.
    case declined
    /// This has to wait for a sync.
    case syncFirst
    /// Another device, or the place in between, sent something that cannot be taken.
    case peer
    /// Somebody took back what they had asked for.
    case cancelled
    /// The notebook was shut.
    case closed
    /// A mistake of Kith's own.
    case mistake
  }

  public let kind: Kind
  /// For a log, in English.
  public let words: String

  public init(kind: Kind, words: String) {
    self.kind = kind
    self.words = words
  }

  /// Whatever a call threw. Nothing but the library's own errors is expected; anything else is a mistake of Kith's own.
  init(_ error: any Error) {
    switch error {
    case let error as NotebookError: self = error
    case is CancellationError: self.init(kind: .cancelled, words: "the task was cancelled")
    case KithError.Invalid(let words): self.init(kind: .invalid, words: words)
    case KithError.NotFound(let words): self.init(kind: .notFound, words: words)
    case KithError.Exists(let words): self.init(kind: .exists, words: words)
    case KithError.Denied(let words): self.init(kind: .denied, words: words)
    case KithError.Storage(let words): self.init(kind: .storage, words: words)
    case KithError.Unreadable(let words): self.init(kind: .unreadable, words: words)
    case KithError.NeedsUpdate(let words): self.init(kind: .needsUpdate, words: words)
    case KithError.Unreachable(let words): self.init(kind: .unreachable, words: words)
    case KithError.Foreign(let words): self.init(kind: .foreign, words: words)
    case KithError.Removed(let words): self.init(kind: .removed, words: words)
    case KithError.Declined(let words): self.init(kind: .declined, words: words)
    case KithError.SyncFirst(let words): self.init(kind: .syncFirst, words: words)
    case KithError.Peer(let words): self.init(kind: .peer, words: words)
    case KithError.Cancelled(let words): self.init(kind: .cancelled, words: words)
    case KithError.Closed(let words): self.init(kind: .closed, words: words)
    case KithError.Panicked(let words): self.init(kind: .mistake, words: words)
    default: self.init(kind: .mistake, words: String(reflecting: error))
    }
  }
}
