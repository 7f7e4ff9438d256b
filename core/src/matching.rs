//! Matches the elements of a sequence with those of its predecessor. A new version of a document
//! keeps the rows of its unchanged chunks this way.

use std::collections::{HashMap, VecDeque};
use std::hash::Hash;

/// Returns, for each element of `new`, the index of the equal element of `old` that it continues,
/// if any.
///
/// The indexes ascend. Common beginnings and ends are always matched. Between them, equal elements
/// are paired in order and the longest ascending run of pairs is kept (patience sorting). O(n log
/// n) time, linear memory.
pub fn matching<T: Eq + Hash>(old: &[T], new: &[T]) -> Vec<Option<usize>> {
    let mut matched = vec![None; new.len()];
    let common = old.len().min(new.len());
    let prefix = (0..common).take_while(|&i| old[i] == new[i]).count();
    let suffix = (0..common - prefix)
        .take_while(|&i| old[old.len() - 1 - i] == new[new.len() - 1 - i])
        .count();
    for (i, slot) in matched.iter_mut().enumerate().take(prefix) {
        *slot = Some(i);
    }
    for i in 1..=suffix {
        matched[new.len() - i] = Some(old.len() - i);
    }

    let mut indexes: HashMap<&T, VecDeque<usize>> = HashMap::new();
    for (i, element) in old.iter().enumerate().take(old.len() - suffix).skip(prefix) {
        indexes.entry(element).or_default().push_back(i);
    }
    let mut pairs: Vec<(usize, usize)> = Vec::new();
    for (i, element) in new.iter().enumerate().take(new.len() - suffix).skip(prefix) {
        if let Some(index) = indexes.get_mut(element).and_then(VecDeque::pop_front) {
            pairs.push((i, index));
        }
    }
    for (i, index) in longest_ascending(&pairs) {
        matched[i] = Some(index);
    }
    matched
}

/// Longest subsequence of pairs whose second members ascend.
fn longest_ascending(pairs: &[(usize, usize)]) -> Vec<(usize, usize)> {
    // ends[n] is the pair that ends the best run of n + 1 pairs found so far.
    let mut ends: Vec<usize> = Vec::new();
    let mut before: Vec<Option<usize>> = Vec::with_capacity(pairs.len());
    for (i, &(_, index)) in pairs.iter().enumerate() {
        let length = ends.partition_point(|&end| pairs[end].1 < index);
        before.push(length.checked_sub(1).map(|n| ends[n]));
        if length == ends.len() {
            ends.push(i);
        } else {
            ends[length] = i;
        }
    }
    let mut run = Vec::with_capacity(ends.len());
    let mut last = ends.last().copied();
    while let Some(i) = last {
        run.push(pairs[i]);
        last = before[i];
    }
    run.reverse();
    run
}
