//! Scripts without blanks, Korean, emojis.

#[path = "text/words.rs"]
mod words;

use carrel_core::text::Variant;
use words::{has, kinds, shown, words, written};

#[test]
fn chinese_is_cut_into_words() {
    assert_eq!(shown("数据备份与恢复。"), "数据 | 备份 | 与 | 恢复");
    assert_eq!(kinds("备份"), "备份:word");
    assert_eq!(written("数据备份与恢复", "恢复"), ["恢复"]);
}

#[test]
fn a_long_word_of_ideographs_has_its_shorter_words_too() {
    assert_eq!(shown("新年快乐"), "新年快乐 新年 | 快乐");
    assert_eq!(shown("株式会社"), "株式会社 株式 | 会社");
    assert_eq!(shown("共和国"), "共和国");
}

#[test]
fn japanese_is_cut_into_words() {
    assert!(has("データのバックアップを取る", &["データ", "バックアップ", "取る"]));
    assert!(has("東京2020年", &["東京", "2020", "年"]));
}

#[test]
fn thai_lao_khmer_and_burmese_are_cut_into_words() {
    assert_eq!(shown("ฐานข้อมูลภาษาไทย"), "ฐาน | ข้อมูล | ภาษา | ไทย");
    assert_eq!(shown("ພາສາລາວ"), "ພາສາ | ລາວ");
    assert!(words("ខ្ញុំស្រលាញ់ភាសាខ្មែរ").len() >= 3);
    assert!(words("မြန်မာစာကိုဖတ်သည်").len() >= 3);
}

/// tdesktop#1834, bichon#185, meilisearch/product#132, emdash#2775, deja-vu#2897, BookStack#778.
#[test]
fn words_in_the_middle_of_a_sentence_are_found() {
    assert!(has("祝你们新年快乐", &["新年", "快乐"]));
    assert!(has("中文測試", &["中文", "測試"]));
    assert!(has("เขากำลังกินข้าว", &["กิน", "ข้าว"]));
    assert!(has(
        "地域住民が主体となってまちづくりを進めるための組織です",
        &["住民", "主体", "組織"]
    ));
    assert!(has("ฉันชอบกินข้าวเช้าทุกวัน", &["ชอบ", "กิน"]));
    assert!(has("人人生而自由，在尊严和权利上一律平等", &["自由", "尊严", "权利", "平等"]));
}

#[test]
fn latin_words_in_other_scripts_are_words() {
    assert_eq!(shown("Python入門"), "python | 入門");
    assert!(has("使用PostgreSQL备份CamelCase中文", &["postgresql", "备份", "camelcase", "中文"]));
    assert!(has("访问https://example.com/路径。", &["example.com", "访问"]));
}

#[test]
fn a_zero_width_space_cuts_words_of_southeast_asia() {
    assert_eq!(shown("ភាសា\u{200B}ខ្មែរ"), "ភាសា | ខ្មែរ");
}

#[test]
fn a_long_text_without_blanks_is_cut_as_a_short_one() {
    let sentence = "数据库备份与恢复的方法很多，ฐานข้อมูลภาษาไทย。";
    let once: Vec<String> = words(sentence).into_iter().map(|word| word.form).collect();
    let many = words(&sentence.repeat(300));
    assert_eq!(many.len(), 300 * once.len());
    for (index, word) in many.iter().enumerate() {
        assert_eq!(word.form, once[index % once.len()]);
    }
}

#[test]
fn korean_words_are_found_without_their_particles() {
    for (word, rest) in [
        ("학교에서는", "학교"),
        ("데이터베이스를", "데이터베이스"),
        ("사람들이", "사람들"),
        ("서울까지", "서울"),
        ("회의의", "회의"),
        ("방법으로", "방법"),
        ("컴퓨터로", "컴퓨터"),
    ] {
        let words = words(word);
        assert_eq!(words[0].form, word);
        assert_eq!((&*words[1].form, words[1].variant), (rest, Variant::WithoutParticle));
        assert_eq!(words[1].position, 1);
    }
}

/// KOMORAN#88: a particle follows the sound that it asks for.
#[test]
fn what_only_looks_like_a_particle_stays() {
    for word in ["회의", "가을", "사과", "대학로", "아이", "도로"] {
        assert_eq!(shown(word), word);
    }
}

#[test]
fn a_particle_after_latin_letters_is_taken_off() {
    assert_eq!(shown("API는"), "api는 api");
    assert_eq!(shown("PostgreSQL을"), "postgresql을 postgresql postgre | sql");
}

#[test]
fn emojis_are_words() {
    assert_eq!(shown("great 😀😀!"), "great | 😀 | 😀");
    assert_eq!(shown("I ❤\u{FE0F} NY"), "i | ❤ | ny");
    assert_eq!(shown("🇩🇪🇫🇷"), "🇩🇪 | 🇫🇷");
    assert_eq!(shown("a🚀b"), "a | 🚀 | b");
}

/// siyuan#15391, twemoji#1421.
#[test]
fn a_joined_emoji_is_whole_and_in_parts() {
    assert_eq!(shown("👩\u{200D}👩\u{200D}👧"), "👩\u{200D}👩\u{200D}👧 👩 | 👩 | 👧");
    assert_eq!(shown("👍🏽"), "👍🏽 👍");
    assert!(has("👨\u{200D}✈\u{FE0F}", &["👨", "✈"]));
    assert!(has("#🇺🇸", &["🇺🇸"]));
    assert_eq!(shown("🇺🇸🇺"), "🇺🇸 | 🇺");
}

#[test]
fn scripts_with_blanks_are_cut_by_uax_29() {
    assert_eq!(shown("हिन्दी भाषा"), "हिन्दी | भाषा");
    assert_eq!(shown("தமிழ் மொழி"), "தமிழ் | மொழி");
    assert_eq!(shown("اللغة العربية"), "اللغة | العربية");
    assert_eq!(shown("ქართული ენა"), "ქართული | ენა");
    assert_eq!(shown("col·lecció").split(' ').next(), Some("col·lecció"));
}
