//! Signs tokens in tests, with a key for each algorithm. The RSA key is a file, because ring
//! generates none.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::rand::SystemRandom;
use ring::rsa::{KeyPair as RsaKeyPair, PublicKeyComponents};
use ring::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair, RSA_PKCS1_SHA256,
};
use ring::{digest, hmac};

pub enum Signer {
    Rs256(RsaKeyPair),
    Es256(EcdsaKeyPair),
    EdDsa(Ed25519KeyPair),
    Hs256(Vec<u8>),
}

/// base64url without padding.
pub fn base64url(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

impl Signer {
    /// Key derived from `seed`, if the algorithm allows for it.
    pub fn new(algorithm: &str, seed: &str) -> Self {
        let seed = digest::digest(&digest::SHA256, seed.as_bytes());
        match algorithm {
            "RS256" => {
                let key = include_bytes!("rsa2048.pk8");
                Self::Rs256(RsaKeyPair::from_pkcs8(key).expect("an RSA key"))
            }
            "ES256" => {
                let (random, kind) = (SystemRandom::new(), &ECDSA_P256_SHA256_FIXED_SIGNING);
                let key = EcdsaKeyPair::generate_pkcs8(kind, &random).expect("a P-256 key");
                Self::Es256(EcdsaKeyPair::from_pkcs8(kind, key.as_ref(), &random).expect("the key"))
            }
            "EdDSA" => {
                Self::EdDsa(Ed25519KeyPair::from_seed_unchecked(seed.as_ref()).expect("a seed"))
            }
            "HS256" => Self::Hs256(seed.as_ref().to_vec()),
            _ => panic!("no such algorithm: {algorithm}"),
        }
    }

    pub fn algorithm(&self) -> &'static str {
        match self {
            Self::Rs256(_) => "RS256",
            Self::Es256(_) => "ES256",
            Self::EdDsa(_) => "EdDSA",
            Self::Hs256(_) => "HS256",
        }
    }

    /// Public key, as a JWK.
    pub fn jwk(&self) -> String {
        match self {
            Self::Rs256(key) => {
                let public: PublicKeyComponents<Vec<u8>> = key.public().into();
                let (n, e) = (base64url(public.n), base64url(public.e));
                format!(r#"{{"kty": "RSA", "n": "{n}", "e": "{e}"}}"#)
            }
            Self::Es256(key) => {
                let (x, y) = key.public_key().as_ref()[1..].split_at(32);
                let (x, y) = (base64url(x), base64url(y));
                format!(r#"{{"kty": "EC", "crv": "P-256", "x": "{x}", "y": "{y}"}}"#)
            }
            Self::EdDsa(key) => {
                let x = base64url(key.public_key());
                format!(r#"{{"kty": "OKP", "crv": "Ed25519", "x": "{x}"}}"#)
            }
            Self::Hs256(secret) => format!(r#"{{"kty": "oct", "k": "{}"}}"#, base64url(secret)),
        }
    }

    /// Token with the usual header.
    pub fn token(&self, claims: &str) -> String {
        self.sign(&format!(r#"{{"alg": "{}", "typ": "JWT"}}"#, self.algorithm()), claims)
    }

    /// Token with any header and payload.
    pub fn sign(&self, header: &str, payload: &str) -> String {
        let signed = format!("{}.{}", base64url(header), base64url(payload));
        let signature = self.signature(signed.as_bytes());
        format!("{signed}.{}", base64url(signature))
    }

    pub fn signature(&self, signed: &[u8]) -> Vec<u8> {
        let random = SystemRandom::new();
        match self {
            Self::Rs256(key) => {
                let mut signature = vec![0; key.public().modulus_len()];
                key.sign(&RSA_PKCS1_SHA256, &random, signed, &mut signature).expect("signed");
                signature
            }
            Self::Es256(key) => key.sign(&random, signed).expect("signed").as_ref().to_vec(),
            Self::EdDsa(key) => key.sign(signed).as_ref().to_vec(),
            Self::Hs256(secret) => {
                let key = hmac::Key::new(hmac::HMAC_SHA256, secret);
                hmac::sign(&key, signed).as_ref().to_vec()
            }
        }
    }
}
