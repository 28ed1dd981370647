// swift-tools-version: 6.0

// The notebook for a phone, without a screen in it. On Apple's systems the library is the XCFramework that `ios/xcframework`
// makes; on Linux, where the tests run as well, it is the one that `ios/generate` builds.

import PackageDescription

#if os(Linux)
  let library = Target.systemLibrary(name: "NotebookFFI")
  let folder = Context.packageDirectory + "/Library"
  let linking: [LinkerSetting] = [
    .unsafeFlags(["-L", folder, "-Xlinker", "-rpath", "-Xlinker", folder]),
    // Observation's library on Linux leaves a name open that nobody calls.
    .unsafeFlags(["-Xlinker", "--allow-shlib-undefined"]),
  ]
#else
  let library = Target.binaryTarget(name: "NotebookFFI", path: "NotebookFFI.xcframework")
  // What the Rust in a static library needs of the system does not travel with it. `bindings/check` compares this list with
  // the sources of every library below.
  let linking: [LinkerSetting] = [
    .linkedFramework("CoreFoundation"),
    .linkedFramework("Foundation"),
    .linkedFramework("Network", .when(platforms: [.iOS])),
    .linkedFramework("Security"),
    .linkedFramework("SystemConfiguration"),
    .linkedLibrary("iconv"),
    .linkedLibrary("objc"),
  ]
#endif

let package = Package(
  name: "NotebookKit",
  platforms: [.iOS(.v17), .macOS(.v14)],
  products: [.library(name: "Notebook", targets: ["Notebook"])],
  targets: [
    library,
    // Generated. The compiler of Swift 6.0 crashes on it in the language mode of 6.
    .target(
      name: "NotebookBindings",
      dependencies: ["NotebookFFI"],
      swiftSettings: [.swiftLanguageMode(.v5)],
      linkerSettings: linking
    ),
    .target(name: "Notebook", dependencies: ["NotebookBindings"]),
    .executableTarget(name: "Costs", dependencies: ["Notebook"]),
    .executableTarget(name: "Scribe", dependencies: ["Notebook"]),
    .testTarget(name: "NotebookTests", dependencies: ["Notebook", "NotebookFFI", "Scribe"]),
  ]
)
