//! Worlds made from numbers: whatever goes wrong, everything heals once the faults stop, and nothing is lost.
#![allow(missing_docs)]

use tests::seeds::{each_seed, quiet_panics, seeds};
use tests::world::{Size, Story, live, try_seed};

#[test]
fn whatever_goes_wrong_full_worlds_heal_and_lose_nothing() {
    quiet_panics();
    let test = "whatever_goes_wrong_full_worlds_heal_and_lose_nothing";
    each_seed(test, &seeds(200, 100), |seed| drop(try_seed(seed, Size::Full)));
}

#[test]
fn whatever_goes_wrong_small_worlds_heal_and_lose_nothing() {
    quiet_panics();
    let test = "whatever_goes_wrong_small_worlds_heal_and_lose_nothing";
    each_seed(test, &seeds(1600, 400), |seed| drop(try_seed(seed, Size::Small)));
}

#[test]
fn the_same_seed_is_the_same_world_byte_for_byte() {
    quiet_panics();
    for seed in 0..6 {
        for size in [Size::Full, Size::Small] {
            let story = Story::draw(seed, size);
            assert_eq!(live(&story), live(&story), "seed {seed}");
        }
    }
}
