//! Made-up notebooks, as plain values: one small network to look around in, and a crowd of any size to measure with.
//!
//! Nobody in here exists. Nothing is written; whoever asks puts the records into a notebook, or compares them.

mod crowd;
mod network;
mod words;

pub use crowd::crowd;
pub use network::network;

#[cfg(test)]
pub(crate) mod tests {
    /// Random bytes that are the same for the same seed: SplitMix64, a byte at a time.
    pub(crate) fn seeded(mut seed: u64) -> impl FnMut(&mut [u8]) {
        move |bytes| {
            for byte in bytes {
                seed = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
                let mixed = (seed ^ (seed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
                *byte = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb).to_be_bytes()[0];
            }
        }
    }
}
