//! What anybody who listens can read of QUIC: the first packets of a connection are sealed with keys that follow from what
//! stands in them (RFC 9001, section 5.2).

use std::collections::BTreeSet;

use rustls::Side;
use rustls::crypto::ring::cipher_suite::TLS13_AES_128_GCM_SHA256;
use rustls::quic::{Keys, Version};

/// What is in the first packets among these datagrams, opened as an eavesdropper opens them.
pub fn opened<'a>(datagrams: impl IntoIterator<Item = &'a [u8]>) -> Vec<Vec<u8>> {
    let (mut ids, mut opened) = (BTreeSet::new(), Vec::new());
    for initial in datagrams.into_iter().filter_map(Initial::read) {
        ids.insert(initial.to.to_vec());
        let keys = ids.iter().flat_map(|id| [keys(id, Side::Server), keys(id, Side::Client)]);
        opened.extend(keys.into_iter().find_map(|keys| initial.open(&keys)));
    }
    opened
}

/// The keys of a connection that began with a packet to this id; its reader is on this side.
fn keys(id: &[u8], side: Side) -> Keys {
    let suite = TLS13_AES_128_GCM_SHA256.tls13().and_then(|suite| suite.quic_suite()).unwrap();
    suite.keys(id, side, Version::V1)
}

/// The first packet of a datagram, if it is one that begins a connection.
struct Initial<'a> {
    /// The id of the connection that it is sent to.
    to: &'a [u8],
    packet: &'a [u8],
    /// Where the number of the packet stands, which is sealed too.
    number_at: usize,
}

impl<'a> Initial<'a> {
    fn read(datagram: &'a [u8]) -> Option<Self> {
        let (head, mut rest) = datagram.split_at_checked(5)?;
        if head[0] & 0xf0 != 0xc0 || head[1..] != [0, 0, 0, 1] {
            return None;
        }
        let to = with_length(&mut rest, |rest| rest.split_off_first().copied().map(usize::from))?;
        with_length(&mut rest, |rest| rest.split_off_first().copied().map(usize::from))?;
        with_length(&mut rest, number)?;
        let length = number(&mut rest)?;
        let number_at = datagram.len() - rest.len();
        Some(Self { to, packet: datagram.get(..number_at + length)?, number_at })
    }

    fn open(&self, keys: &Keys) -> Option<Vec<u8>> {
        let mut packet = self.packet.to_vec();
        let sample = self.packet.get(self.number_at + 4..)?.get(..keys.remote.header.sample_len())?;
        let (head, rest) = packet.split_at_mut(self.number_at);
        keys.remote.header.decrypt_in_place(sample, &mut head[0], rest.get_mut(..4)?).ok()?;
        let length = usize::from(head[0] & 3) + 1;
        // Only the bytes of the number were sealed; those after it were not.
        rest[length..4].copy_from_slice(&self.packet[self.number_at + length..self.number_at + 4]);
        let number = rest[..length].iter().fold(0, |number, byte| number << 8 | u64::from(*byte));
        let (head, body) = packet.split_at_mut(self.number_at + length);
        keys.remote.packet.decrypt_in_place(number, head, body).ok().map(<[u8]>::to_vec)
    }
}

fn with_length<'a>(rest: &mut &'a [u8], length: impl Fn(&mut &'a [u8]) -> Option<usize>) -> Option<&'a [u8]> {
    let length = length(rest)?;
    rest.split_off(..length)
}

/// A number as QUIC writes it: its first two bits say of how many bytes it is.
fn number(rest: &mut &[u8]) -> Option<usize> {
    let first = *rest.first()?;
    let bytes = rest.split_off(..1 << (first >> 6))?;
    Some(bytes[1..].iter().fold(usize::from(first & 0x3f), |number, byte| number << 8 | usize::from(*byte)))
}
