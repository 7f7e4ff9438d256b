//! Kinds of words: the token types of PostgreSQL's default parser.

/// Kind of a word. The value is the number of the token type (`ts_token_type('default')`), so that a
/// text search configuration maps words to dictionaries as it maps the parser's tokens.
///
/// Missing are the types that no configuration indexes: `blank`, `tag`, `protocol`, `entity`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Kind {
    /// Word of ASCII letters.
    Asciiword = 1,
    /// Word of letters, or an emoji.
    Word = 2,
    /// Word of letters and digits, an identifier, or a name with signs (`C++`, `AT&T`).
    Numword = 3,
    Email = 4,
    /// Web address without its scheme.
    Url = 5,
    Host = 6,
    /// Number with an exponent.
    Sfloat = 7,
    /// Numbers with at least two points.
    Version = 8,
    /// Part of a hyphenated word, of letters and digits.
    HwordNumpart = 9,
    /// Part of a hyphenated word, of letters.
    HwordPart = 10,
    /// Part of a hyphenated word, of ASCII letters.
    HwordAsciipart = 11,
    /// Hyphenated word with digits.
    Numhword = 15,
    /// Hyphenated word of ASCII letters.
    Asciihword = 16,
    /// Hyphenated word of letters.
    Hword = 17,
    /// Path, query and fragment of a web address.
    UrlPath = 18,
    /// Path or name of a file.
    File = 19,
    Float = 20,
    /// Number with a sign.
    Int = 21,
    Uint = 22,
}

impl Kind {
    pub const ALL: [Self; 19] = [
        Self::Asciiword,
        Self::Word,
        Self::Numword,
        Self::Email,
        Self::Url,
        Self::Host,
        Self::Sfloat,
        Self::Version,
        Self::HwordNumpart,
        Self::HwordPart,
        Self::HwordAsciipart,
        Self::Numhword,
        Self::Asciihword,
        Self::Hword,
        Self::UrlPath,
        Self::File,
        Self::Float,
        Self::Int,
        Self::Uint,
    ];

    /// Alias of the token type, as in `alter text search configuration … for <alias>`.
    pub fn alias(self) -> &'static str {
        match self {
            Self::Asciiword => "asciiword",
            Self::Word => "word",
            Self::Numword => "numword",
            Self::Email => "email",
            Self::Url => "url",
            Self::Host => "host",
            Self::Sfloat => "sfloat",
            Self::Version => "version",
            Self::HwordNumpart => "hword_numpart",
            Self::HwordPart => "hword_part",
            Self::HwordAsciipart => "hword_asciipart",
            Self::Numhword => "numhword",
            Self::Asciihword => "asciihword",
            Self::Hword => "hword",
            Self::UrlPath => "url_path",
            Self::File => "file",
            Self::Float => "float",
            Self::Int => "int",
            Self::Uint => "uint",
        }
    }
}
