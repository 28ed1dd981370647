//! Writes the other side of the bindings, in Kotlin, Swift or Python, from the built library; `bindings/generate` builds
//! it first.

mod list;

use std::path::Path;
use std::process::ExitCode;

use uniffi::{GenerateOptions, SwiftBindingsOptions, TargetLanguage, generate, generate_swift_bindings};

/// Where the settings of the generated code are.
const CONFIG: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../uniffi.toml");
/// Both halves of the C header as one module. The one uniffi would write names modules that only Apple has.
const MODULE_MAP: &str = "module NotebookFFI {
    header \"KithModelFFI.h\"
    header \"KithNotebookFFI.h\"
    link \"kith_bindings\"
    export *
}
";

#[allow(clippy::print_stderr)] // what went wrong is all it has to say
fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let done = match args.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["kotlin", library, out] => write(TargetLanguage::Kotlin, library, out),
        ["python", library, out] => write(TargetLanguage::Python, library, out),
        ["swift", library, out] => write_swift(library, out),
        ["api", library, out] => list::api(library).and_then(|text| Ok(std::fs::write(out, text)?)),
        _ => Err("usage: kith-bindgen kotlin|swift|python LIBRARY OUTDIR, or kith-bindgen api LIBRARY FILE".into()),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

type Failure = Box<dyn std::error::Error>;
type Done = Result<(), Failure>;

fn write(language: TargetLanguage, library: &str, out: &str) -> Done {
    generate(GenerateOptions {
        languages: vec![language],
        source: library.into(),
        out_dir: out.into(),
        config_override: Some(CONFIG.into()),
        ..GenerateOptions::default()
    })?;
    Ok(())
}

fn write_swift(library: &str, out: &str) -> Done {
    generate_swift_bindings(SwiftBindingsOptions {
        generate_swift_sources: true,
        generate_headers: true,
        source: library.into(),
        out_dir: out.into(),
        config: Some(CONFIG.into()),
        ..SwiftBindingsOptions::default()
    })?;
    Ok(std::fs::write(Path::new(out).join("module.modulemap"), MODULE_MAP)?)
}
