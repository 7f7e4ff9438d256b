//! Writes COMMENT ON FUNCTION statements from the doc comments of the functions that SQL calls.
//!
//! The result, `function_comments.rs` in `OUT_DIR`, is one `extension_sql!`, which `src/lib.rs` includes. A function
//! without a doc comment fails the build.
use std::error::Error;
use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::{env, fs};

use syn::{Attribute, Expr, ItemFn, Lit, Meta};

fn main() -> Result<(), Box<dyn Error>> {
    let root = PathBuf::from(env::var("CARGO_MANIFEST_DIR")?);
    let mut files = Vec::new();
    source_files(&root.join("src"), &mut files)?;
    let mut comments = Vec::new();
    for file in &files {
        let source = syn::parse_file(&fs::read_to_string(file)?)
            .map_err(|e| format!("{}: {e}", file.display()))?;
        for item in &source.items {
            if let syn::Item::Fn(function) = item
                && let Some(name) = sql_name(function)?
            {
                let comment = doc_comment(&function.attrs);
                if comment.is_empty() {
                    return Err(format!("{}: {name}() has no doc comment", file.display()).into());
                }
                comments.push((
                    name,
                    comment,
                    rust_path(file.strip_prefix(root.join("src"))?, function),
                ));
            }
        }
    }
    comments.sort();

    let mut sql = String::new();
    let mut functions = String::new();
    for (name, comment, path) in &comments {
        write!(functions, "{path}, ")?;
        writeln!(sql, "comment on function carrel.{name} is '{}';", comment.replace('\'', "''"))?;
    }
    let rust = format!(
        "::pgrx::extension_sql!(r####\"\n{sql}\"####, name = \"function_comments\", requires = [{functions}]);\n"
    );
    fs::write(PathBuf::from(env::var("OUT_DIR")?).join("function_comments.rs"), rust)?;
    println!("cargo:rerun-if-changed=src");
    Ok(())
}

fn source_files(directory: &Path, files: &mut Vec<PathBuf>) -> Result<(), Box<dyn Error>> {
    for entry in fs::read_dir(directory)? {
        let path = entry?.path();
        if path.is_dir() {
            source_files(&path, files)?;
        } else if path.extension().is_some_and(|e| e == "rs") {
            files.push(path);
        }
    }
    Ok(())
}

/// The name by which SQL calls a function: that of `#[pg_extern(name = "…")]`, else the function's own; none for a function that SQL
/// does not call.
fn sql_name(function: &ItemFn) -> Result<Option<String>, Box<dyn Error>> {
    for attribute in &function.attrs {
        let Some(last) = attribute.path().segments.last() else { continue };
        if last.ident == "pg_extern" || last.ident == "pg_trigger" {
            let mut name = function.sig.ident.to_string();
            if let Meta::List(list) = &attribute.meta {
                let arguments = list.parse_args_with(
                    syn::punctuated::Punctuated::<Expr, syn::Token![,]>::parse_terminated,
                )?;
                for argument in &arguments {
                    if let Expr::Assign(assign) = argument
                        && matches!(&*assign.left, Expr::Path(p) if p.path.is_ident("name"))
                        && let Expr::Lit(value) = &*assign.right
                        && let Lit::Str(value) = &value.lit
                    {
                        name = value.value();
                    }
                }
            }
            return Ok(Some(name));
        }
    }
    Ok(None)
}

/// The path of a function in the crate, as `requires` of `extension_sql!` has it.
fn rust_path(file: &Path, function: &ItemFn) -> String {
    let mut segments: Vec<String> =
        file.with_extension("").iter().map(|s| s.to_string_lossy().into_owned()).collect();
    segments.retain(|s| s != "mod" && s != "lib");
    segments.push(function.sig.ident.to_string());
    segments.join("::")
}

/// A doc comment's paragraphs, each one line, with an empty line between them.
fn doc_comment(attributes: &[Attribute]) -> String {
    let mut paragraphs = vec![String::new()];
    for attribute in attributes {
        if let Meta::NameValue(doc) = &attribute.meta
            && attribute.path().is_ident("doc")
            && let Expr::Lit(line) = &doc.value
            && let Lit::Str(line) = &line.lit
        {
            let line = line.value();
            match (line.trim(), paragraphs.last_mut()) {
                ("", _) => paragraphs.push(String::new()),
                (text, Some(paragraph)) => {
                    if !paragraph.is_empty() {
                        paragraph.push(' ');
                    }
                    paragraph.push_str(text);
                }
                _ => {}
            }
        }
    }
    paragraphs.retain(|paragraph| !paragraph.is_empty());
    paragraphs.join("\n\n")
}
