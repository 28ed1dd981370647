//! Bytes that one device alone can open: HPKE (RFC 9180) with X25519, HKDF-SHA256 and ChaCha20-Poly1305. What is put in
//! one, and for whom, is for `keys` and `pairing` to say.

use ed25519_dalek::SigningKey;
use hpke::aead::ChaCha20Poly1305;
use hpke::kdf::HkdfSha256;
use hpke::kem::X25519HkdfSha256 as X25519;
use hpke::{Deserializable, Kem, OpModeR, OpModeS, Serializable};
use zeroize::Zeroizing;

use super::keys::Secret;
use super::memo::Memo;
use crate::error::{Error, Result};
use crate::model::Random;

/// Bytes an envelope adds to what is in it.
pub const OVERHEAD: usize = ENC + 16;
const ENC: usize = 32;

/// What opens envelopes.
pub struct EnvelopeKey {
    seed: Secret,
    /// The private key, as bytes that are wiped: whether hpke wipes its own depends on features of others.
    private: Secret,
    public: [u8; 32],
}

type PrivateKey = <X25519 as Kem>::PrivateKey;

impl EnvelopeKey {
    /// The key made from a seed.
    pub fn from_seed(seed: &Secret) -> Self {
        let (private, public) = X25519::derive_keypair(seed.bytes());
        let private = Secret::new(private.to_bytes().into());
        Self { seed: seed.clone(), private, public: public.to_bytes().into() }
    }

    /// The key that belongs to an Ed25519 key as its form on the Montgomery curve: who can check signatures can seal to
    /// it, and it lasts as long as they do. See [`super::keys::DeviceId::lasting_hpke`].
    pub fn of_signing_key(key: &SigningKey) -> Self {
        let seed = Secret::new(key.to_scalar_bytes());
        let public = key.verifying_key().to_montgomery().to_bytes();
        Self { private: seed.clone(), seed, public }
    }

    /// The key that follows it. From it nobody comes back to this one.
    pub fn next(&self) -> Self {
        Self::from_seed(&self.seed.derive("kith 2026 next device hpke"))
    }

    /// Its seed, to be kept.
    pub fn seed(&self) -> &Secret {
        &self.seed
    }

    /// What others seal to.
    pub fn public(&self) -> [u8; 32] {
        self.public
    }

    /// Opens what [`seal`] sealed to this key, for the same purpose and after the same head.
    ///
    /// # Errors
    /// [`Error::Peer`] when it was sealed to another, which is usual: envelopes do not say for whom they are.
    pub fn open(&self, purpose: &str, head: &[u8], envelope: &[u8]) -> Result<Zeroizing<Vec<u8>>> {
        // Whoever lacks a key tries every bag at every pass, and anybody may put bags into a mailbox.
        static CLOSED: Memo = Memo::new();
        let all: [&[u8]; 4] = [&self.public, purpose.as_bytes(), head, envelope];
        let not_ours = || Error::Peer("this is sealed to another device, or damaged".into());
        if CLOSED.holds(&all) {
            return Err(not_ours());
        }
        let opened = self.try_to_open(purpose, head, envelope).map(Zeroizing::new);
        if opened.is_none() {
            CLOSED.remember(&all);
        }
        opened.ok_or_else(not_ours)
    }

    fn try_to_open(&self, purpose: &str, head: &[u8], envelope: &[u8]) -> Option<Vec<u8>> {
        let (enc, sealed) = envelope.split_at_checked(ENC)?;
        let enc = <X25519 as Kem>::EncappedKey::from_bytes(enc).ok()?;
        hpke::single_shot_open::<ChaCha20Poly1305, HkdfSha256, X25519>(
            &OpModeR::Base,
            &PrivateKey::from_bytes(self.private.bytes()).ok()?,
            &enc,
            purpose.as_bytes(),
            sealed,
            head,
        )
        .ok()
    }
}

/// Seals bytes to one key: 32 bytes that open it, then the sealed bytes. `head` is not sealed, and cannot be changed.
///
/// # Errors
/// [`Error::Invalid`] when the recipient's key is none.
pub fn seal(recipient: &[u8; 32], purpose: &str, head: &[u8], text: &[u8], random: Random<'_>) -> Result<Vec<u8>> {
    let not_a_key = |_| Error::Invalid("the key it should be sealed to is no key".into());
    let recipient = <X25519 as Kem>::PublicKey::from_bytes(recipient).map_err(not_a_key)?;
    let (enc, sealed) = hpke::single_shot_seal::<ChaCha20Poly1305, HkdfSha256, X25519, _>(
        &OpModeS::Base,
        &recipient,
        purpose.as_bytes(),
        text,
        head,
        &mut Drawn(random),
    )
    .map_err(not_a_key)?;
    Ok([&enc.to_bytes()[..], &sealed].concat())
}

/// Our source of randomness, as hpke asks for it.
struct Drawn<'a>(Random<'a>);

impl hpke::rand_core::RngCore for Drawn<'_> {
    fn next_u32(&mut self) -> u32 {
        hpke::rand_core::impls::next_u32_via_fill(self)
    }
    fn next_u64(&mut self) -> u64 {
        hpke::rand_core::impls::next_u64_via_fill(self)
    }
    fn fill_bytes(&mut self, bytes: &mut [u8]) {
        (self.0)(bytes);
    }
    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> std::result::Result<(), hpke::rand_core::Error> {
        self.fill_bytes(bytes);
        Ok(())
    }
}

impl hpke::rand_core::CryptoRng for Drawn<'_> {}
