//! Certificates as people make them with the program `openssl`.

use std::fs;
use std::path::Path;

use super::Program;

/// The program at work in one folder.
#[derive(Clone, Copy)]
pub(crate) struct Openssl<'a>(pub(crate) &'a Path);

impl Openssl<'_> {
    /// Runs it with these arguments, which must succeed; returns what it prints.
    pub(crate) fn run(self, arguments: &str) -> String {
        let line = format!("openssl {arguments}");
        let outcome = Program::typed(&line).in_folder(self.0).run();
        outcome.exits_with(0).stdout()
    }

    /// Makes an authority: `NAME.crt` and `NAME.key`, with the name as its common name.
    pub(crate) fn authority(self, name: &str) {
        self.run(&format!(
            "req -new -x509 -days 3650 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes \
             -keyout {name}.key -out {name}.crt -subj /CN={name}"
        ));
    }

    /// Makes a key of elliptic curve P-256, and a request for a certificate with this subject.
    pub(crate) fn request(self, name: &str, subject: &str) {
        self.request_with(name, subject, "-newkey ec -pkeyopt ec_paramgen_curve:P-256");
    }

    /// Makes a key as the arguments say, and a request for a certificate with this subject.
    pub(crate) fn request_with(self, name: &str, subject: &str, key: &str) {
        self.run(&format!(
            "req -new {key} -nodes -utf8 -keyout {name}.key -out {name}.csr -subj {subject}"
        ));
    }

    /// Signs the request without extensions, as Mosquitto's manual says, which makes a
    /// certificate of version 1.
    pub(crate) fn sign_version_1(self, name: &str, authority: &str) {
        let sign = format!(
            "x509 -req -days 3650 -in {name}.csr -CA {authority}.crt -CAkey {authority}.key \
             -CAcreateserial -out {name}.crt"
        );
        self.run(&sign);
        if !self.is_version_1(name) {
            // OpenSSL from 3.4 on makes version 3 unless it is asked.
            self.run(&format!("{sign} -x509v1"));
        }
        assert!(self.is_version_1(name), "{name}.crt is of another version");
    }

    fn is_version_1(self, name: &str) -> bool {
        let text = self.run(&format!("x509 -in {name}.crt -noout -text"));
        text.contains("Version: 1 (0x0)")
    }

    /// Signs the request with these extensions.
    pub(crate) fn sign(self, name: &str, authority: &str, extensions: &str) {
        let file = self.0.join(format!("{name}.ext"));
        fs::write(file, extensions).expect("the folder is writable");
        self.run(&format!(
            "x509 -req -days 3650 -in {name}.csr -CA {authority}.crt -CAkey {authority}.key \
             -CAcreateserial -extfile {name}.ext -out {name}.crt"
        ));
    }
}
