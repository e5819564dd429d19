//! What one generator could know helps nobody to speak for another, whatever the query says: every generator of the catalog
//! tries it with every other.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use callback_hub::domain::task::{GeneratorName, TaskId};
use callback_hub::domain::time::Timestamp;
use callback_hub::generator::catalog::{Catalog, GeneratorOverrides, Overrides};
use callback_hub::generator::entry::Generator;
use callback_hub::generator::signing::{CannotSign, sign};
use ed25519_dalek::SigningKey;
use futures_util::{StreamExt, stream};
use rstest::rstest;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::harness::app::START;
use crate::harness::{Answer, App, Kind};

/// Something that every generator could have sent.
const BODY: &str = r#"{"id":"x-1","event":"completed","type":"completed","status":"completed","state":"completed","result":{"n":1},
    "output":[1],"data":{"id":"x-1","task_id":"x-1","status":"completed"},"taskId":"x-1","request_id":"x-1"}"#;
const AT_A_TIME: usize = 16;
const INVALID: &str = "signature_invalid";

struct Party {
    generator: Arc<Generator>,
    /// What the generator signs with.
    held: String,
    task: String,
    /// Of the URL that the hub handed out for its task: what of its query proves something.
    token: String,
}

/// A secret of its own, in the form that the generator's file wants: what is known of it, and what is held.
fn secrets_of(name: &GeneratorName) -> (String, String) {
    let seed: [u8; 32] = Sha256::digest(name.as_str()).into();
    let pair = SigningKey::from_bytes(&seed);
    let text = format!("what {name} alone knows - and no base64");
    let bare = STANDARD.encode(seed);
    let encoded = format!("whsec_{bare}");
    let public = format!("whpk_{}", STANDARD.encode(pair.verifying_key().as_bytes()));
    let private = format!("whsk_{bare}");
    // any 32 bytes may look like a public key: bare ones are tried last
    let forms = [(text.clone(), text), (encoded.clone(), encoded), (public, private), (bare.clone(), bare)];
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("generators").join(format!("{name}.toml"));
    let file = [(format!("{name}.toml"), fs::read_to_string(file).expect("its file"))];
    let suits = |secret: &str| Catalog::single(&file, &settings([(name, secret.to_owned())])).is_ok();
    forms.into_iter().find(|(known, _)| suits(known)).unwrap_or_else(|| panic!("{name} takes none of these secrets"))
}

fn settings<'a>(secrets: impl IntoIterator<Item = (&'a GeneratorName, String)>) -> Overrides {
    let own = |secret: String| GeneratorOverrides { secrets: vec![secret], ..GeneratorOverrides::default() };
    let generators = secrets.into_iter().map(|(name, secret)| (name.clone(), own(secret))).collect();
    Overrides { generators, ..Overrides::default() }
}

impl Party {
    fn name(&self) -> &str {
        self.generator.name().as_str()
    }

    /// The headers of a callback for a task as this generator would send them, by somebody with this secret; none where that
    /// is no secret of its kind.
    fn signed(&self, secret: &str, task: &str) -> Option<Vec<(String, String)>> {
        let task = TaskId::parse(task).expect("an id");
        match sign(&self.generator, secret, &task, BODY.as_bytes(), Timestamp::from_secs(START)) {
            Ok(headers) => Some(headers),
            Err(CannotSign::Secret(_) | CannotSign::NoScheme) => None,
            Err(error) => panic!("{}: {error}", self.name()),
        }
    }
}

/// An app that knows a secret of each generator of the catalog, and a task of each.
async fn all(kind: Kind) -> (App, Vec<Party>) {
    let names = Catalog::names(&[]).expect("the built-in files");
    let secrets: Vec<(String, String)> = names.iter().map(secrets_of).collect();
    let known = names.iter().zip(secrets.iter().map(|(known, _)| known.clone()));
    let catalog = Catalog::load(&[], &settings(known)).expect("all of them");
    let setting = |name: &GeneratorName| match name.as_str() {
        "default" => "CALLBACK_SECRET_KEY".to_owned(),
        name => format!("GENERATOR_{}_SECRET", name.to_ascii_uppercase().replace('-', "_")),
    };
    let told: Vec<(String, &str)> =
        names.iter().zip(&secrets).map(|(name, (known, _))| (setting(name), known.as_str())).collect();
    let told: Vec<(&str, &str)> = told.iter().map(|(name, value)| (name.as_str(), *value)).collect();
    let app = App::start(kind, &told).await;
    let mut parties = Vec::new();
    for (name, (_, held)) in names.iter().zip(secrets) {
        let task = format!("task-of-{name}");
        let made = app.created(&json!({"id": task, "generator": name.as_str(), "submit": false})).await;
        let url = made["callback_url"].as_str().expect("a URL");
        // `attempt=…&token=…`; on a place for all tasks `token=…`, or nothing
        let token = url.find("attempt=").or(url.find("token=")).map_or("", |at| &url[at..]).to_owned();
        parties.push(Party { generator: catalog.find(name.as_str()).expect("it").clone(), held, task, token });
    }
    (app, parties)
}

impl App {
    async fn post_signed(&self, target: &str, headers: &[(String, String)]) -> Answer {
        let request = self.client.post(format!("{}{target}", self.base)).body(BODY);
        self.send(headers.iter().fold(request, |request, (name, value)| request.header(name, value))).await
    }
}

/// Each of them with so many others, those that come after it.
async fn with_others<R>(parties: &[Party], count: usize, attempt: impl AsyncFn(&Party, &Party) -> R) -> Vec<R> {
    let after = |at: usize| (1..=count).map(move |step| &parties[(at + step) % parties.len()]);
    let pairs = parties.iter().enumerate().flat_map(|(at, one)| after(at).map(move |other| (one, other)));
    stream::iter(pairs).map(|(one, other)| attempt(one, other)).buffer_unordered(AT_A_TIME).collect().await
}

/// How the tasks stand, none of which was touched by anything that was accepted.
async fn states(app: &App, parties: &[Party]) -> Vec<Value> {
    let mut found = Vec::new();
    for party in parties {
        found.push(app.task(&party.task).await);
        let receipts = app.items(&format!("/api/tasks/{}/callbacks", party.task)).await;
        assert!(receipts.iter().all(|receipt| receipt["verdict"] == "rejected"), "{}: {receipts:?}", party.name());
    }
    found
}

#[rstest]
#[tokio::test]
async fn one_generators_secret_never_proves_another(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let (app, parties) = all(kind).await;
    let before = states(&app, &parties).await;
    let tried = with_others(&parties, parties.len() - 1, async |one, other| {
        // in the other's way of signing, for the other's task
        let Some(forged) = other.signed(&one.held, &other.task) else { return 0 };
        let target = format!("/callback/{}?generator={}", other.task, other.name());
        let bare = app.post_signed(&target, &forged).await.problem();
        assert!(bare.0 == 401, "{} as {}: {bare:?}", one.name(), other.name());
        for target in [format!("{target}&{}", other.token), format!("/hooks/{}?{}", other.name(), other.token)] {
            let with_token = app.post_signed(&target, &forged).await.problem();
            assert_eq!(with_token, (401, INVALID.to_owned()), "{} as {}, whose token it has: {target}", one.name(), other.name());
        }
        1
    });
    let tried: usize = tried.await.into_iter().sum();
    let signing = parties.iter().filter(|party| party.signed(&party.held, &party.task).is_some()).count();
    assert!(signing >= 3 && tried >= signing * (signing - 1) / 2, "{tried} tries, {signing} generators that sign");
    assert_eq!(states(&app, &parties).await, before);
    app.stop().await;
}

#[rstest]
#[tokio::test]
async fn what_a_generator_may_say_of_its_own_tasks_it_may_not_of_anothers(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let (app, parties) = all(kind).await;
    let before = states(&app, &parties).await;
    with_others(&parties, 5, async |one, other| {
        // signed as one does it, by one's own secret, and under the token of one's own task
        let headers = one.signed(&one.held, &other.task).unwrap_or_default();
        let own = format!("/callback/{}?generator={}&{}", other.task, one.name(), one.token);
        let others = format!("/callback/{}?generator={}&{}", other.task, other.name(), one.token);
        let for_all = format!("/hooks/{}?{}", other.name(), one.token);
        // where one's own callbacks need no token, `own` is nothing but proven: see below
        for target in [(!one.token.is_empty()).then_some(own), Some(others), Some(for_all)].into_iter().flatten() {
            let refusal = app.post_signed(&target, &headers).await.problem();
            // wrong; or not what the other wants: no header of its, no token beside it, no time
            assert!(refusal.0 == 401, "{} of {}: {refusal:?}", one.name(), other.name());
        }
        // proven, and none of its business
        let answer = app.post_signed(&format!("/callback/{}?generator={}", other.task, one.name()), &headers).await;
        assert!(answer.status != 200 || answer.json()["outcome"] != "applied", "{} of {}", one.name(), other.name());
    })
    .await;
    assert_eq!(states(&app, &parties).await, before);
    app.stop().await;
}

#[rstest]
#[tokio::test]
async fn each_generators_own_secret_proves_it(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let (app, parties) = all(kind).await;
    for party in &parties {
        let Some(headers) = party.signed(&party.held, &party.task) else { continue };
        let target = format!("/callback/{}?generator={}&{}", party.task, party.name(), party.token);
        let answer = app.post_signed(&target, &headers).await;
        assert!(answer.status != 401, "{}: {}", party.name(), answer.text);
    }
    app.stop().await;
}
