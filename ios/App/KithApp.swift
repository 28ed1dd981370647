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
  @State private var shown = Shown<AsyncNotebook>.loading

  var body: some View {
    switch shown {
    case .loading: ProgressView().task { await open() }
    case .failed(let error): FailureView(error: error) { await open() }
    case .ready(let notebook): NotebookView(notebook: notebook)
    }
  }

  private func open() async {
    do {
      let folder = FileManager.default.urls(for: .applicationSupportDirectory, in: .userDomainMask)[0]
      // The folder is not there at first. When it cannot be made, opening says why.
      try? FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
      let file = folder.appendingPathComponent("notebook.kith")
      shown = .ready(try await AsyncNotebook.open(at: file, device: "iPhone"))
    } catch {
      shown = .failed(error)
    }
  }
}

/// The screens of an open notebook.
struct NotebookView: View {
  @Environment(\.scenePhase) private var phase
  @State private var jot: JotModel
  @State private var today: TodayModel
  private let notebook: AsyncNotebook

  init(notebook: AsyncNotebook) {
    self.notebook = notebook
    _jot = State(wrappedValue: JotModel(notebook))
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
      if now == .active { Task { await comeBack() } }
    }
  }

  /// A share sheet may have written meanwhile, and the day may be another.
  private func comeBack() async {
    today.settle()
    _ = try? await notebook.ask { try $0.lookAround() }
    await today.page.reload()
  }
}
