//! Each token of a report has one type.
use carrel_core::prices::{TokenReportError, Tokens};
use proptest::prelude::*;

fn tokens(input: u64, output: u64, cached_input: u64, reasoning: u64) -> Tokens {
    Tokens { input, output, cached_input, reasoning }
}

#[test]
fn carrels_own_report_is_read_unchanged() {
    let json = r#"{"input": 70, "output": 20, "cached_input": 7, "reasoning": 3}"#;
    assert_eq!(Tokens::read(json), Ok(tokens(70, 20, 7, 3)));
    assert_eq!(Tokens::read("{}"), Ok(Tokens::default()));
    assert_eq!(Tokens::read(r#"{"output": null, "input": 5}"#), Ok(tokens(5, 0, 0, 0)));
}

#[test]
fn details_of_a_report_are_separated() {
    let chat = r#"{"prompt_tokens": 100, "completion_tokens": 50, "total_tokens": 150,
        "prompt_tokens_details": {"cached_tokens": 80, "audio_tokens": 0},
        "completion_tokens_details": {"reasoning_tokens": 30}}"#;
    assert_eq!(Tokens::read(chat), Ok(tokens(20, 20, 80, 30)));
    let responses = r#"{"input_tokens": 100, "input_tokens_details": {"cached_tokens": 80},
        "output_tokens": 50, "output_tokens_details": {"reasoning_tokens": 50}, "total_tokens": 150}"#;
    assert_eq!(Tokens::read(responses), Ok(tokens(20, 0, 80, 50)));
}

#[test]
fn separate_cache_counts_are_added_to_the_input() {
    let messages = r#"{"input_tokens": 20, "cache_read_input_tokens": 80,
        "cache_creation_input_tokens": 5, "output_tokens": 50}"#;
    assert_eq!(Tokens::read(messages), Ok(tokens(25, 50, 80, 0)));
}

#[test]
fn ambiguous_reports_are_refused() {
    let refused = |json: &str| Tokens::read(json).unwrap_err();
    for no in ["[]", "7", "null", "", "{"] {
        assert_eq!(refused(no), TokenReportError::NotAnObject);
    }
    assert_eq!(
        refused(r#"{"input": 1, "cache": 1}"#),
        TokenReportError::Unknown("cache".to_owned())
    );
    // Fields of two kinds of report.
    assert_eq!(
        refused(r#"{"prompt_tokens": 1, "input": 1}"#),
        TokenReportError::Unknown("input".to_owned())
    );
    for no in ["-1", "1.5", "1e3", "\"1\"", "1000000000000001", "[]", "true"] {
        assert_eq!(
            refused(&format!(r#"{{"input": {no}}}"#)),
            TokenReportError::NotACount("input".to_owned())
        );
    }
    let more = r#"{"prompt_tokens": 10, "prompt_tokens_details": {"cached_tokens": 11}}"#;
    assert_eq!(refused(more), TokenReportError::Overlap("cached_tokens".to_owned()));
    let total = r#"{"input": 10, "cached_input": 8, "total_tokens": 10}"#;
    assert_eq!(refused(total), TokenReportError::Overlap("total_tokens".to_owned()));
}

proptest! {
    #[test]
    fn no_token_is_counted_twice(read in 0..1_000_000u64, written in 0..1_000_000u64, a in 0..=100u64, b in 0..=100u64) {
        let (cached, reasoning) = (read * a / 100, written * b / 100);
        let json = format!(r#"{{"prompt_tokens": {read}, "completion_tokens": {written},
            "prompt_tokens_details": {{"cached_tokens": {cached}}},
            "completion_tokens_details": {{"reasoning_tokens": {reasoning}}}}}"#);
        let tokens = Tokens::read(&json).unwrap();
        prop_assert_eq!(tokens.sum(), read + written);
        prop_assert_eq!((tokens.cached_input, tokens.reasoning), (cached, reasoning));
    }

    #[test]
    fn any_text_is_read_or_refused(json in ".*") {
        let _ = Tokens::read(&json);
    }
}
