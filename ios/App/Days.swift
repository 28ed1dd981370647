// Days in the words of the phone's language.

import Foundation
import Notebook

/// A day of the notebook, `2026-11-22`, as this phone's owner reads it.
func inWords(_ day: Day) -> String {
  let parts = day.split(separator: "-").compactMap { Int($0) }
  guard parts.count == 3 else { return day }
  let noon = DateComponents(year: parts[0], month: parts[1], day: parts[2], hour: 12)
  guard let date = Calendar(identifier: .gregorian).date(from: noon) else { return day }
  return date.formatted(.dateTime.weekday().day().month())
}

/// Words, and the day they are about when there is one.
func told(_ words: String, _ day: Day?) -> String {
  day.map { "\(words) · \(inWords($0))" } ?? words
}
