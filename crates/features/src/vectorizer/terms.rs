//! A vocabulary as a tree of tokens: how a document's n-grams find their columns.

use super::{
    analyzer::each_word,
    intern::{Interner, KeyMap, NONE, pair},
    params::{Analyzer, VectorizerParams},
};
use crate::FeaturesError;

/// The tokens of a vocabulary and the tree of its n-grams.
///
/// Node `t` below the number of tokens is the 1-gram of token `t`; further nodes are reached from
/// a node and the next token. No n-gram is ever built as a string.
#[derive(Clone, Debug)]
pub(crate) struct Terms {
    tokens: Interner<()>,
    /// The column of each node, [`NONE`] for a mere prefix.
    columns: Vec<u32>,
    /// Whether a node has a longer n-gram under it.
    inner: Vec<bool>,
    children: KeyMap<u32>,
}

impl Terms {
    /// Takes in `terms`; the column of a term is its place.
    ///
    /// A term that the analyzer can't produce keeps its column, which stays empty.
    pub(crate) fn new(terms: &[String], params: &VectorizerParams) -> Result<Terms, FeaturesError> {
        let (min_n, max_n) = params.ngrams;
        let mut tokens = Interner::new();
        let mut chains: Vec<(u32, Vec<u32>)> = Vec::with_capacity(terms.len());
        for (column, term) in terms.iter().enumerate() {
            let column = u32::try_from(column).ok().filter(|&c| c < NONE);
            let column = column.ok_or(FeaturesError::TooMany { what: "columns" })?;
            let mut chain = Vec::new();
            if params.analyzer == Analyzer::Word {
                for word in term.split(' ') {
                    chain.push(tokens.intern(word.as_bytes())?);
                }
            } else {
                let chars = term.chars().count();
                if params.analyzer == Analyzer::CharWb && chars < min_n {
                    // Only a whole word is so short, and it has a blank on both sides. A term of
                    // fewer characters would be taken for one of a longer word's characters.
                    if chars > 2 {
                        chains.push((column, vec![tokens.intern(term.as_bytes())?]));
                    }
                    continue;
                }
                for c in term.chars() {
                    chain.push(tokens.intern(c.encode_utf8(&mut [0; 4]).as_bytes())?);
                }
            }
            if (min_n..=max_n).contains(&chain.len()) {
                chains.push((column, chain));
            }
        }
        let mut built = Terms {
            columns: vec![NONE; tokens.len()],
            inner: vec![false; tokens.len()],
            children: KeyMap::with_capacity(chains.len()),
            tokens,
        };
        for (column, chain) in chains {
            let mut node = chain[0];
            for &token in &chain[1..] {
                built.inner[node as usize] = true;
                let next = built.columns.len() as u32;
                let child = built.children.entry(pair(node, token));
                // Node 0 is a token, so 0 marks a child that is new.
                if *child == 0 {
                    *child = next;
                    built.columns.push(NONE);
                    built.inner.push(false);
                    if next >= NONE - 1 {
                        return Err(FeaturesError::TooMany { what: "n-grams" });
                    }
                }
                node = *child;
            }
            built.columns[node as usize] = column;
        }
        Ok(built)
    }

    /// The number of a token of the vocabulary.
    pub(crate) fn token(&self, bytes: &[u8]) -> Option<u32> {
        self.tokens.lookup(bytes)
    }

    /// Number of tokens.
    pub(crate) fn tokens(&self) -> usize {
        self.tokens.len()
    }

    /// Whether a token is a term of its own; [`NONE`] is not.
    #[inline]
    pub(crate) fn is_term(&self, token: u32) -> bool {
        token != NONE && self.columns[token as usize] != NONE
    }

    /// Writes the numbers of a text's words to `ids`, [`NONE`] for one that no term holds.
    pub(crate) fn read(
        &self,
        text: &str,
        params: &VectorizerParams,
        scratch: &mut Vec<u8>,
        ids: &mut Vec<u32>,
    ) {
        ids.clear();
        each_word(text, params.lowercase, scratch, |word| {
            if !is_stop_word(word, &params.stop_words) {
                ids.push(self.token(word).unwrap_or(NONE));
            }
        });
    }

    /// Calls `hit` with the column of every n-gram of the vocabulary in a document's tokens.
    #[inline]
    pub(crate) fn each_hit(&self, ids: &[u32], mut hit: impl FnMut(u32)) {
        for start in 0..ids.len() {
            let mut node = ids[start];
            if node == NONE {
                continue;
            }
            let mut next = start + 1;
            loop {
                let column = self.columns[node as usize];
                if column != NONE {
                    hit(column);
                }
                if !self.inner[node as usize] || next == ids.len() || ids[next] == NONE {
                    break;
                }
                match self.children.get(pair(node, ids[next])) {
                    Some(child) => node = child,
                    None => break,
                }
                next += 1;
            }
        }
    }
}

/// Whether a token is to be left out.
#[inline]
pub(crate) fn is_stop_word(token: &[u8], stop: &std::collections::BTreeSet<String>) -> bool {
    !stop.is_empty() && str::from_utf8(token).is_ok_and(|token| stop.contains(token))
}
