//! Compounds: identifiers, numbers, paths, addresses, names with signs.

#[path = "text/words.rs"]
mod words;

use words::{has, kinds, shown, words, written};

#[test]
fn identifiers_are_whole_and_in_parts() {
    assert_eq!(shown("snake_case"), "snake_case snake | case");
    assert_eq!(shown("camelCase"), "camelcase camel | case");
    assert_eq!(shown("HTTPServer"), "httpserver http | server");
    assert_eq!(shown("kebab-case"), "kebab-case kebab | case");
    assert_eq!(shown("a.b.c"), "a.b.c abc a | b | c");
    assert_eq!(shown("std::vec"), "std::vec std | vec");
    assert_eq!(shown("this->foo"), "this->foo this | foo");
    assert_eq!(shown("getUserByID2"), "getuserbyid2 get | user | by | id | 2");
}

/// grafel#2624, ggcode#805, claudette#53, typos#1168, thecrawl#46, lance#7195.
#[test]
fn words_inside_identifiers_are_found() {
    assert!(has("unlockWithBiometrics", &["biometrics", "unlockwithbiometrics"]));
    assert!(has("user_id", &["id"]));
    assert!(has("loopBreaker maxFixRounds", &["loop", "breaker", "rounds"]));
    assert!(has("android:layout_height=\"@dimen/bottomsheet_hanlde_hight\"", &["hanlde", "hight"]));
    assert!(has("SublimeCMD YouCompleteMe", &["cmd", "complete"]));
    assert!(has("com.example.App", &["com.example.app", "app"]));
}

#[test]
fn plurals_of_acronyms_stay_whole() {
    assert_eq!(shown("PDFs"), "pdfs");
    assert_eq!(shown("parseURLsFast"), "parseurlsfast parse | urls | fast");
}

#[test]
fn underscores_around_a_word_are_no_part_of_it() {
    assert_eq!(shown("__init__ _emphasis_"), "init | emphasis");
    assert_eq!(kinds("_emphasis_"), "emphasis:asciiword");
}

#[test]
fn hashes_and_keys_stay_whole() {
    assert_eq!(shown("e3b0c44298fc1c14"), "e3b0c44298fc1c14");
    assert_eq!(shown("aGVsbG8gd29ybGQh"), "agvsbg8gd29ybgqh");
    assert!(has("123e4567-e89b-12d3-a456-426614174000", &["123e4567", "426614174000"]));
}

#[test]
fn product_numbers_are_never_negative() {
    assert_eq!(shown("PO-001"), "po-001 po | 001");
    assert_eq!(shown("Covid-19"), "covid-19 covid | 19");
    assert_eq!(shown("SKU-ABC-123"), "sku-abc-123 sku | abc | 123");
    assert_eq!(kinds("PO-001"), "po-001:numhword po:hword_asciipart 001:uint");
}

/// minisearch#108, magento2#9988 and #20689, elasticsuite#1536, kitodo#3938, shopware#16500.
#[test]
fn parts_of_product_numbers_are_found() {
    assert!(has("C-8 PGMP-15", &["c-8", "8", "pgmp", "15"]));
    assert!(has("16-07 and 42-315", &["16-07", "07", "42-315", "315"]));
    assert!(has("MT-1023", &["mt", "1023"]));
    assert!(has("Aben_774618868-1873032402_02-a", &["774618868", "1873032402", "aben"]));
    assert!(has("din340 5,5 M8x20 HSS-G", &["din340", "340", "5,5", "m8x20", "hss-g"]));
    assert!(has("311892D1, 311992D3, 330180D", &["311992d3"]));
}

#[test]
fn versions_are_found_with_and_without_their_sign() {
    assert_eq!(shown("v6.2.8"), "v6.2.8 6.2.8 6 | 2 | 8");
    assert_eq!(shown("python3.11"), "python3.11 python3 python | 3.11 3 | 11");
    assert_eq!(kinds("15.20"), "15.20:float 15:uint 20:uint");
    assert_eq!(kinds("192.168.0.1").split(' ').next(), Some("192.168.0.1:version"));
    assert_eq!(shown("1.2.3-beta"), "1.2.3-beta 1.2.3 1 | 2 | 3 | beta");
    assert_eq!(shown("2.0rc1"), "2.0rc1 2.0 2 | 0 | rc | 1");
}

#[test]
fn numbers_have_signs_separators_and_units() {
    assert_eq!(kinds("-3.5"), "-3.5:float 3.5:float 3:uint 5:uint");
    assert_eq!(kinds("−7"), "-7:int 7:uint");
    assert_eq!(kinds("1e-9"), "1e-9:sfloat");
    assert_eq!(shown("1,234.56"), "1234.56 1234 1 | 234 | 56");
    assert_eq!(shown("1.234.567,89"), "1234567.89 1234567 1 | 234 | 567 | 89");
    assert_eq!(shown("1_000_000 1'000"), "1000000 1 | 000 | 000 | 1000 1 | 000");
    assert_eq!(shown("10GB"), "10gb 10 | gb");
    assert_eq!(shown("5µm"), "5μm 5 | μm");
    assert_eq!(shown("3.5GB"), "3.5gb 3.5 3 | 5 | gb");
    assert_eq!(written("it is 1,234.56.", "1234.56"), ["1,234.56"]);
}

#[test]
fn a_minus_between_words_is_no_sign() {
    assert_eq!(shown("5-10"), "5-10 5 | 10");
    assert_eq!(shown("f(x)-1"), "f | x | 1");
    assert_eq!(shown("2024-01-15"), "2024-01-15 2024 | 01 | 15");
    assert_eq!(shown("(-1)"), "-1 1");
}

#[test]
fn lists_of_numbers_are_their_numbers() {
    assert_eq!(shown("1,2,3"), "1 | 2 | 3");
    assert_eq!(shown("[1,22,4444]"), "1 | 22 | 4444");
    assert!(has("100,200,300", &["100", "200", "300"]));
}

#[test]
fn paths_are_whole_and_in_parts() {
    assert_eq!(shown("path/to/file.ext"), "path/to/file.ext path | to | file.ext file | ext");
    assert_eq!(shown("/tmp"), "/tmp tmp");
    assert_eq!(shown("~/.ssh"), "~/.ssh ssh");
    assert_eq!(shown("../a/./b"), "../a/./b a | b");
    assert_eq!(shown(r"C:\Windows\win.ini"), r"c:\windows\win.ini c | windows | win.ini win | ini");
    assert_eq!(shown("and/or"), "and/or and | or");
    assert_eq!(shown("cd /tmp; ls ~/.ssh."), "cd | /tmp tmp | ls | ~/.ssh ssh");
}

/// qdrant#5817, fscrawler#528, webarchive-discovery#110, opengrok#2351, datashare#1942.
#[test]
fn folders_and_names_of_files_are_found() {
    let path = "/opt/test_data/manual-testing-sandbox/nested-folder/helloNested.py";
    assert!(has(
        path,
        &[path.to_lowercase().as_str(), "test_data", "sandbox", "hellonested.py", "nested"]
    ));
    assert!(has(
        "/some/path/humblemumble/to/myfile.txt",
        &["humblemumble", "myfile.txt", "myfile"]
    ));
    let path = "/i_hate_spaces/AvoidSpacesAtAllCost/My_Fine_Document.final.pdf";
    assert!(has(path, &["hate", "spaces", "fine", "document", "pdf"]));
    assert!(has("src/a.py", &["py"]));
    assert!(has("videos/foo.mp4", &["foo.mp4", "foo"]));
}

#[test]
fn mail_addresses_are_whole_and_in_parts() {
    assert_eq!(
        shown("john.doe@example.com"),
        "john.doe@example.com john.doe john | doe | example.com example | com"
    );
    assert!(has("john+tag@example.com", &["john+tag@example.com", "tag"]));
    assert!(has("user@huawei.com", &["huawei", "user", "huawei.com"]));
    assert_eq!(kinds("a@b.org").split(' ').next(), Some("a@b.org:email"));
}

#[test]
fn web_addresses_are_whole_and_in_parts() {
    assert_eq!(
        kinds("https://example.com/pricing"),
        "example.com/pricing:url example.com:host example:asciiword com:asciiword \
         /pricing:url_path pricing:asciiword"
    );
    assert_eq!(kinds("http://example.com"), "example.com:host example:asciiword com:asciiword");
    assert!(has("www.example.com/a-b", &["www.example.com/a-b", "www.example.com", "a-b", "a"]));
    assert!(has(
        "https://u:p@h.org:8080/x?q=getUser&l=%C3%A9t#top",
        &["h.org", "8080", "q", "user", "t", "top"]
    ));
}

#[test]
fn a_sentence_around_an_address_is_no_part_of_it() {
    let end = |text: &str| words(text).first().map(|word| text[..word.end].to_owned());
    assert_eq!(end("http://a.org/b."), Some("http://a.org/b".into()));
    assert_eq!(end("http://a.org/b_(c))"), Some("http://a.org/b_(c)".into()));
    assert_eq!(end("http://a.org/b</a>"), Some("http://a.org/b".into()));
    assert_eq!(end("http://a.org/b，然后"), Some("http://a.org/b".into()));
    assert!(has("[link](http://a.org/b)", &["a.org/b", "link"]));
}

/// Signal-Desktop#6460, mailarchive#3762, zulip#22672.
#[test]
fn parts_of_addresses_are_found() {
    assert!(has("https://www.foobarbaz.example/a/b/c/d/", &["foobarbaz"]));
    assert!(has("postgres://u@db.internal:5432/shop", &["postgres", "db.internal", "shop"]));
    assert!(has(
        "(see <https://github.com/zulip/zulip/issues/22672>)",
        &["zulip", "22672", "github"]
    ));
    assert!(has("git@github.com:lucaong/minisearch.git", &["minisearch", "github.com"]));
    assert!(has("file:///home/user/notes.txt", &["notes", "home"]));
}

#[test]
fn names_with_signs_are_whole_and_in_parts() {
    assert_eq!(shown("C++"), "c++ c");
    assert_eq!(shown("C#, F#"), "c# c | f# f");
    assert_eq!(shown(".NET"), ".net net");
    assert_eq!(shown("AT&T R&D"), "at&t at | t | r&d r | d");
    assert_eq!(shown("#hashtag @name"), "#hashtag hashtag | @name name");
    assert_eq!(shown("C++17"), "c++ c | 17");
    assert!(has("C/C++, C#/.NET, Notepad++", &["c++", "c#", "net", "notepad++"]));
}

/// mastodon#26781 and #26835, mini-diary#18, h2o#1605, friendica#5221.
#[test]
fn tags_and_names_are_found_as_typed_and_without_their_sign() {
    assert!(has("#FooBar", &["#foobar", "foo", "bar"]));
    assert!(has("#tag20", &["#tag20", "tag", "20"]));
    assert!(has("Add #sample.", &["#sample", "sample"]));
    assert!(has("@scope/pkg-name", &["@scope/pkg-name", "scope", "pkg-name"]));
    assert!(has("Fixes #123, (#124)", &["#123", "123", "#124"]));
}

#[test]
fn abbreviations_are_found_without_their_stops() {
    assert_eq!(shown("the U.S.A. today"), "the | u.s.a usa u | s | a | today");
    assert!(has("e.g. a Ph.D.", &["eg", "e.g", "ph.d"]));
    assert_eq!(shown("The end.Next"), "the | end.next end | next");
}

#[test]
fn a_compound_inside_brackets_and_quotes_is_a_compound() {
    for text in ["(foo_bar)", "\"foo_bar\"", "[foo_bar]", "foo_bar,", "`foo_bar`", "foo_bar()"] {
        assert_eq!(shown(text), "foo_bar foo | bar", "{text}");
    }
}
