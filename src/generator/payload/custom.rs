//! Callbacks that are no task's business: `customer.created`, `alert.triggered` …, handed on as they are.

use bytes::Bytes;

use super::{Message, Occasion, no_faults, occasion};
use crate::domain::event::Found;
use crate::domain::fingerprint::Fingerprint;
use crate::domain::task::{GeneratorName, TaskId};
use crate::domain::time::Timestamp;
use crate::generator::entry::Generator;
use crate::generator::meaning::{custom_data, custom_name};
use crate::generator::reader::Reader;
use crate::generator::refusal::Refusal;

/// An event that changes no task.
#[derive(Clone, Debug, PartialEq)]
pub struct CustomEvent {
    pub generator: GeneratorName,
    /// The generator's own word.
    pub name: String,
    /// A span of the body, or a text of its own where that had to be mended.
    pub data: Found,
    /// Unique for its generator: a redelivery has the same.
    pub fingerprint: Fingerprint,
    pub generator_time: Option<Timestamp>,
    /// The task that the path, or the item of a batch, names; nothing says that there is one.
    pub task: Option<TaskId>,
    /// What was signed, or the item's part of it; the data's span counts from its start.
    pub body: Bytes,
}

impl Message<'_> {
    pub(super) fn custom(
        self,
        generator: &Generator,
        mut reader: Reader<'_>,
        word: Option<String>,
    ) -> Result<CustomEvent, Refusal> {
        let reading = &generator.reading;
        let name = custom_name(word, generator.name.as_str());
        let data = custom_data(&mut reader, reading);
        let generator_time = reader.moment(&reading.at, reading.at_unit);
        let occasion = match occasion(&mut reader, reading) {
            // without a task its state tells nothing from nothing
            Occasion::Task => Occasion::Body,
            of_its_own => of_its_own,
        };
        no_faults(reader.errors)?;
        Ok(CustomEvent {
            generator: generator.name.clone(),
            data,
            fingerprint: occasion.fingerprint(&format!("event {name}"), self.body),
            name,
            generator_time,
            task: self.task,
            body: self.body.clone(),
        })
    }
}
