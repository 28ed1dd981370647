//! A relay of this computer, the real one, and an ear at its door: what its owner could learn.
//!
//! A WebSocket hides what is said *to* a server under a mask. What one device says the relay says to the other, byte for
//! byte: so what the relay said holds both.

use std::net::{Ipv4Addr, SocketAddr};
use std::ops::Deref;
use std::sync::{Arc, mpsc};

use iroh_relay::server::{CertConfig, RelayConfig, Server, ServerConfig, TlsConfig};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

use crate::certificates::Shown;
use crate::ear::Ear;

/// A relay that runs until this is dropped, with all that passes it written down.
pub struct Operated {
    ear: Ear,
    scheme: &'static str,
    _stop: tokio::sync::oneshot::Sender<()>,
}

impl Operated {
    /// A relay without encryption, at a port of this computer that was free.
    pub fn begin() -> Self {
        Self::with(None)
    }

    /// The same with this certificate.
    pub fn showing(shown: &Shown) -> Self {
        Self::with(Some(shown))
    }

    fn with(shown: Option<&Shown>) -> Self {
        let here = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let mut relay = RelayConfig::new(here);
        relay.tls = shown.map(|shown| TlsConfig::new(here, CertConfig::Manual { server_config: encryption(shown) }));
        let mut config = ServerConfig::default();
        config.relay = Some(relay);
        let (_stop, stopped) = tokio::sync::oneshot::channel::<()>();
        let (tell, told) = mpsc::channel();
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                let server = Server::spawn(config).await.unwrap();
                tell.send(server.https_addr().or(server.http_addr()).unwrap()).unwrap();
                let _ = stopped.await;
                drop(server);
            });
        });
        let ear = Ear::before(told.recv().unwrap());
        Self { ear, scheme: if shown.is_some() { "https" } else { "http" }, _stop }
    }

    /// The address under which devices know it.
    pub fn url(&self) -> String {
        format!("{}://{}", self.scheme, self.ear.door)
    }
}

impl Deref for Operated {
    type Target = Ear;

    fn deref(&self) -> &Ear {
        &self.ear
    }
}

fn encryption(shown: &Shown) -> rustls::ServerConfig {
    let certificate = CertificateDer::from_pem_slice(shown.certificate.as_bytes()).unwrap();
    let key = PrivateKeyDer::from_pem_slice(shown.key.as_bytes()).unwrap();
    rustls::ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key)
        .unwrap()
}
