//! The whole graph of a model, for the question that the checker does not answer: from where can an end be reached?

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use stateright::Model;

use super::system::{Action, Situation, System};

pub(super) struct Graph {
    pub situations: Vec<Situation>,
    /// By the number of the situation that a step leads to: where it comes from, and the step.
    into: Vec<Vec<(u32, Action)>>,
}

impl Graph {
    /// Every situation, told apart by comparison and not by a hash.
    pub(super) fn explore(system: &System) -> Self {
        let mut numbers = HashMap::new();
        let mut graph = Self { situations: Vec::new(), into: Vec::new() };
        for start in system.init_states() {
            graph.number(&mut numbers, start);
        }
        let (mut from, mut actions) = (0, Vec::new());
        while let Some(situation) = graph.situations.get(from).cloned() {
            system.actions(&situation, &mut actions);
            for action in actions.drain(..) {
                if let Some(next) = system.next_state(&situation, action) {
                    let to = graph.number(&mut numbers, next);
                    graph.into[to].push((u32::try_from(from).expect("few situations"), action));
                }
            }
            from += 1;
        }
        graph
    }

    fn number(&mut self, numbers: &mut HashMap<Situation, usize>, situation: Situation) -> usize {
        match numbers.entry(situation) {
            Entry::Occupied(known) => *known.get(),
            Entry::Vacant(new) => {
                self.situations.push(new.key().clone());
                self.into.push(Vec::new());
                *new.insert(self.situations.len() - 1)
            }
        }
    }

    /// The situations from which no path along these steps leads to the goal.
    pub(super) fn stranded(
        &self,
        goal: impl Fn(&Situation) -> bool,
        along: impl Fn(Action) -> bool,
    ) -> impl Iterator<Item = &Situation> {
        let mut reaches: Vec<bool> = self.situations.iter().map(goal).collect();
        let mut frontier: Vec<usize> = (0..reaches.len()).filter(|number| reaches[*number]).collect();
        while let Some(to) = frontier.pop() {
            for (from, _) in self.into[to].iter().filter(|(_, action)| along(*action)) {
                let from = *from as usize;
                if !reaches[from] {
                    reaches[from] = true;
                    frontier.push(from);
                }
            }
        }
        self.situations.iter().zip(reaches).filter(|(_, reaches)| !reaches).map(|(situation, _)| situation)
    }
}
