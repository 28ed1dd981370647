// What a person reads when something failed: the words we have for its kind, never those of the error.

import Notebook
import SwiftUI

/// A failure, and when there is something to try again, a button for it.
struct FailureView: View {
  let error: NotebookError
  var again: (@MainActor () async -> Void)?

  var body: some View {
    VStack(alignment: .leading) {
      Text(LocalizedStringKey("error.\(error.kind.rawValue)" as String)).foregroundStyle(.red)
      Text(LocalizedStringKey("error.\(error.kind.rawValue).next" as String)).font(.footnote)
      if let again {
        Button("error.again") { Task { await again() } }
      }
    }
  }
}
