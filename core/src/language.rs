//! Language of a text, as the name of the text search configuration for it.

use whatlang::{Detector, Lang};

/// Letters that a sample needs. Fewer say too little, except in scripts that one language alone uses.
const MIN_LETTERS: usize = 24;

/// Least confidence. Of 60 letters of German, Arabic or English, fewer than one in a hundred are taken for
/// another language then, and one in five for none; of 120 letters, one in a hundred for none.
const MIN_CONFIDENCE: f64 = 0.6;

/// Characters of a sample.
const SAMPLE: usize = 2_000;

/// Languages that texts are often taken for, and rarely are in.
const NEVER: [Lang; 3] = [Lang::Epo, Lang::Jav, Lang::Lat];

/// Detects the language of a text by whatlang (trigrams: W. Cavnar, J. Trenkle, "N-Gram-Based Text
/// Categorization", 1994) in its beginning, middle and end.
///
/// Returns the name of a configuration that PostgreSQL has for the language, or `simple` for a language
/// for which it has none. None if the text is short, or samples are of different languages.
pub fn detect(text: &str) -> Option<&'static str> {
    let detector = Detector::with_denylist(NEVER.to_vec());
    let mut found = samples(text).into_iter().filter_map(|sample| {
        let info = detector.detect(sample)?;
        let letters = sample.chars().filter(|c| c.is_alphabetic()).take(MIN_LETTERS).count();
        let is_sure = info.confidence() >= MIN_CONFIDENCE
            && (letters == MIN_LETTERS || has_own_script(info.lang()));
        is_sure.then(|| configuration(info.lang()))
    });
    let first = found.next()?;
    found.all(|other| other == first).then_some(first)
}

/// Beginning, middle and end of a text; all of a short one, and its halves.
fn samples(text: &str) -> Vec<&str> {
    let after = |start: usize| {
        let rest = &text[text.floor_char_boundary(start)..];
        let end = rest.char_indices().nth(SAMPLE).map_or(rest.len(), |(at, _)| at);
        &rest[..end]
    };
    match text.len() {
        length @ ..=SAMPLE => {
            let (first, second) = text.split_at(text.floor_char_boundary(length / 2));
            vec![text, first, second]
        }
        length => vec![after(0), after(length / 2), after(length.saturating_sub(SAMPLE))],
    }
}

/// True for languages that are the only common ones in their script.
fn has_own_script(lang: Lang) -> bool {
    use Lang::{
        Cmn, Ell, Guj, Heb, Hye, Jpn, Kan, Kat, Khm, Kor, Mal, Mya, Ori, Pan, Sin, Tam, Tel, Tha,
    };
    matches!(
        lang,
        Cmn | Ell
            | Guj
            | Heb
            | Hye
            | Jpn
            | Kan
            | Kat
            | Khm
            | Kor
            | Mal
            | Mya
            | Ori
            | Pan
            | Sin
            | Tam
            | Tel
            | Tha
    )
}

fn configuration(lang: Lang) -> &'static str {
    match lang {
        Lang::Ara => "arabic",
        Lang::Hye => "armenian",
        Lang::Cat => "catalan",
        Lang::Dan => "danish",
        Lang::Nld => "dutch",
        Lang::Eng => "english",
        Lang::Est => "estonian",
        Lang::Fin => "finnish",
        Lang::Fra => "french",
        Lang::Deu => "german",
        Lang::Ell => "greek",
        Lang::Hin => "hindi",
        Lang::Hun => "hungarian",
        Lang::Ind => "indonesian",
        Lang::Ita => "italian",
        Lang::Lit => "lithuanian",
        Lang::Nep => "nepali",
        Lang::Nob => "norwegian",
        Lang::Por => "portuguese",
        Lang::Ron => "romanian",
        Lang::Rus => "russian",
        Lang::Srp => "serbian",
        Lang::Spa => "spanish",
        Lang::Swe => "swedish",
        Lang::Tam => "tamil",
        Lang::Tur => "turkish",
        Lang::Yid => "yiddish",
        _ => "simple",
    }
}
