//! Format of a file, by its MIME type, else by its name.

use super::options::Format;

/// MIME types that say nothing about the format.
const UNSPECIFIC: [&str; 4] = ["", "text/plain", "application/octet-stream", "binary/octet-stream"];

const TYPES: [(Format, &[&str]); 4] = [
    (Format::Markdown, &["text/markdown", "text/x-markdown"]),
    (Format::Html, &["text/html", "application/xhtml+xml"]),
    (
        Format::Json,
        &[
            "application/json",
            "text/json",
            "application/jsonl",
            "application/x-jsonlines",
            "application/ndjson",
            "application/x-ndjson",
        ],
    ),
    (
        Format::Yaml,
        &["application/yaml", "text/yaml", "application/x-yaml", "text/x-yaml", "text/vnd.yaml"],
    ),
];

const EXTENSIONS: [(Format, &[&str]); 4] = [
    (Format::Markdown, &["md", "markdown", "mdown", "mkd", "mdx"]),
    (Format::Html, &["html", "htm", "xhtml"]),
    (Format::Json, &["json", "jsonl", "ndjson", "geojson"]),
    (Format::Yaml, &["yaml", "yml"]),
];

impl Format {
    /// Format of a file. The MIME type decides, without its parameters. If it is missing or
    /// unspecific, the extension of the file name decides. Unknown formats are plain text.
    pub fn of_file(file_type: Option<&str>, filename: &str) -> Self {
        let file_type = file_type.unwrap_or_default();
        let essence = file_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
        if UNSPECIFIC.contains(&&*essence) {
            let extension = filename.rsplit_once('.').map_or("", |(_, extension)| extension);
            return find(&EXTENSIONS, &extension.to_ascii_lowercase());
        }
        match essence.rsplit_once('+') {
            Some((_, "json")) => Format::Json,
            Some((_, "yaml")) => Format::Yaml,
            _ => find(&TYPES, &essence),
        }
    }
}

fn find(known: &[(Format, &[&str])], name: &str) -> Format {
    let found = known.iter().find(|(_, names)| names.contains(&name));
    found.map_or(Format::Plain, |&(format, _)| format)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_type_decides() {
        for (file_type, format) in [
            ("text/markdown", Format::Markdown),
            ("Text/HTML; charset=utf-8", Format::Html),
            ("application/xhtml+xml", Format::Html),
            ("application/ld+json", Format::Json),
            ("application/x-ndjson", Format::Json),
            ("application/openapi+yaml", Format::Yaml),
            ("text/x-yaml", Format::Yaml),
            ("text/csv", Format::Plain),
        ] {
            assert_eq!(Format::of_file(Some(file_type), "a.md.txt"), format, "{file_type}");
        }
        assert_eq!(Format::of_file(Some("text/csv"), "a.md"), Format::Plain);
    }

    #[test]
    fn the_name_decides_if_the_type_is_unspecific() {
        for file_type in
            [None, Some(""), Some("text/plain; charset=utf-8"), Some("application/octet-stream")]
        {
            for (name, format) in [
                ("README.MD", Format::Markdown),
                ("a.b.html", Format::Html),
                ("x.jsonl", Format::Json),
                ("ci.yml", Format::Yaml),
                ("md", Format::Plain),
                ("notes.txt", Format::Plain),
                ("", Format::Plain),
            ] {
                assert_eq!(Format::of_file(file_type, name), format, "{file_type:?} {name}");
            }
        }
    }
}
