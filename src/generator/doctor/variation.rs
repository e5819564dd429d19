//! What senders do otherwise than a generator's file expects, in a few words and in a sentence.

/// The check at which a callback failed, as far as that can be told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Check {
    /// The signature's header is not there.
    Header,
    Timestamp,
    Length,
    Encoding,
    Prefix,
    Secret,
    Algorithm,
    Content,
    /// Secret or content; which of them nobody can tell.
    Signature,
    Token,
    /// The generator's public keys are not known.
    Keys,
}

impl Check {
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Header => "header",
            Self::Timestamp => "timestamp",
            Self::Length => "length",
            Self::Encoding => "encoding",
            Self::Prefix => "prefix",
            Self::Secret => "secret",
            Self::Algorithm => "algorithm",
            Self::Content => "content",
            Self::Signature => "signature",
            Self::Token => "token",
            Self::Keys => "keys",
        }
    }
}

/// By their words.
macro_rules! serialized {
    ($($name:ident),+) => {
        $(impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.as_str())
            }
        })+
    };
}
serialized!(Check, Variation);

macro_rules! variations {
    ($($check:ident { $($name:ident = $word:literal $sentence:literal)+ })+) => {
        /// A way to sign, or to send a signature, that is not the expected one.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Variation { $($($name),+),+ }

        impl Variation {
            pub const ALL: &[Self] = &[$($(Self::$name),+),+];

            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $($(Self::$name => $word),+),+ }
            }

            #[must_use]
            pub const fn check(self) -> Check {
                match self { $($(Self::$name => Check::$check),+),+ }
            }

            /// `{}` stands for what the variation is about.
            const fn sentence(self) -> &'static str {
                match self { $($(Self::$name => $sentence),+),+ }
            }
        }
    };
}

variations! {
    Header {
        OtherHeader = "other_header" "The signature is in the header {}, which is not where it is looked for"
    }
    Prefix {
        PrefixMissing = "prefix_missing" "The signature lacks `{}` in front of it"
        PrefixUnexpected = "prefix_unexpected" "The signature has `{}` in front of it, which is not expected there"
        Quoted = "signature_quoted" "The signature has quotation marks around it"
    }
    Encoding {
        Hex = "hex" "The signature is in hex, and base64 is expected"
        Base64 = "base64" "The signature is in base64, and hex is expected"
        Base64Url = "base64url" "The signature is in URL-safe base64, and hex is expected"
        Base64OfHex = "base64_of_hex" "The signature is the base64 of its hex digits: the digest was encoded twice"
    }
    Secret {
        OtherGeneratorsSecret = "other_generators_secret" "It is signed with the secret (or key) of generator `{}`"
        OtherGenerator = "other_generator" "It is a good callback of generator `{}`: the URL names the wrong generator"
        SecretAsText = "secret_as_text" "The secret's text was used as the key, and its base64 should have been decoded"
        SecretDecoded = "secret_decoded" "The secret was decoded from {} to get the key, and the generator's file takes it otherwise"
        SecretPadded = "secret_padded" "The sender's secret has {} around it that ours has not"
        SecretTrimmed = "secret_trimmed" "Our secret has whitespace or quotation marks around it that the sender's has not"
        SecretSplit = "secret_split" "Our setting was taken for {} secrets, since it holds a comma, and the sender's is all of it"
        SecretEncoded = "secret_encoded" "What was sent is the base64 of the secret, and the secret itself is expected"
        SecretEmpty = "secret_empty" "It is signed with an empty secret: the sender's setting seems to be missing"
    }
    Algorithm {
        OtherAlgorithm = "other_algorithm" "It is an HMAC of {}, which is not the expected hash"
        PlainHash = "plain_hash" "It is a plain SHA-256 of {}, and an HMAC is expected"
        SignedInstead = "signed_instead" "It is an HMAC of the body, and the secret itself is expected"
    }
    Content {
        JavaScriptJson = "javascript_json" "Not the bytes that were sent are signed, but the body as JavaScript's JSON.stringify writes it"
        PythonJson = "python_json" "Not the bytes that were sent are signed, but the body as Python's {} writes it"
        RawBody = "raw_body" "The bytes that were sent are signed, and another spelling of the body is expected"
        CrlfAdded = "crlf_added" "The signed body has CRLF at the ends of its lines, and the sent one LF"
        CrlfRemoved = "crlf_removed" "The signed body has LF at the ends of its lines, and the sent one CRLF"
        LineBreaksRemoved = "line_breaks_removed" "The signed body is the sent one without its line breaks"
        NewlineAdded = "newline_added" "The signed body ends with a line break that the sent one has not"
        NewlineStripped = "newline_stripped" "The sent body has blanks or a line break around it that the signed one has not"
        UrlDecoded = "url_decoded" "The body was sent URL-encoded, and signed before that"
        UrlEncoded = "url_encoded" "The body was URL-encoded to be signed, and sent without that"
        WithoutId = "without_id" "The signed content lacks the message's id"
        WithoutTimestamp = "without_timestamp" "The signed content lacks the timestamp"
        BodyOnly = "body_only" "Only the body is signed, and {} should be in front of it"
        WithTimestamp = "with_timestamp" "The signed content has {} in front of the body, and only the body is expected"
        OtherSeparator = "other_separator" "The parts of the signed content are joined by {}"
        BodyHashed = "body_hashed" "The body's SHA-256 is signed, and the body itself is expected"
        BodyNotHashed = "body_not_hashed" "The body itself is signed, and its SHA-256 is expected"
        NothingSigned = "nothing_signed" "An empty text is signed: the sender signs before it has a body"
    }
    Timestamp {
        TimestampElsewhere = "timestamp_elsewhere" "The timestamp seems to be in the header {}, which is not where it is looked for"
        TimestampMissing = "timestamp_missing" "There is no timestamp: {} is not there"
        TimestampInMillis = "timestamp_in_milliseconds" "The timestamp is in milliseconds, and seconds are expected"
        TimestampInMicros = "timestamp_in_microseconds" "The timestamp is in microseconds or finer, and {} are expected"
        TimestampInSeconds = "timestamp_in_seconds" "The timestamp is in seconds, and milliseconds are expected"
        TimestampAsDate = "timestamp_as_date" "The timestamp is a date, and {} since 1970 are expected"
        TimestampFraction = "timestamp_with_fraction" "The timestamp has a fraction, and whole {} are expected"
        TimestampUnreadable = "timestamp_unreadable" "The timestamp is no count of {} since 1970"
        TimestampInLocalTime = "timestamp_in_local_time" "The timestamp is off by {}: the sender seems to count in its local time"
        TimestampOld = "timestamp_old" "The timestamp is {}: the sender's clock is behind, or the callback was held up"
        TimestampAhead = "timestamp_ahead" "The timestamp is {}: the sender's clock is ahead, or ours is behind"
    }
    Token {
        TokenOfOtherAttempt = "token_of_other_attempt" "The token is that of attempt {}, and the URL names another"
        TokenOfOtherGenerator = "token_of_other_generator" "The token is that of generator `{}`, and the URL names another"
        TokenDamaged = "token_damaged" "The token has {} characters, and a whole one has 43"
    }
}

/// A variation, and what it is about: a header, a generator, an encoding. Never a secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Label {
    pub variation: Variation,
    subject: String,
}

impl Label {
    pub(super) const fn plain(variation: Variation) -> Self {
        Self { variation, subject: String::new() }
    }

    /// A stranger may have written the subject.
    pub(super) fn about(variation: Variation, subject: &str) -> Self {
        const LONGEST: usize = 64;
        Self { variation, subject: subject.chars().take(LONGEST).filter(|c| !c.is_control()).collect() }
    }

    pub(super) fn sentence(&self) -> String {
        self.variation.sentence().replacen("{}", &self.subject, 1)
    }
}
