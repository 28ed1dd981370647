//! Certificates for servers of the tests, by an authority of their own, whom nobody trusts who was not told to.

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, date_time_ymd};

/// Who signs certificates.
pub struct Authority {
    issuer: Issuer<'static, KeyPair>,
    /// Its own certificate, as PEM: who trusts this, trusts what it signed.
    pub root: String,
}

/// What a server shows, as PEM.
pub struct Shown {
    /// Its certificate.
    pub certificate: String,
    /// The key to it, which it keeps.
    pub key: String,
}

impl Authority {
    /// A new one of this name. Two have two names: who knows a name and meets another key says something else.
    pub fn of(name: &str) -> Self {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name.push(DnType::CommonName, name);
        let key = KeyPair::generate().unwrap();
        let root = params.self_signed(&key).unwrap().pem();
        Self { issuer: Issuer::new(params, key), root }
    }

    /// A certificate for the server of this name or number.
    pub fn signs(&self, host: &str) -> Shown {
        self.sign(host, 2100)
    }

    /// One that has expired.
    pub fn signed(&self, host: &str) -> Shown {
        self.sign(host, 2020)
    }

    fn sign(&self, host: &str, until: i32) -> Shown {
        let mut params = CertificateParams::new([host.to_owned()]).unwrap();
        params.distinguished_name.push(DnType::CommonName, "A server of tests");
        params.not_after = date_time_ymd(until, 1, 1);
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap().pem();
        Shown { certificate, key: key.serialize_pem() }
    }
}
