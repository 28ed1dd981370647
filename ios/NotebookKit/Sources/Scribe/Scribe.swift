// Jots lines without end, and prints the number of each once it is saved: a test kills it in the middle of a call.
//
//     Scribe FILE

import Foundation
import Notebook

@main struct Scribe {
  static func main() throws {
    let surroundings = Surroundings(device: "a scribe", zone: "Europe/Paris")
    let notebook = try Notebook.open(path: CommandLine.arguments[1], surroundings: surroundings, clock: nil)
    var number = 0
    while true {
      _ = try notebook.jotLine(line: "Person\(number) Scribbled !call them by tue")
      FileHandle.standardOutput.write(Data("\(number)\n".utf8))
      number += 1
    }
  }
}
