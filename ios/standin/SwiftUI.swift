// A stand-in for SwiftUI, so that the screens can be type-checked where there is no SwiftUI. It does nothing, was written
// from memory of the names that the screens use, and proves nothing about Apple's API: only a Mac does that.

import Foundation
import Observation

// ---- apps and scenes ------------------------------------------------------------------------------------------------

@MainActor public protocol App {
  associatedtype Body: Scene
  @SceneBuilder var body: Body { get }
  init()
}

extension App {
  public static func main() {}
}

@MainActor public protocol Scene {}

@resultBuilder public enum SceneBuilder {
  public static func buildBlock<Content: Scene>(_ content: Content) -> Content { content }
}

public struct WindowGroup<Content: View>: Scene {
  public init(@ViewBuilder content: () -> Content) {}
}

public enum ScenePhase: Sendable {
  case background
  case inactive
  case active
}

// ---- views ----------------------------------------------------------------------------------------------------------

@MainActor public protocol View {
  associatedtype Body: View
  @ViewBuilder var body: Body { get }
}

extension Never: View {
  public var body: Never { fatalError("nobody asks") }
}

/// A view without a body of its own.
@MainActor public protocol Leaf: View where Body == Never {}

extension Leaf {
  public var body: Never { fatalError("nobody asks") }
}

public struct EmptyView: Leaf {}
public struct Several<each Content: View>: Leaf {}
public struct Either<First: View, Second: View>: Leaf {}
public struct Changed<Content: View>: Leaf {}

extension Optional: View where Wrapped: View {
  public var body: Never { fatalError("nobody asks") }
}

@resultBuilder public enum ViewBuilder {
  public static func buildBlock() -> EmptyView { EmptyView() }
  public static func buildBlock<Content: View>(_ content: Content) -> Content { content }
  public static func buildBlock<each Content: View>(_ content: repeat each Content) -> Several<repeat each Content> {
    Several()
  }
  public static func buildExpression<Content: View>(_ content: Content) -> Content { content }
  public static func buildIf<Content: View>(_ content: Content?) -> Content? { content }
  public static func buildEither<First: View, Second: View>(first: First) -> Either<First, Second> { Either() }
  public static func buildEither<First: View, Second: View>(second: Second) -> Either<First, Second> { Either() }
}

public struct LocalizedStringKey: ExpressibleByStringInterpolation {
  public init(stringLiteral value: String) {}
  public init(_ value: String) {}
}

public struct Text: Leaf {
  public init(_ key: LocalizedStringKey) {}
  @_disfavoredOverload public init(_ words: String) {}
  public init(verbatim words: String) {}
  public func foregroundStyle(_ colour: Color) -> Text { self }
  public static func + (first: Text, second: Text) -> Text { first }
}

public struct Label: Leaf {
  public init(_ key: LocalizedStringKey, systemImage: String) {}
}

public struct TextField: Leaf {
  public enum Axis { case vertical }
  public init(_ key: LocalizedStringKey, text: Binding<String>, axis: Axis) {}
  public init(_ key: LocalizedStringKey, text: Binding<String>) {}
}

public struct Button: Leaf {
  public init(_ key: LocalizedStringKey, action: @escaping @MainActor () -> Void) {}
  public init<Content: View>(action: @escaping @MainActor () -> Void, @ViewBuilder label: () -> Content) {}
}

public struct Toggle: Leaf {
  public init(_ key: LocalizedStringKey, isOn: Binding<Bool>) {}
}

public struct ProgressView: Leaf {
  public init() {}
}

public struct LabeledContent: Leaf {
  public init<Content: View>(_ key: LocalizedStringKey, @ViewBuilder content: () -> Content) {}
}

public struct Form<Content: View>: Leaf {
  public init(@ViewBuilder content: () -> Content) {}
}

public struct List<Content: View>: Leaf {
  public init(@ViewBuilder content: () -> Content) {}
}

public struct Section<Content: View>: Leaf {
  public init(@ViewBuilder content: () -> Content) {}
  public init(_ title: LocalizedStringKey, @ViewBuilder content: () -> Content) {}
}

public enum HorizontalAlignment { case leading }

public struct VStack<Content: View>: Leaf {
  public init(alignment: HorizontalAlignment, @ViewBuilder content: () -> Content) {}
}

public struct NavigationStack<Content: View>: Leaf {
  public init(@ViewBuilder root: () -> Content) {}
}

public struct TabView<Content: View>: Leaf {
  public init(@ViewBuilder content: () -> Content) {}
}

public struct ForEach<Rows: RandomAccessCollection, ID: Hashable, Content: View>: Leaf {
  public init(_ rows: Rows, id: KeyPath<Rows.Element, ID>, @ViewBuilder content: @escaping (Rows.Element) -> Content) {}
  public func onDelete(perform: ((IndexSet) -> Void)?) -> ForEach { self }
}

// ---- changing views -------------------------------------------------------------------------------------------------

public struct Color: Sendable {
  public static let accentColor = Color()
  public static let secondary = Color()
  public static let red = Color()
}

public struct Font: Sendable {
  public static let footnote = Font()
  public static let headline = Font()
}

extension View {
  public func task(_ action: @escaping @Sendable @MainActor () async -> Void) -> Changed<Self> { Changed() }
  public func refreshable(action: @escaping @Sendable @MainActor () async -> Void) -> Changed<Self> { Changed() }
  public func navigationTitle(_ title: LocalizedStringKey) -> Changed<Self> { Changed() }
  public func tabItem<Content: View>(@ViewBuilder _ label: () -> Content) -> Changed<Self> { Changed() }
  public func disabled(_ isDisabled: Bool) -> Changed<Self> { Changed() }
  public func font(_ font: Font) -> Changed<Self> { Changed() }
  public func foregroundStyle(_ colour: Color) -> Changed<Self> { Changed() }
  public func swipeActions<Content: View>(@ViewBuilder content: () -> Content) -> Changed<Self> { Changed() }
  public func onChange<Value: Equatable>(of value: Value, _ action: @escaping (Value, Value) -> Void) -> Changed<Self> {
    Changed()
  }
}

extension RangeReplaceableCollection where Self: MutableCollection {
  public mutating func remove(atOffsets offsets: IndexSet) {}
}

// ---- state ----------------------------------------------------------------------------------------------------------

@propertyWrapper public struct State<Value> {
  public var wrappedValue: Value {
    get { value }
    nonmutating set {}
  }
  private let value: Value

  public init(wrappedValue: Value) {
    value = wrappedValue
  }
}

@propertyWrapper public struct Environment<Value> {
  public let wrappedValue: Value

  public init(_ path: KeyPath<EnvironmentValues, Value>) {
    wrappedValue = EnvironmentValues()[keyPath: path]
  }
}

public struct EnvironmentValues {
  public var scenePhase: ScenePhase { .active }
}

@propertyWrapper public struct Binding<Value> {
  public let wrappedValue: Value

  public init(get: @escaping () -> Value, set: @escaping (Value) -> Void) {
    wrappedValue = get()
  }
}

@dynamicMemberLookup @propertyWrapper public struct Bindable<Model: AnyObject & Observable> {
  public let wrappedValue: Model
  public var projectedValue: Bindable<Model> { self }

  public init(wrappedValue: Model) {
    self.wrappedValue = wrappedValue
  }

  public subscript<Value>(dynamicMember path: ReferenceWritableKeyPath<Model, Value>) -> Binding<Value> {
    Binding(get: { wrappedValue[keyPath: path] }, set: { wrappedValue[keyPath: path] = $0 })
  }
}
