//! Character references: `&amp;`, `&#38;`, and those without a semicolon.

use std::collections::HashMap;
use std::sync::LazyLock;

use entities::ENTITIES;

use super::super::meter::{MAX_STEP, Meter};

/// Characters of a reference: one or two.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Characters {
    One(char),
    Named(&'static str),
}

/// Characters by name, with the ampersand and the semicolon. Some old names exist without the
/// semicolon too.
static NAMES: LazyLock<HashMap<&str, &str>> =
    LazyLock::new(|| ENTITIES.iter().map(|entity| (entity.entity, entity.characters)).collect());

/// Length of the longest name, and of the longest name without a semicolon, ampersands included.
const LONGEST: usize = "&CounterClockwiseContourIntegral;".len();
const LONGEST_OPEN: usize = "&frac12".len();

/// Characters for 0x80 to 0x9F: windows-1252 where it has a character.
const WINDOWS: [u16; 32] = [
    0x20AC, 0x81, 0x201A, 0x0192, 0x201E, 0x2026, 0x2020, 0x2021, 0x02C6, 0x2030, 0x0160, 0x2039,
    0x0152, 0x8D, 0x017D, 0x8F, 0x90, 0x2018, 0x2019, 0x201C, 0x201D, 0x2022, 0x2013, 0x2014,
    0x02DC, 0x2122, 0x0161, 0x203A, 0x0153, 0x9D, 0x017E, 0x0178,
];

/// Reads the reference that begins with the ampersand at `at`. Returns its end and its characters.
pub(super) fn reference<T: FnMut()>(
    text: &str,
    at: usize,
    meter: &mut Meter<T>,
) -> Option<(usize, Characters)> {
    let bytes = text.as_bytes();
    if bytes.get(at + 1) == Some(&b'#') {
        let hex = matches!(bytes.get(at + 2), Some(b'x' | b'X'));
        return numeric(bytes, at + 2 + usize::from(hex), if hex { 16 } else { 10 }, meter);
    }
    let name = &bytes[at..bytes.len().min(at + LONGEST)];
    let length = 1 + name[1..].iter().take_while(|b| b.is_ascii_alphanumeric()).count();
    let known = |length: usize| {
        let named = NAMES.get(text.get(at..at + length)?)?;
        Some((at + length, Characters::Named(named)))
    };
    if name.get(length) == Some(&b';')
        && let Some(found) = known(length + 1)
    {
        return Some(found);
    }
    (2..=length.min(LONGEST_OPEN)).rev().find_map(known)
}

/// Reads the digits of a numeric reference, which begin at `at`.
fn numeric<T: FnMut()>(
    bytes: &[u8],
    at: usize,
    radix: u32,
    meter: &mut Meter<T>,
) -> Option<(usize, Characters)> {
    let mut end = at;
    let mut code = 0u32;
    while let Some(digit) = bytes.get(end).and_then(|&b| char::from(b).to_digit(radix)) {
        code = code.saturating_mul(radix).saturating_add(digit);
        end += 1;
        if (end - at).is_multiple_of(MAX_STEP) {
            meter.work(MAX_STEP);
        }
    }
    if end == at {
        return None;
    }
    let code = match code {
        0 => None,
        0x80..=0x9F => Some(u32::from(WINDOWS[code as usize - 0x80])),
        _ => Some(code),
    };
    let char = code.and_then(char::from_u32).unwrap_or(char::REPLACEMENT_CHARACTER);
    let semicolon = bytes.get(end) == Some(&b';');
    Some((end + usize::from(semicolon), Characters::One(char)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decode(text: &str) -> Option<(usize, String)> {
        let (end, characters) = reference(text, 0, &mut Meter::new(|| {}))?;
        Some((
            end,
            match characters {
                Characters::One(char) => char.to_string(),
                Characters::Named(named) => named.to_string(),
            },
        ))
    }

    #[test]
    fn the_limits_equal_the_longest_names() {
        let longest = |open: bool| {
            let names = NAMES.keys().filter(|name| !name.ends_with(';') || !open);
            names.map(|name| name.len()).max()
        };
        assert_eq!((longest(false), longest(true)), (Some(LONGEST), Some(LONGEST_OPEN)));
    }

    #[test]
    fn every_name_is_known_and_the_longest_counts() {
        for entity in &ENTITIES {
            let text = format!("{}=", entity.entity);
            assert_eq!(decode(&text), Some((entity.entity.len(), entity.characters.into())));
        }
        assert_eq!(decode("&notit;"), Some((4, "¬".into())));
        assert_eq!(decode("&notin;"), Some((7, "∉".into())));
        assert_eq!(decode("&nope;"), None);
        assert_eq!(decode("&"), None);
    }

    #[test]
    fn numeric_references_are_read_like_browsers_do() {
        for (text, end, char) in [
            ("&#65;", 5, "A"),
            ("&#x41g", 5, "A"),
            ("&#X2019;", 8, "’"),
            ("&#146;", 6, "’"),
            ("&#0;", 4, "\u{FFFD}"),
            ("&#xD800;", 8, "\u{FFFD}"),
            ("&#99999999999;", 14, "\u{FFFD}"),
        ] {
            assert_eq!(decode(text), Some((end, char.into())), "{text}");
        }
        assert_eq!((decode("&#;"), decode("&#x;"), decode("&#xg")), (None, None, None));
    }
}
