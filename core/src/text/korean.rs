//! Korean words without their particles.

use super::classes::{is_digit, is_hangul, is_jamo, is_letter};

/// Final consonant that a particle asks of the syllable before it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum After {
    Any,
    Vowel,
    Consonant,
    /// A vowel or ㄹ.
    VowelOrRieul,
    /// A consonant other than ㄹ.
    ConsonantNotRieul,
}

/// Particles, longest first.
const PARTICLES: &[(&str, After)] = &[
    ("에게서", After::Any),
    ("으로서", After::ConsonantNotRieul),
    ("으로써", After::ConsonantNotRieul),
    ("에서", After::Any),
    ("에게", After::Any),
    ("한테", After::Any),
    ("까지", After::Any),
    ("부터", After::Any),
    ("처럼", After::Any),
    ("보다", After::Any),
    ("마다", After::Any),
    ("조차", After::Any),
    ("밖에", After::Any),
    ("으로", After::ConsonantNotRieul),
    ("이나", After::Consonant),
    ("이란", After::Consonant),
    ("로서", After::VowelOrRieul),
    ("로써", After::VowelOrRieul),
    ("은", After::Consonant),
    ("이", After::Consonant),
    ("을", After::Consonant),
    ("과", After::Consonant),
    ("는", After::Vowel),
    ("가", After::Vowel),
    ("를", After::Vowel),
    ("와", After::Vowel),
    ("로", After::VowelOrRieul),
    ("의", After::Any),
    ("에", After::Any),
    ("도", After::Any),
    ("만", After::Any),
];

/// Returns a word without its particles; None if it has none.
///
/// A particle is taken off if the sound before it asks for that particle, and two syllables are left
/// (one, before a particle of two), or a word in other letters: many nouns end like a particle
/// (`회의`, meeting). Two particles are the most that usually follow each other (`에서` `는`).
pub(super) fn without_particles(word: &str) -> Option<&str> {
    if !word.ends_with(is_hangul) {
        return None;
    }
    let once = strip(word)?;
    Some(strip(once).unwrap_or(once))
}

fn strip(word: &str) -> Option<&str> {
    PARTICLES.iter().find_map(|&(particle, after)| {
        let rest = word.strip_suffix(particle)?;
        let last = rest.chars().next_back()?;
        let length = rest.chars().rev().take(2).take_while(|&c| is_hangul(c)).count();
        let is_other = !is_hangul(last) && !is_jamo(last);
        let is_long = length == 2 || length == 1 && particle.len() > "가".len();
        let fits = is_other && (is_letter(last) || is_digit(last)) || is_long && after.allows(last);
        fits.then_some(rest)
    })
}

impl After {
    /// True after this syllable, whose final consonant follows from its code.
    fn allows(self, syllable: char) -> bool {
        const RIEUL: u32 = 8;
        let last = (u32::from(syllable) - 0xAC00) % 28;
        match self {
            Self::Any => true,
            Self::Vowel => last == 0,
            Self::Consonant => last != 0,
            Self::VowelOrRieul => last == 0 || last == RIEUL,
            Self::ConsonantNotRieul => last != 0 && last != RIEUL,
        }
    }
}
