//! `SplitMix64`: numbers that look random and are the same for the same seed, for ever and on every machine.

pub(super) struct Random(u64);

const GAMMA: u64 = 0x9e37_79b9_7f4a_7c15;

impl Random {
    /// A stream of its own for each job, so that a job's script does not depend on how many there are.
    pub(super) fn of_job(seed: u64, job: u32) -> Self {
        let mut mixed = Self(seed.wrapping_add(u64::from(job).wrapping_mul(0xd1b5_4a32_d192_ed03)));
        Self(mixed.next())
    }

    /// A stream of its own for each name, by FNV-1a.
    pub(super) fn of_name(seed: u64, name: &[&str]) -> Self {
        let bytes = name.iter().flat_map(|part| part.bytes().chain([0]));
        let hash = bytes.fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
        let mut mixed = Self(seed.wrapping_mul(GAMMA) ^ hash);
        Self(mixed.next())
    }

    /// `least` to `most`, both possible.
    pub(super) fn between(&mut self, least: u32, most: u32) -> u32 {
        let span = u64::from(most.saturating_sub(least)) + 1;
        // 32 random bits times the span, shifted down: always below the span
        least.saturating_add(u32::try_from((u64::from(self.bits()) * span) >> 32).unwrap_or(0))
    }

    /// True once in 1 / `probability` times; always from 1 on, never at 0.
    pub(super) fn happens(&mut self, probability: f64) -> bool {
        f64::from(self.bits()) < probability * (f64::from(u32::MAX) + 1.0)
    }

    fn bits(&mut self) -> u32 {
        u32::try_from(self.next() >> 32).unwrap_or(u32::MAX)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(GAMMA);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_those_of_the_published_generator() {
        let mut random = Random(1_234_567);
        let first: Vec<u64> = (0..3).map(|_| random.next()).collect();
        assert_eq!(first, [6_457_827_717_110_365_317, 3_203_168_211_198_807_973, 9_817_491_932_198_370_423]);
    }

    #[test]
    fn bounds_are_reached_and_kept() {
        let mut random = Random(7);
        let drawn: Vec<u32> = (0..1_000).map(|_| random.between(3, 6)).collect();
        assert_eq!((drawn.iter().min(), drawn.iter().max()), (Some(&3), Some(&6)));
        assert!((0..1_000).all(|_| random.happens(1.0) && !random.happens(0.0)));
        let often = (0..10_000).filter(|_| random.happens(0.2)).count();
        assert!((1_800..2_200).contains(&often), "{often} of 10000 at 0.2");
    }
}
