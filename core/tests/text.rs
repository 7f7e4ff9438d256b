//! Words of prose: forms, positions, offsets.

#[path = "text/words.rs"]
mod words;

use carrel_core::text::{Kind, Role, Variant};
use words::{has, kinds, shown, words, written};

#[test]
fn plain_words_are_case_folded_in_order() {
    assert_eq!(shown("The quick FOX, jumps!"), "the | quick | fox | jumps");
    assert_eq!(kinds("The 42 doctors"), "the:asciiword 42:uint doctors:asciiword");
    assert_eq!(kinds("20th"), "20th:numword 20:uint th:asciiword");
}

#[test]
fn an_empty_text_has_no_words() {
    for text in ["", " ", "\0", "...", "— – …", "<>", "\u{301}", "\u{200B}", "###", "://"] {
        assert_eq!(words(text), [], "{text:?}");
    }
}

#[test]
fn kinds_have_the_numbers_of_postgres_token_types() {
    let numbers: Vec<u8> = Kind::ALL.iter().map(|kind| *kind as u8).collect();
    assert!(numbers.is_sorted_by(|a, b| a < b));
    assert_eq!((Kind::Asciiword as u8, Kind::Numhword as u8, Kind::Uint as u8), (1, 15, 22));
}

#[test]
fn text_between_angle_brackets_is_text() {
    let text = "Applies when age <eighteen.\n\nParents sign the waiver.\n\nScore >ninety wins.";
    assert!(has(text, &["eighteen", "waiver", "ninety"]));
    assert_eq!(shown("`ssh <username>@<hostname>`"), "ssh | username | hostname");
    assert_eq!(shown("Option<Voucher>"), "option | voucher");
    assert_eq!(shown("<p>Write</p>"), "p | write | p");
}

/// striptags#79, docgeni#471, garcon#563, wso2/docs-ei#2327, cloudify-manager-blueprints#439.
#[test]
fn brackets_of_comparisons_and_types_hide_nothing() {
    assert_eq!(shown("4 is <5 right?"), "4 | is | 5 | right");
    let types = "intercept(req: HttpRequest<any>): Observable<HttpEvent<any>>;";
    assert!(has(types, &["intercept", "httprequest", "any", "observable", "httpevent", "event"]));
    assert_eq!(shown("Promise<void> ends"), "promise | void | ends");
    assert_eq!(shown("sort <in.txt >out.txt"), "sort | in.txt in | txt | out.txt out | txt");
    assert_eq!(shown("List<Map<String, Integer>>"), "list | map | string | integer");
}

#[test]
fn character_references_join_nothing() {
    assert_eq!(shown("&lt;textarea&gt;"), "lt | textarea | gt");
    assert_eq!(shown("Tom&nbsp;Sawyer"), "tom | nbsp | sawyer");
}

#[test]
fn words_with_apostrophes_are_whole_and_in_parts() {
    assert_eq!(shown("don't"), "don't don | t");
    assert_eq!(shown("L'eau"), "l'eau l | eau");
    assert_eq!(kinds("O'Brien’s"), kinds("o'brien's"));
    assert_eq!(shown("O'Brien’s"), "o'brien's o | brien | s");
    assert_eq!(kinds("don’t"), "don't:asciiword don:asciiword t:asciiword");
    assert_eq!(kinds("l'été").split(' ').next(), Some("l'été:word"));
    assert_eq!(shown("mother-in-law's"), "mother-in-law's mother | in | law's law | s");
    assert_eq!(
        shown("'quoted' ''twice'' the '90s, 1990's"),
        "quoted | twice | the | 90s 90 | s | 1990 | s"
    );
}

#[test]
fn apostrophes_are_one_sign() {
    for apostrophe in ["'", "’", "\u{2BC}", "＇"] {
        let text = format!("п{apostrophe}ять");
        assert_eq!(shown(&text), "п'ять пять п | ять", "{text}");
        assert_eq!(written(&text, "п'ять"), [text.as_str()]);
    }
}

/// TraduXio#53, ophirofox#240.
#[test]
fn elided_articles_hide_no_word() {
    assert!(has("la porte d’airain", &["airain"]));
    assert!(has("sa première médaille d'or", &["or", "medaille"]));
    assert!(has("dell'Università", &["università"]));
    assert!(has("qu'il n'a", &["il", "a"]));
    assert!(has("rock 'n' roll", &["n"]));
}

#[test]
fn hyphenated_words_are_whole_and_in_parts() {
    assert_eq!(shown("a well-known fact"), "a | well-known well | known | fact");
    assert_eq!(
        kinds("mother-in-law Zürich-West"),
        "mother-in-law:asciihword mother:hword_asciipart in:hword_asciipart law:hword_asciipart \
         zürich-west:hword zurich-west:hword zürich:hword_part zurich:hword_part \
         west:hword_asciipart"
    );
    assert_eq!(shown("co\u{2010}op, non\u{2011}stop"), "co-op co | op | non-stop non | stop");
    assert_eq!(shown("yes - no -- never—ever -x x-"), "yes | no | never | ever | x | x");
}

#[test]
fn decomposed_text_has_composed_words() {
    assert_eq!(shown("Besta\u{308}tigung"), shown("Bestätigung"));
    assert_eq!(written("Besta\u{308}tigung!", "bestätigung"), ["Besta\u{308}tigung"]);
}

#[test]
fn ignorable_characters_are_dropped_inside_words() {
    assert_eq!(shown("Politik\u{AD}wissen\u{AD}schaft"), "politikwissenschaft");
    assert_eq!(shown("zero\u{200B}width \u{FEFF}mark"), "zerowidth | mark");
    assert_eq!(written("a foo\u{200B}bar.", "foobar"), ["foo\u{200B}bar"]);
    assert_eq!(shown("می\u{200C}خواهم"), shown("میخواهم"));
}

#[test]
fn compatibility_characters_are_plain_ones() {
    assert_eq!(shown("oﬃce"), "office");
    assert_eq!(shown("ＡＢＣ　ｄｅｆ．ｃｏｍ"), "abc | def.com def | com");
    assert_eq!(shown("ﾊﾞｯｸｱｯﾌﾟ"), "バックアップ");
    assert_eq!(written("an oﬃce", "office"), ["oﬃce"]);
    assert_eq!(shown("½ liter"), "1 | 2 | liter");
}

/// web-languageforge#1316 and #1272, deja-vu#1098, pelias#600, igbo_api#501.
#[test]
fn forms_of_one_word_are_one_word() {
    assert_eq!(shown("ﬁsh"), "fish");
    assert_eq!(shown("감"), shown("감"));
    for (composed, decomposed) in [("piñata", "pin\u{303}ata"), ("Chambéry", "Chambe\u{301}ry")] {
        assert_eq!(shown(composed), shown(decomposed));
    }
    assert!(has("mmadụ\u{300}", &["mmadu"]));
    assert!(has("ﬀ ﬄ", &["ff", "ffl"]));
}

#[test]
fn a_character_that_stands_for_words_gives_its_span_to_each() {
    let words = words("a ﷺ b");
    assert_eq!(words.len(), 6);
    assert!(words[1..5].iter().all(|word| (word.start, word.end) == (2, 5)));
}

#[test]
fn words_with_accents_have_a_form_without() {
    assert_eq!(shown("Zürich"), "zürich zurich");
    assert_eq!(shown("Orléans and Łódź"), "orléans orleans | and | łódź lodz");
    assert_eq!(shown("Smørrebrød ĳs"), "smørrebrød smorrebrod | ijs");
    let words = words("Zürich");
    assert_eq!((words[0].variant, words[1].variant), (Variant::Written, Variant::Unaccented));
    assert_eq!((words[1].start, words[1].end, words[1].position), (0, 7, 1));
}

/// kartevonmorgen#292, geniza#9, yap#71, dative#193, web-languageforge#64.
#[test]
fn accents_of_many_languages_are_folded() {
    for (word, folded) in [
        ("Mīkhāʾīl", "mikhail"),
        ("café", "cafe"),
        ("tiếng", "tieng"),
        ("İstanbul", "istanbul"),
        ("Ελληνικά", "ελληνικα"),
        ("ёлка", "елка"),
        ("þættir", "thaettir"),
    ] {
        assert!(has(word, &[folded]), "{word}");
    }
}

#[test]
fn modifier_letters_part_no_word() {
    assert_eq!(shown("Hawaiʻi"), "hawaiʻi hawaii");
    assert_eq!(shown("ʻŌlelo"), "ʻōlelo olelo");
}

#[test]
fn hebrew_and_arabic_points_are_folded() {
    assert!(has("שָׁלוֹם", &["שלום"]));
    assert!(has("مُحَمَّد", &["محمد"]));
    assert!(has("إسلام", &["اسلام"]));
    assert!(has("كـــتاب", &["كتاب"]));
}

#[test]
fn letters_that_only_look_accented_are_not_folded() {
    assert_eq!(shown("русский"), "русский");
    assert_eq!(shown("हिन्दी"), "हिन्दी");
    assert_eq!(shown("が"), "が");
}

#[test]
fn case_is_folded_fully_and_without_a_locale() {
    assert_eq!(shown("Straße STRASSE"), "strasse | strasse");
    assert_eq!(shown("ΟΔΟΣ οδος"), "οδοσ | οδοσ");
    assert_eq!(shown("ÄRZTE"), shown("ärzte"));
}

#[test]
fn offsets_are_bytes_of_the_text_as_written() {
    let text = "Ünïcode: “naïve” e\u{301}tude, ＡＢ";
    for (form, as_written) in [("naïve", "naïve"), ("étude", "e\u{301}tude"), ("ab", "ＡＢ")] {
        assert_eq!(written(text, form), [as_written]);
    }
}

#[test]
fn parts_have_consecutive_positions_and_the_next_word_follows() {
    let words = words("see PO-001 now");
    let found: Vec<(&str, u32, Role)> =
        words.iter().map(|word| (word.form.as_str(), word.position, word.role)).collect();
    assert_eq!(
        found,
        [
            ("see", 1, Role::Word),
            ("po-001", 2, Role::Whole),
            ("po", 2, Role::Part),
            ("001", 3, Role::Part),
            ("now", 4, Role::Word),
        ]
    );
}
