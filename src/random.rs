//! The only door to chance.

use ring::rand::{SecureRandom, SystemRandom};

/// Where the program gets chance from: secrets, names of processes, jitter.
pub trait Random: Send + Sync {
    /// Fills `bytes` with chance.
    fn fill(&self, bytes: &mut [u8]);

    /// A number drawn evenly from 0 (included) to 1 (not included).
    fn fraction(&self) -> f64 {
        let mut bytes = [0; 8];
        self.fill(&mut bytes);
        // 53 bits are what an f64 between 0 and 1 can tell apart.
        (u64::from_le_bytes(bytes) >> 11) as f64 / (1_u64 << 53) as f64
    }
}

/// Chance from the operating system.
#[derive(Debug, Clone)]
pub struct SystemChance(SystemRandom);

impl SystemChance {
    /// The operating system's source.
    pub fn new() -> Self {
        SystemChance(SystemRandom::new())
    }
}

impl Random for SystemChance {
    fn fill(&self, bytes: &mut [u8]) {
        self.0
            .fill(bytes)
            .expect("the operating system has no randomness left, so nothing is safe to sign");
    }
}

impl Default for SystemChance {
    fn default() -> Self {
        SystemChance::new()
    }
}

/// The same "chance" every time: for tests.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoChance;

impl Random for NoChance {
    fn fill(&self, bytes: &mut [u8]) {
        bytes.fill(0x80);
    }
}
