//! Promises of `matching`, over generated edits.

use carrel_core::matching::matching;
use proptest::prelude::*;

/// Length of the longest common subsequence, by the quadratic algorithm.
fn lcs(old: &[u8], new: &[u8]) -> usize {
    let mut row = vec![0; new.len() + 1];
    for a in old {
        let mut diagonal = 0;
        for (j, b) in new.iter().enumerate() {
            let above = row[j + 1];
            row[j + 1] = if a == b { diagonal + 1 } else { above.max(row[j]) };
            diagonal = above;
        }
    }
    row[new.len()]
}

proptest! {
    #[test]
    fn pairs_are_equal_and_ascend(
        old in prop::collection::vec(0u8..12, 0..40),
        new in prop::collection::vec(0u8..12, 0..40),
    ) {
        let matched = matching(&old, &new);
        prop_assert_eq!(matched.len(), new.len());
        let kept: Vec<usize> = matched.iter().flatten().copied().collect();
        prop_assert!(kept.windows(2).all(|pair| pair[0] < pair[1]));
        for (i, index) in matched.iter().enumerate() {
            if let Some(index) = index {
                prop_assert_eq!(old[*index], new[i]);
            }
        }
    }

    #[test]
    fn an_edit_at_one_position_keeps_everything_else(
        head in prop::collection::vec(any::<u8>(), 0..40),
        cut in prop::collection::vec(any::<u8>(), 0..5),
        put in prop::collection::vec(any::<u8>(), 0..5),
        tail in prop::collection::vec(any::<u8>(), 0..40),
    ) {
        let old = [head.clone(), cut, tail.clone()].concat();
        let new = [head.clone(), put, tail.clone()].concat();
        let kept = matching(&old, &new).iter().flatten().count();
        prop_assert!(kept >= (head.len() + tail.len()).min(old.len()).min(new.len()));
    }

    #[test]
    fn of_distinct_elements_the_most_possible_are_matched(
        old in Just((0u8..30).collect::<Vec<_>>()).prop_shuffle(),
        new in Just((0u8..30).collect::<Vec<_>>()).prop_shuffle(),
    ) {
        prop_assert_eq!(matching(&old, &new).iter().flatten().count(), lcs(&old, &new));
    }
}
