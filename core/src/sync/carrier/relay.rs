//! A relay: a server of a person's own, by iroh, which passes on what two devices say to each other that share no network.
//! It sees their keys and addresses, and of what they say how much and when. Which one is in use is the notebook's to
//! remember, and calling through it is `direct`'s.

use std::fmt::Display;
use std::future::Future;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, ToSocketAddrs};
use std::pin::{Pin, pin};
use std::sync::mpsc::{self, RecvTimeoutError};

use futures_util::future::{Either, select};
use iroh::dns::{BoxIter, DnsError, DnsResolver, Resolver, TxtRecordData};
use iroh::endpoint::RelayStatus;
use iroh::tls::CaTlsConfig;
use iroh::{RelayConfig, RelayMap, RelayUrl, SecretKey, Watcher};
use reqwest::Url;
use tokio::time::timeout;

use super::direct::{FAR, STEP, endpoint};
use super::remote::shown_text;
use super::wire;
use crate::error::{Error, Result};

/// Most bytes of an address.
const MAX_ADDRESS: usize = 256;

/// The address of a relay.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Relay(RelayUrl);

impl Relay {
    /// Reads the address of a relay, of at most 256 bytes. It is encrypted, unless it is on this very computer.
    ///
    /// # Errors
    /// [`Error::Invalid`] when it cannot be used, in words for the person who typed it.
    pub fn parse(text: &str) -> Result<Self> {
        let text = text.trim();
        let refuse = |why: &str| Err(Error::Invalid(format!("the address {} {why}", shown_text(text))));
        if text.len() > MAX_ADDRESS {
            return refuse("is too long; a relay's has at most 256 characters");
        }
        let Ok(url) = Url::parse(text) else { return refuse("is not complete; it begins with https://") };
        if !url.username().is_empty() || url.password().is_some() {
            return refuse("must not hold a user name or a password");
        }
        if !matches!(url.path(), "" | "/") || url.query().is_some() || url.fragment().is_some() {
            return refuse("must end with the name of the server, or its port");
        }
        match url.scheme() {
            "https" => Ok(Self(url.into())),
            "http" if is_this_computer(&url) => Ok(Self(url.into())),
            "http" => refuse("is not encrypted, so others on the way would see which devices are yours; use https://"),
            _ => refuse("must begin with https://"),
        }
    }

    /// Its address, as it is kept and shown.
    pub fn address(&self) -> &str {
        self.0.as_str().trim_end_matches('/')
    }

    /// What to call it in a message.
    pub fn words(&self) -> String {
        format!("the relay {}", self.address())
    }

    /// Whether it answers now and lets a device in. It learns no key of this one: another is drawn for it, and thrown away.
    /// Given up as soon as `goes_on` answers an error.
    ///
    /// # Errors
    /// [`Error::Unreachable`] when it does not answer, [`Error::Denied`] when it lets nobody in, with the reason; that of
    /// `goes_on`.
    pub fn try_out(&self, goes_on: &mut dyn FnMut() -> Result<()>) -> Result<()> {
        let relay = self.clone();
        let (given_up, is_given_up) = tokio::sync::oneshot::channel::<()>();
        let (done, result) = mpsc::sync_channel(1);
        // A thread of its own: whoever calls may be inside another runtime.
        std::thread::Builder::new().name("kith-relay".into()).spawn(move || {
            let answer = tokio::runtime::Builder::new_current_thread().enable_all().build().map(|runtime| {
                let asked = runtime.block_on(async {
                    // Who gave up drops the other half.
                    match select(pin!(timeout(FAR, relay.lets_in())), is_given_up).await {
                        Either::Left((answer, _)) => answer.unwrap_or_else(|_| Err(relay.silent())),
                        Either::Right(_) => Err(relay.silent()),
                    }
                });
                runtime.shutdown_background();
                asked
            });
            let _ = done.send(answer.unwrap_or_else(|error| Err(error.into())));
        })?;
        let answer = loop {
            match result.recv_timeout(STEP) {
                Ok(answer) => break answer,
                Err(RecvTimeoutError::Disconnected) => break Err(self.silent()),
                Err(RecvTimeoutError::Timeout) => goes_on()?,
            }
        };
        drop(given_up);
        answer
    }

    async fn lets_in(&self) -> Result<()> {
        self.answers().await?;
        let endpoint = endpoint(SecretKey::generate(), 0, Some(self)).await?;
        let mut states = endpoint.home_relay_status();
        let done = loop {
            let state = states.get().into_iter().next();
            if state.as_ref().is_some_and(RelayStatus::is_connected) {
                break Ok(());
            }
            if let Some(why) = state.as_ref().and_then(RelayStatus::last_error) {
                break Err(self.no_relay(why));
            }
            if states.updated().await.is_err() {
                break Err(self.silent());
            }
        };
        endpoint.close().await;
        done
    }

    /// Whether somebody answers there at all, asked as any program would ask, for as long as the caller waits.
    pub(super) async fn answers(&self) -> Result<()> {
        let Ok(url) = self.0.join("/ping") else { return Err(self.silent()) };
        match wire::knock(url).await {
            Ok(200..300) => Ok(()),
            Ok(status) => Err(self.no_relay(&status)),
            Err(broken) => Err(broken.at(&self.words())),
        }
    }

    /// Something else is there, or it lets nobody in who is not on its list.
    fn no_relay(&self, why: &dyn Display) -> Error {
        Error::Denied(format!("{} answers, but not as a relay that is open to this device ({why})", self.words()))
    }

    /// It did not answer at all.
    pub(super) fn silent(&self) -> Error {
        Error::Unreachable(format!("{} did not answer in time", self.words()))
    }

    pub(super) fn url(&self) -> RelayUrl {
        self.0.clone()
    }

    /// This one relay and no other. It is not asked under which address this device is seen from outside: so it is spoken
    /// with at one port of TCP and nowhere else.
    pub(super) fn map(&self) -> RelayMap {
        RelayConfig::new(self.url(), None).into()
    }

    /// Whose certificates count, which are those that count for mailboxes.
    pub(super) fn trusts(&self) -> CaTlsConfig {
        match self.0.scheme() {
            "https" => wire::trusts(),
            // Nobody shows any.
            _ => CaTlsConfig::default(),
        }
    }
}

fn is_this_computer(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']);
    host == "localhost" || host.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

/// Looks up names as every program of this system does. iroh's own way asks public servers when those of the system do
/// not answer.
pub(super) fn names() -> DnsResolver {
    DnsResolver::custom(OfTheSystem)
}

#[derive(Debug)]
struct OfTheSystem;

type Looking<T> = Pin<Box<dyn Future<Output = std::result::Result<BoxIter<T>, DnsError>> + Send>>;

impl Resolver for OfTheSystem {
    fn lookup_ipv4(&self, host: String) -> Looking<Ipv4Addr> {
        Box::pin(looked_up(host, |ip| match ip {
            IpAddr::V4(ip) => Some(ip),
            IpAddr::V6(_) => None,
        }))
    }

    fn lookup_ipv6(&self, host: String) -> Looking<Ipv6Addr> {
        Box::pin(looked_up(host, |ip| match ip {
            IpAddr::V6(ip) => Some(ip),
            IpAddr::V4(_) => None,
        }))
    }

    /// Only lookups of devices, which are none of ours, would want it.
    fn lookup_txt(&self, _host: String) -> Looking<TxtRecordData> {
        let none: BoxIter<TxtRecordData> = Box::new(std::iter::empty());
        Box::pin(std::future::ready(Ok(none)))
    }

    fn clear_cache(&self) {}

    fn reset(&self) -> Box<dyn Resolver> {
        Box::new(Self)
    }
}

/// A name that is not found has no addresses.
async fn looked_up<T: Send + 'static>(
    host: String,
    of: fn(IpAddr) -> Option<T>,
) -> std::result::Result<BoxIter<T>, DnsError> {
    let asking = tokio::task::spawn_blocking(move || (host.as_str(), 0).to_socket_addrs().map(Vec::from_iter));
    let found: Vec<SocketAddr> = asking.await.ok().and_then(std::result::Result::ok).unwrap_or_default();
    let found: BoxIter<T> = Box::new(found.into_iter().filter_map(move |at| of(at.ip())));
    Ok(found)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_relay_is_an_encrypted_server_and_nothing_else() {
        for (typed, kept) in [
            ("https://relay.example", "https://relay.example"),
            (" https://relay.example:8443/ ", "https://relay.example:8443"),
            ("https://RELAY.example.", "https://relay.example."),
            ("http://127.0.0.1:3340", "http://127.0.0.1:3340"),
            ("http://[::1]:3340", "http://[::1]:3340"),
            ("http://localhost", "http://localhost"),
        ] {
            assert_eq!(Relay::parse(typed).unwrap().address(), kept);
        }
        for (typed, why) in [
            ("", "not complete"),
            ("relay.example", "not complete"),
            ("https://", "not complete"),
            ("http://relay.example", "not encrypted"),
            ("http://192.168.1.7", "not encrypted"),
            ("http://localhost.example", "not encrypted"),
            ("wss://relay.example", "must begin with https://"),
            ("file:///etc", "must"),
            ("https://ann:secret@relay.example", "user name"),
            ("https://relay.example/relay", "must end"),
            ("https://relay.example?token=1", "must end"),
            (&format!("https://{}.example", "a".repeat(260)), "too long"),
        ] {
            let error = Relay::parse(typed).unwrap_err();
            assert!(matches!(&error, Error::Invalid(words) if words.contains(why)), "{typed}: {error}");
            assert!(!error.to_string().contains("secret"), "{error}");
        }
    }

    #[test]
    fn names_are_looked_up_as_the_system_does_and_none_is_no_address() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let found = runtime.block_on(OfTheSystem.lookup_ipv4("127.0.0.1".into())).unwrap();
        assert_eq!(found.collect::<Vec<_>>(), [Ipv4Addr::LOCALHOST]);
        let none = runtime.block_on(OfTheSystem.lookup_ipv6("127.0.0.1".into())).unwrap();
        assert_eq!(none.count(), 0);
        let none = runtime.block_on(OfTheSystem.lookup_ipv4("no such name".into())).unwrap();
        assert_eq!(none.count(), 0);
    }
}
