//! The API as a text: every name, signature and checksum, so that a change of it can be seen in a review.

use uniffi_bindgen::interface::{Argument, AsType, Enum, Field, Object, Type};
use uniffi_bindgen::{BindgenLoader, BindgenPaths, ComponentInterface, GlobalConfig};

use crate::Failure;

/// Lists what the library exports, both components, in the order of names.
pub(crate) fn api(library: &str) -> Result<String, Failure> {
    let loader = BindgenLoader::new(BindgenPaths::default(), GlobalConfig::default());
    let mut components = loader.load_cis(loader.load_metadata(library.into())?)?;
    components.sort_by(|a, b| a.namespace().cmp(b.namespace()));
    let mut text = String::from(
        "# What Kith exports to Kotlin, Swift and Python. Written by `bindings/generate api`; never by hand.\n\
         # A number behind a function is uniffi's checksum of it, by which generated code knows its library.\n",
    );
    for component in &components {
        text.push_str(&format!("\n## {}\n\n", component.namespace()));
        let mut lines = lines_of(component);
        lines.sort();
        lines.iter().for_each(|line| text.push_str(&format!("{line}\n")));
    }
    Ok(text)
}

fn lines_of(component: &ComponentInterface) -> Vec<String> {
    let mut lines = Vec::new();
    for function in component.function_definitions() {
        let name = format!("fn {}", function.name());
        let answer = (function.return_type(), function.throws_name());
        lines.push(signature(&name, &function.arguments(), answer, function.checksum()));
    }
    component.object_definitions().iter().for_each(|object| lines.extend(lines_of_object(object)));
    for record in component.record_definitions() {
        lines.push(format!("record {} {{ {} }}", record.name(), fields(record.fields())));
    }
    for of in component.enum_definitions() {
        let what = if component.is_name_used_as_error(of.name()) { "error" } else { "enum" };
        lines.push(format!("{what} {} {{ {} }}", of.name(), variants(of)));
    }
    for of in component.iter_local_types() {
        if let Type::Custom { name, builtin, .. } = of {
            lines.push(format!("type {name} = {}", words(builtin)));
        }
    }
    lines
}

fn lines_of_object(object: &Object) -> Vec<String> {
    let what = if object.has_callback_interface() { "trait" } else { "object" };
    let mut lines = vec![format!("{what} {}", object.name())];
    for constructor in object.constructors() {
        let name = format!("{what} {}: new {}", object.name(), constructor.name());
        let answer = (None, constructor.throws_name());
        lines.push(signature(&name, &constructor.arguments(), answer, constructor.checksum()));
    }
    for method in object.methods() {
        let name = format!("{what} {}: fn {}", object.name(), method.name());
        let answer = (method.return_type(), method.throws_name());
        lines.push(signature(&name, &method.arguments(), answer, method.checksum()));
    }
    lines
}

fn signature(name: &str, taken: &[&Argument], (answer, error): (Option<&Type>, Option<&str>), checksum: u16) -> String {
    let taken: Vec<String> = taken.iter().map(|of| format!("{}: {}", of.name(), words(&of.as_type()))).collect();
    let answer = answer.map(|of| format!(" -> {}", words(of))).unwrap_or_default();
    let error = error.map(|of| format!(" throws {of}")).unwrap_or_default();
    format!("{name}({}){answer}{error}  {checksum}", taken.join(", "))
}

fn fields(fields: &[Field]) -> String {
    let named = |field: &Field| match field.name() {
        "" => words(&field.as_type()),
        name => format!("{name}: {}", words(&field.as_type())),
    };
    fields.iter().map(named).collect::<Vec<_>>().join(", ")
}

fn variants(of: &Enum) -> String {
    let variant = |variant: &uniffi_bindgen::interface::Variant| match fields(variant.fields()).as_str() {
        "" => variant.name().to_string(),
        inside => format!("{}({inside})", variant.name()),
    };
    of.variants().iter().map(variant).collect::<Vec<_>>().join(", ")
}

/// A type as one says it in Rust.
fn words(of: &Type) -> String {
    match of {
        Type::Optional { inner_type } => format!("Option<{}>", words(inner_type)),
        Type::Sequence { inner_type } => format!("Vec<{}>", words(inner_type)),
        Type::Map { key_type, value_type } => format!("HashMap<{}, {}>", words(key_type), words(value_type)),
        Type::Object { name, .. } | Type::Record { name, .. } | Type::Enum { name, .. } | Type::Custom { name, .. } => {
            name.clone()
        }
        plain => format!("{plain:?}"),
    }
}

#[cfg(test)]
mod tests {
    use std::env::consts::{DLL_PREFIX, DLL_SUFFIX};
    use std::path::Path;

    /// The library is a dev-dependency, so it lies beside this test.
    #[test]
    fn the_api_is_the_one_that_was_reviewed() {
        let test = std::env::current_exe().expect("this test has a place");
        let library = test.with_file_name(format!("{DLL_PREFIX}kith_bindings{DLL_SUFFIX}"));
        let listed = super::api(&library.to_string_lossy()).expect("the library says what is in it");
        let reviewed = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../api.txt"));
        let reviewed = reviewed.expect("it is committed");
        let wrong = listed.lines().find(|line| !reviewed.contains(*line));
        assert!(listed == reviewed, "look at it with `bindings/generate api && git diff bindings/api.txt`: {wrong:?}");
    }
}
