use bytes::Bytes;

use super::*;
use crate::protocol::{Delivery, Properties, Property, Text, TopicName};

fn printed(format: &str, payload: &[u8]) -> String {
    let text = |text: &str| Text::try_from(text).unwrap();
    let publish = Publish {
        dup: false,
        delivery: Delivery::AtLeastOnce(PacketId::FIRST),
        retain: true,
        topic: Some(TopicName::try_from("f/h").unwrap()),
        properties: Properties::from(vec![
            Property::ContentType(text("text/plain")),
            Property::UserProperty(text("a"), text("b")),
            Property::UserProperty(text("c"), text("d")),
            Property::CorrelationData(Bytes::from_static(b"cd")),
            Property::MessageExpiryInterval(u32::MAX),
        ]),
        payload: Bytes::copy_from_slice(payload),
    };
    let mut out = Vec::new();
    let format = Format::parse(format.as_bytes()).unwrap();
    let form = Form {
        pretty: false,
        escaped: false,
    };
    format.print(&publish, form, Report::new(true), &mut out);
    String::from_utf8(out).unwrap()
}

/// These are outputs of mosquitto_sub for the same message.
#[test]
fn fields_are_laid_out_as_in_mosquitto() {
    for (format, text) in [
        ("[%10p]", "[     hello]"),
        ("[%-10p]", "[hello     ]"),
        ("[%010p]", "[00000hello]"),
        ("[%3p]", "[hel]"),
        ("[%-p]", "[hello     ]"),
        ("[%10t]", "[       f/h]"),
        ("[%-10t]", "[f/h       ]"),
        ("[%010t]", "[       f/h]"),
        ("[%10.2t]", "[        f/]"),
        ("[%5l]", "[    5]"),
        ("[%-5l]", "[5    ]"),
        ("[%05l]", "[00005]"),
        ("[%-05l]", "[5    ]"),
        ("[%m]", "[1]"),
        ("[%q%r]", "[11]"),
        ("[%3q]", "[1]"),
        ("[%20C]", "[          text/plain]"),
        ("[%020C]", "[          text/plain]"),
        ("[%.3C]", "[tex]"),
        ("[%10R]", "[]"),
        ("[%10S]", "[          ]"),
        ("[%010S]", "[0000000000]"),
        ("[%A%F]", "[]"),
        ("[%E]", "[-1]"),
        ("[%P]", "[a:b c:d]"),
        ("[%10D]", "[cd]"),
        ("%5%", "%"),
        ("é%té", "éf/hé"),
        ("a\\tb\\\\c\\ad", "a\tb\\c\x07d"),
        ("@@ @Q", "@ %Q"),
        ("%x", "68656c6c6f"),
        ("%.2:X", "68:65:6C:6C:6F"),
        ("%.4x", "6865 6c6c 6f"),
        ("%2.2-x", "68-65"),
    ] {
        assert_eq!(printed(format, b"hello"), text, "{format}");
    }
}

#[test]
fn floats_are_printed_as_c_does() {
    let payload = 1.5_f32.to_le_bytes();
    for (format, text) in [
        ("[%f]", "[1.500000]"),
        ("[%10.2f]", "[      1.50]"),
        ("[%-10.2f]", "[1.50      ]"),
        ("[%010.2f]", "[0000001.50]"),
    ] {
        assert_eq!(printed(format, &payload), text, "{format}");
    }
    assert_eq!(
        printed("[%010.1d]", &(-2.25_f64).to_le_bytes()),
        "[-0000002.2]"
    );
    assert_eq!(printed("[%6f]", &f32::NAN.to_le_bytes()), "[   nan]");
}

#[test]
fn wrong_formats_are_named() {
    use FormatError as Error;
    for (format, error) in [
        ("[%5", Error::IncompleteField),
        ("%", Error::IncompleteField),
        ("@", Error::IncompleteField),
        ("%k", Error::UnknownField('k')),
        ("%0-5l", Error::UnknownField('5')),
        ("\\q", Error::UnknownEscape('q')),
        ("abc\\", Error::IncompleteEscape),
    ] {
        assert_eq!(Format::parse(format.as_bytes()), Err(error), "{format}");
    }
}
