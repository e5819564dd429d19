//! Lists the files of `generators/`, so that a new one there is a new preset and nobody writes its name down twice.
//!
//! A crate that embeds folders would not do without this script either: only a build script makes cargo look at a folder
//! again when a file is added to it. What is left to do then is this loop.

use std::path::{Path, PathBuf};
use std::{env, fs, io};

fn main() -> io::Result<()> {
    let folder = Path::new(&variable("CARGO_MANIFEST_DIR")?).join("generators");
    println!("cargo::rerun-if-changed={}", folder.display());
    let entries = fs::read_dir(&folder)?.map(|entry| entry.map(|entry| entry.path())).collect::<io::Result<Vec<PathBuf>>>()?;
    let mut presets: Vec<_> = entries.into_iter().filter(|path| path.extension().is_some_and(|it| it == "toml")).collect();
    presets.sort();
    let line = |path: &PathBuf| format!("    ({:?}, include_str!({path:?})),\n", path.file_name().unwrap_or_default());
    let list: String = presets.iter().map(line).collect();
    fs::write(Path::new(&variable("OUT_DIR")?).join("presets.rs"), format!("&[\n{list}]\n"))
}

fn variable(name: &str) -> io::Result<String> {
    env::var(name).map_err(io::Error::other)
}
