//! Every state and operation of a request, and the backoff.

use carrel_core::requests::Operation::{
    self, Cancel, Claim, Complete, Fail, Heartbeat, Requeue, Retry,
};
use carrel_core::requests::State::{self, Cancelled, Completed, Failed, Pending, Processing};
use carrel_core::requests::backoff;
use proptest::prelude::*;

/// State after each operation.
type Transitions = [(Operation, Option<State>); 7];

#[test]
fn every_operation_has_its_result_in_every_state() {
    let no = None;
    #[rustfmt::skip]
    let expected: [(State, Transitions); 5] = [
        (Pending, [(Claim, Some(Processing)), (Heartbeat, no), (Complete, no), (Requeue, no), (Fail, no), (Cancel, Some(Cancelled)), (Retry, no)]),
        (Processing, [(Claim, Some(Processing)), (Heartbeat, Some(Processing)), (Complete, Some(Completed)), (Requeue, Some(Pending)), (Fail, Some(Failed)), (Cancel, Some(Cancelled)), (Retry, no)]),
        (Completed, [(Claim, no), (Heartbeat, no), (Complete, no), (Requeue, no), (Fail, no), (Cancel, no), (Retry, no)]),
        (Failed, [(Claim, no), (Heartbeat, no), (Complete, no), (Requeue, no), (Fail, no), (Cancel, no), (Retry, Some(Pending))]),
        (Cancelled, [(Claim, no), (Heartbeat, no), (Complete, no), (Requeue, no), (Fail, no), (Cancel, no), (Retry, Some(Pending))]),
    ];
    assert_eq!(expected.map(|(state, _)| state), State::ALL);
    for (state, operations) in expected {
        assert_eq!(operations.map(|(operation, _)| operation), Operation::ALL);
        for (operation, next) in operations {
            assert_eq!(state.after(operation), next, "{state:?} {operation:?}");
        }
    }
}

#[test]
fn only_operations_change_a_state() {
    let allowed: Vec<(State, State)> = vec![
        (Pending, Processing),
        (Pending, Cancelled),
        (Processing, Pending),
        (Processing, Completed),
        (Processing, Failed),
        (Processing, Cancelled),
        (Failed, Pending),
        (Cancelled, Pending),
    ];
    for from in State::ALL {
        for to in State::ALL {
            let is_allowed = from == to || allowed.contains(&(from, to));
            assert_eq!(from.may_become(to), is_allowed, "{from} to {to}");
        }
    }
}

#[test]
fn states_are_found_by_their_names() {
    for state in State::ALL {
        assert_eq!(State::named(&state.to_string()), Some(state));
    }
    assert_eq!(State::named("Pending"), None);
}

proptest! {
    #[test]
    fn delays_double_up_to_an_hour_and_vary(attempt in 1..40_i32, random: u64) {
        let most = (1_000_i64 << (attempt - 1).min(30)).min(3_600_000);
        let wait = backoff(attempt, random);
        prop_assert!((most / 2..=most).contains(&wait), "{attempt}: {wait}");
    }

    #[test]
    fn no_attempt_number_overflows(attempt: i32, random: u64) {
        prop_assert!((500..=3_600_000).contains(&backoff(attempt, random)));
    }
}

#[test]
fn backoff_reaches_both_ends_of_its_range() {
    assert_eq!(backoff(3, 0), 2_000);
    assert_eq!(backoff(3, 2_000), 4_000);
    assert_eq!(backoff(13, 1_800_000), 3_600_000);
}
