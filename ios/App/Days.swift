// Days in the words of the app.

import Notebook
import SwiftUI

@MainActor extension Days.Near {
  /// `today`, `tomorrow`, or the date.
  var text: Text {
    switch self {
    case .today: Text("day.today")
    case .tomorrow: Text("day.tomorrow")
    case .on(let date): Text(verbatim: date)
    }
  }
}

@MainActor extension Days.Due {
  /// `3 days late`, `today`, `by Tue 24 Nov`.
  var text: Text {
    switch self {
    case .late(let days): Text("day.late \(Int(days))")
    case .today: Text("day.today")
    case .tomorrow: Text("day.byTomorrow")
    case .by(let date): Text("day.by \(date)")
    }
  }
}

/// Words, and the day they are about when there is one.
func told(_ words: String, _ day: Day?) -> String {
  day.map { "\(words) · \(Days().inWords($0))" } ?? words
}
