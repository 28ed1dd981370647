// What can go wrong, by what can be done about it.

import NotebookBindings

/// A failure of the notebook. A screen shows the words that it has for the kind, never `words`.
public struct NotebookError: Error, Equatable, Sendable {
  /// What a screen switches on. The names are the keys of the table of words.
  public enum Kind: String, CaseIterable, Sendable {
    /// The rules do not allow it.
    case invalid
    /// There is no such record or file.
    case notFound
    /// The disk refused; what was saved before is safe.
    case storage
    /// Damaged bytes.
    case unreadable
    /// A newer version of Kith wrote it.
    case needsUpdate
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
    case KithError.Storage(let words): self.init(kind: .storage, words: words)
    case KithError.Unreadable(let words): self.init(kind: .unreadable, words: words)
    case KithError.NeedsUpdate(let words): self.init(kind: .needsUpdate, words: words)
    case KithError.Peer(let words): self.init(kind: .peer, words: words)
    case KithError.Cancelled(let words): self.init(kind: .cancelled, words: words)
    case KithError.Closed(let words): self.init(kind: .closed, words: words)
    case KithError.Panicked(let words): self.init(kind: .mistake, words: words)
    default: self.init(kind: .mistake, words: String(reflecting: error))
    }
  }
}
