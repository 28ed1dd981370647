// The app: opens the notebook, and shows its two screens.

import Foundation
import Notebook
import SwiftUI

@main struct KithApp: App {
  var body: some Scene {
    WindowGroup { OpeningView() }
  }
}

/// Opens the notebook, and says so when it cannot.
struct OpeningView: View {
  @State private var shown = Shown<Opened>.loading

  var body: some View {
    switch shown {
    case .loading: ProgressView().task { await open() }
    case .failed(let error): FailureView(error: error) { await open() }
    case .ready(let opened): NotebookView(opened)
    }
  }

  private func open() async {
    do {
      let folder = FileManager.default.urls(for: .applicationSupportDirectory, in: .userDomainMask)[0]
      let home = try PhoneHome(in: folder)
      let notebook = try await AsyncNotebook.open(at: home.notebook, device: modelOfPhone())
      shown = .ready(Opened(notebook: notebook, home: home))
    } catch {
      shown = .failed(error)
    }
  }
}

/// A notebook, and where it is.
struct Opened {
  let notebook: AsyncNotebook
  let home: PhoneHome
}

/// The screens of an open notebook.
struct NotebookView: View {
  @Environment(\.scenePhase) private var phase
  @State private var jot: JotModel
  @State private var today: TodayModel
  private let notebook: AsyncNotebook

  init(_ opened: Opened) {
    notebook = opened.notebook
    _jot = State(wrappedValue: JotModel(notebook, keepingLineIn: opened.home.line))
    _today = State(wrappedValue: TodayModel(notebook))
  }

  var body: some View {
    TabView {
      NavigationStack { JotView(model: jot) }
        .tabItem { Label("jot.title", systemImage: "square.and.pencil") }
      NavigationStack { TodayView(model: today) }
        .tabItem { Label("today.title", systemImage: "sun.max") }
    }
    .onChange(of: phase) { _, now in
      // An app that is left may be ended at any moment, and nobody asks it again.
      if now == .active { Task { await comeBack() } } else { jot.keepLine() }
    }
  }

  /// A share sheet may have written meanwhile, the day may be another, and so may the zone.
  private func comeBack() async {
    today.settle()
    // What the system remembers of the zone is what it was when the app began.
    NSTimeZone.resetSystemTimeZone()
    let zone = TimeZone.current.identifier
    _ = try? await notebook.ask {
      try $0.setZone(zone: zone)
      _ = try $0.lookAround()
    }
    await today.page.reload()
  }
}
