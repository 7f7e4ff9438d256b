//! Detection of languages.

use carrel_core::language::detect;

const GERMAN: &str = "Die Kündigungsfrist beträgt drei Monate zum Ende des Quartals. Wer den Vertrag nicht \
    rechtzeitig kündigt, verlängert ihn um ein weiteres Jahr.";
const ENGLISH: &str = "The notice period is three months to the end of the quarter. Whoever does not give \
    notice in time extends the contract by another year.";

#[test]
fn languages_are_known_by_their_words() {
    for (text, language) in [
        (GERMAN, "german"),
        (ENGLISH, "english"),
        (
            "Le délai de préavis est de trois mois à la fin du trimestre, sauf si le contrat en dispose autrement.",
            "french",
        ),
        (
            "Компания обязана вернуть деньги в течение четырнадцати дней после получения заявления.",
            "russian",
        ),
        (
            "Los clientes pueden devolver los productos dentro de los treinta días siguientes a la entrega, sin dar explicaciones.",
            "spanish",
        ),
        (
            "Irtisanomisaika on kolme kuukautta vuosineljänneksen lopusta, ellei sopimuksessa toisin määrätä.",
            "finnish",
        ),
        ("مدة الإشعار ثلاثة أشهر حتى نهاية الربع ما لم ينص العقد على خلاف ذلك.", "arabic"),
        ("通知期限为季度末前三个月。", "simple"),
        ("解約の予告期間は四半期末までの三か月です。", "simple"),
    ] {
        assert_eq!(detect(text), Some(language), "{text}");
    }
}

#[test]
fn short_and_mixed_texts_are_of_no_language() {
    for text in ["", "Rechnung", "v1.2.3", "2024-01-01 17:00", "\u{301}\u{301}", "ok"] {
        assert_eq!(detect(text), None, "{text}");
    }
    let mixed = format!("{}{}", GERMAN.repeat(20), ENGLISH.repeat(20));
    assert_eq!(detect(&mixed), None);
    assert_eq!(detect(&GERMAN.repeat(40)), Some("german"));
    // A short one as well, and halves of other lengths.
    for (first, second) in [(GERMAN, ENGLISH), (ENGLISH, GERMAN)] {
        assert_eq!(detect(&format!("{first} {second}")), None);
    }
}

#[test]
fn any_text_is_read_within_its_bounds() {
    for character in ["é", "漢", "🫖", "\u{1F468}\u{200D}\u{1F469}", "a"] {
        for count in [1, 499, 500, 501, 667, 1_000, 2_001, 100_000] {
            let _ = detect(&character.repeat(count));
        }
    }
}
