//! Elements of HTML, by their effect on the text of a page.

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Element {
    /// Belongs to the text around it. Unknown elements are inline.
    Inline,
    /// Separated from the text around it by a blank line.
    Block,
    /// Begins a line.
    Line,
    Break,
    Heading(u8),
    List,
    Item,
    Table,
    Row,
    Cell,
    /// Keeps its white space.
    Pre,
    Raw(Raw),
    /// Left out with its content, up to its end tag.
    Hidden(Hidden),
}

/// Elements without tags in their content.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Raw {
    /// Text with character references.
    TextArea,
    /// Text without character references.
    Xmp,
    /// Text up to the end of the page.
    PlainText,
    Script,
    /// Left out with its content. Name of the element.
    Dropped(&'static str),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Hidden {
    Object,
    Svg,
    Template,
}

impl Element {
    /// Element of this name, ignoring case.
    pub(super) fn named(name: &[u8]) -> Self {
        let mut lower = [0; 10];
        let Some(lower) = lower.get_mut(..name.len()) else { return Element::Inline };
        lower.copy_from_slice(name);
        lower.make_ascii_lowercase();
        match &*lower {
            b"address" | b"article" | b"aside" | b"blockquote" | b"body" | b"center"
            | b"details" | b"dialog" | b"div" | b"fieldset" | b"figcaption" | b"figure"
            | b"footer" | b"form" | b"header" | b"hgroup" | b"hr" | b"html" | b"legend"
            | b"main" | b"nav" | b"p" | b"search" | b"section" | b"summary" => Element::Block,
            b"caption" | b"dd" | b"optgroup" | b"option" | b"select" => Element::Line,
            b"br" => Element::Break,
            [b'h', level @ b'1'..=b'6'] => Element::Heading(level - b'0'),
            b"dir" | b"dl" | b"menu" | b"ol" | b"ul" => Element::List,
            b"dt" | b"li" => Element::Item,
            b"table" => Element::Table,
            b"tr" => Element::Row,
            b"td" | b"th" => Element::Cell,
            b"listing" | b"pre" => Element::Pre,
            b"object" => Element::Hidden(Hidden::Object),
            b"svg" => Element::Hidden(Hidden::Svg),
            b"template" => Element::Hidden(Hidden::Template),
            b"plaintext" => Element::Raw(Raw::PlainText),
            b"script" => Element::Raw(Raw::Script),
            b"textarea" => Element::Raw(Raw::TextArea),
            b"xmp" => Element::Raw(Raw::Xmp),
            b"iframe" => Element::Raw(Raw::Dropped("iframe")),
            b"noembed" => Element::Raw(Raw::Dropped("noembed")),
            b"noframes" => Element::Raw(Raw::Dropped("noframes")),
            b"noscript" => Element::Raw(Raw::Dropped("noscript")),
            b"style" => Element::Raw(Raw::Dropped("style")),
            b"title" => Element::Raw(Raw::Dropped("title")),
            _ => Element::Inline,
        }
    }
}

impl Raw {
    /// Name of the end tag.
    pub(super) fn name(self) -> &'static str {
        match self {
            Raw::TextArea => "textarea",
            Raw::Xmp => "xmp",
            Raw::PlainText => "plaintext",
            Raw::Script => "script",
            Raw::Dropped(name) => name,
        }
    }
}
