//! **Here**: [`Random`], the only source of chance: xoshiro256**, begun by splitmix64 from one number.
//! **Not here**: what is decided by chance (`plan`, `github`, `grid`, `disk`).
//! **Reads**: nothing.
//! **Source**: Blackman and Vigna, <https://prng.di.unimi.it>, public domain.

/// Numbers that look like chance and are the same for the same seed.
#[derive(Clone, Debug)]
pub struct Random {
    state: [u64; 4],
}

impl Random {
    /// The numbers of this seed, in the stream with this label: what one part of the world draws moves no other part.
    #[must_use]
    pub fn new(seed: u64, label: u64) -> Self {
        let mut x = seed ^ label.wrapping_mul(0xD6E8_FEB8_6659_FD93);
        let state = [(); 4].map(|()| {
            x = x.wrapping_add(0x9E37_79B9_7F4A_7C15);
            let mut z = x;
            z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
            z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
            z ^ (z >> 31)
        });
        Self { state }
    }

    /// The next number.
    pub fn number(&mut self) -> u64 {
        let [a, b, c, d] = &mut self.state;
        let result = b.wrapping_mul(5).rotate_left(7).wrapping_mul(9);
        let t = *b << 17;
        *c ^= *a;
        *d ^= *b;
        *b ^= *c;
        *a ^= *d;
        *c ^= t;
        *d = d.rotate_left(45);
        result
    }

    /// A number below `n`; 0 when `n` is 0.
    pub fn below(&mut self, n: u64) -> u64 {
        if n == 0 { 0 } else { self.number() % n }
    }

    /// An index below `n`.
    pub fn index(&mut self, n: usize) -> usize {
        usize::try_from(self.below(u64::try_from(n).unwrap_or(u64::MAX))).unwrap_or(0)
    }

    /// A number of `low..=high`.
    pub fn within(&mut self, low: i64, high: i64) -> i64 {
        let span = u64::try_from(high.saturating_sub(low))
            .unwrap_or(0)
            .saturating_add(1);
        low.saturating_add(i64::try_from(self.below(span)).unwrap_or(0))
    }

    /// True so many times in a thousand.
    pub fn per_mille(&mut self, n: u64) -> bool {
        self.below(1_000) < n
    }

    /// One of these, which are not none.
    pub fn pick<T: Copy>(&mut self, of: &[T]) -> T {
        let index = self.index(of.len());
        of[index]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ok_the_same_seed_gives_the_same_numbers_and_another_stream_gives_others() {
        let numbers = |seed, label| {
            let mut random = Random::new(seed, label);
            [(); 8].map(|()| random.number())
        };
        assert_eq!(numbers(7, 1), numbers(7, 1));
        assert_ne!(numbers(7, 1), numbers(7, 2));
        assert_ne!(numbers(7, 1), numbers(8, 1));
    }

    #[test]
    fn ok_numbers_stay_within_their_bounds_and_use_them() {
        let mut random = Random::new(1, 0);
        let drawn: Vec<i64> = (0..1_000).map(|_| random.within(-3, 3)).collect();
        assert!(drawn.iter().all(|n| (-3..=3).contains(n)));
        assert!((-3..=3).all(|n| drawn.contains(&n)));
        let hits = (0..10_000).filter(|_| random.per_mille(100)).count();
        assert!((800..1_200).contains(&hits), "{hits}");
    }
}
