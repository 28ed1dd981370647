//! Sharing out what is bounded: how much of which device's logs is told. One that opens logs without end takes nothing
//! from the others.

use std::collections::BTreeMap;

/// So many devices have a share at least; beyond that the first of them have all of it.
const MOST: usize = 64;

/// Something to be told.
pub(crate) struct Claim<T> {
    /// Whose it is: the lower, the more is it believed to be honest. Claims of one rank have one share together.
    pub rank: usize,
    /// How much room it takes.
    pub cost: usize,
    /// What it is.
    pub what: T,
}

/// As many of these as there is room for: to every rank the same share, but for those that need less. Within a rank the
/// earlier ones come first.
pub(crate) fn shared<T>(room: usize, claims: impl IntoIterator<Item = Claim<T>>) -> Vec<T> {
    let mut of_each: BTreeMap<usize, Vec<Claim<T>>> = BTreeMap::new();
    claims.into_iter().for_each(|claim| of_each.entry(claim.rank).or_default().push(claim));
    let demand = |claims: &Vec<Claim<T>>| claims.iter().map(|claim| claim.cost).sum::<usize>();
    let mut ranks: Vec<Vec<Claim<T>>> = of_each.into_values().take(MOST).collect();
    ranks.sort_by_key(demand);
    let (mut left, mut count, mut told) = (room, ranks.len(), Vec::new());
    for claims in ranks {
        let mut share = left / count;
        count -= 1;
        for claim in claims {
            if claim.cost <= share {
                share -= claim.cost;
                left -= claim.cost;
                told.push(claim.what);
            }
        }
    }
    told
}

#[cfg(test)]
mod tests {
    use super::*;

    fn claims(rank: usize, costs: &[usize]) -> Vec<Claim<(usize, usize)>> {
        let claim = |(at, cost): (usize, &usize)| Claim { rank, cost: *cost, what: (rank, at) };
        costs.iter().enumerate().map(claim).collect()
    }

    #[test]
    fn where_there_is_room_for_all_all_are_told() {
        let all = [claims(1, &[3, 4]), claims(0, &[2])].into_iter().flatten();
        assert_eq!(shared(9, all).len(), 3);
        assert!(shared::<()>(5, []).is_empty());
    }

    #[test]
    fn who_claims_without_end_takes_nothing_from_who_claims_little() {
        let told = shared(100, [claims(0, &[10, 10]), claims(1, &[9; 1000]), claims(2, &[30])].into_iter().flatten());
        assert_eq!(told.iter().filter(|(rank, _)| *rank != 1).count(), 3);
        assert_eq!(told.iter().filter(|(rank, _)| *rank == 1).count(), 5);
    }

    #[test]
    fn of_one_that_has_too_many_the_first_are_told_and_those_that_still_fit() {
        assert_eq!(shared(10, claims(0, &[6, 5, 4, 1])), [(0, 0), (0, 2)]);
    }

    #[test]
    fn however_many_there_are_the_first_are_told_something() {
        let crowd = (0..10_000).flat_map(|rank| claims(rank, &[8; 3]));
        let told = shared(64 * 8, crowd);
        assert_eq!(told, (0..64).map(|rank| (rank, 0)).collect::<Vec<_>>());
    }
}
