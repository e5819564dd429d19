//! How completed results become contents.

use serde_json::{Value, json};

use super::{built_in, written};
use crate::domain::review::Document;
use crate::generator::catalog::Overrides;

const TEXT: &str = r#"
extends = "default"
[content]
title = ["result:title", "input:topic"]
summary = "result:summary"
body = ["result:text", "result"]
html = "result:html"
images = "result:images"
cover = ["result:cover", "result:images"]
fields.score = "result:score"
fields.word_count = "result:words"
"#;

fn made(text: &str, result: &Value, input: Option<&Value>) -> Document {
    let recipe = written(text).content().expect("a recipe");
    let input = input.map(ToString::to_string);
    recipe.0.make(&result.to_string(), input.as_deref(), None)
}

#[test]
fn an_article_of_content_creator_is_a_whole_document() {
    let recipe = built_in("content-creator", &Overrides::default()).content().expect("a recipe");
    let result = r##"{"content":"# 标题\n\n正文😀","htmlContent":"<p>正文</p>","images":[{"url":"https://e.x/1.png"}],"qualityScore":8.5,"wordCount":9}"##;
    let document = recipe.0.make(result, Some(r#"{"topic":"文章主题"}"#), None);
    assert_eq!(
        serde_json::to_value(&document).expect("JSON"),
        json!({
            "title": "文章主题", "summary": null, "content": "# 标题\n\n正文😀", "html": "<p>正文</p>",
            "images": [{"url": "https://e.x/1.png"}], "cover_image": "https://e.x/1.png", "word_count": 9,
            "fields": {"quality_score": 8.5},
        })
    );
    let by_metadata = recipe.0.make(result, None, Some(r#"{"topic":"Dusk"}"#));
    assert_eq!(by_metadata.title.as_deref(), Some("Dusk"));
}

#[test]
fn the_first_place_that_has_something_counts() {
    let input = json!({"topic": "Lighthouses"});
    let title = |result: Value| made(TEXT, &result, Some(&input)).title;
    assert_eq!(title(json!({"title": "Dusk"})).as_deref(), Some("Dusk"));
    assert_eq!(title(json!({"title": null})).as_deref(), Some("Lighthouses"));
    assert_eq!(title(json!({"title": {"de": "Dämmerung"}})).as_deref(), Some("Lighthouses"), "an object is no title");
    assert_eq!(title(json!({"title": 7})).as_deref(), Some("7"));
}

#[test]
fn values_of_other_types_are_taken_as_far_as_they_go() {
    let document = made(
        TEXT,
        &json!({"text": {"a": [1, 2]}, "html": true, "images": "https://a.example/1.png", "cover": [], "words": "many", "score": [1]}),
        None,
    );
    assert_eq!(document.content.as_deref(), Some(r#"{"a":[1,2]}"#));
    assert_eq!(document.html.as_deref(), Some("true"));
    assert_eq!(document.images, [json!("https://a.example/1.png")]);
    assert_eq!(document.cover_image.as_deref(), Some("https://a.example/1.png"));
    assert_eq!(document.word_count, Some(1), "what is no count is counted");
    assert_eq!(Value::Object(document.fields), json!({"score": [1], "word_count": "many"}));
    let images = made(TEXT, &json!({"images": [null, 1, "a", {"url": "b"}, ["c"]]}), None);
    assert_eq!((images.images, images.cover_image), (vec![json!("a"), json!({"url": "b"})], None));
}

#[test]
fn words_are_counted_where_nobody_tells() {
    let count = |result: Value| made(TEXT, &result, None).word_count;
    assert_eq!(count(json!({"text": "three little words"})), Some(3));
    assert_eq!(count(json!({"text": "three little words", "words": 4})), Some(4));
}

#[test]
fn a_result_that_lacks_everything_is_a_document_too() {
    let recipe = built_in("content-creator", &Overrides::default()).content().expect("a recipe");
    for result in ["{}", "[]", "7", "\"\"", "not JSON"] {
        assert_eq!(recipe.0.make(result, Some("?"), Some("[")), Document::default(), "{result}");
    }
}

#[test]
fn numbers_that_nobody_holds_and_broken_characters_do_no_harm() {
    let recipe = written(TEXT).content().expect("a recipe");
    let document = recipe.0.make(r#"{"score":1e400,"title":"a\u0000b\ud800","images":[{"url":"c\u0000"}]}"#, None, None);
    assert_eq!(document.title.as_deref(), Some("a\u{fffd}b\u{fffd}"));
    assert_eq!(document.fields["score"], json!("1e400"));
    assert_eq!(document.images, [json!({"url": "c\u{fffd}"})]);
}

#[test]
fn a_generator_has_one_recipe_or_none() {
    let creator = built_in("content-creator", &Overrides::default());
    assert_eq!(creator.content(), creator.content());
    assert_ne!(creator.content(), written(TEXT).content());
    assert!(built_in("default", &Overrides::default()).content().is_none());
}
