//! Groups of items that belong together, from pairs that do.

/// Connected components of items 0, 1, ..., by a disjoint-set forest (Tarjan 1975). The first item
/// of a group names it, whatever the order in which pairs were joined.
///
/// ```
/// let mut groups = clawsig_stats::Groups::new(5);
/// groups.join(4, 1);
/// groups.join(1, 3);
/// assert_eq!(groups.first(4), 1);
/// assert_eq!(groups.numbers(), [0, 1, 2, 1, 1]);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Groups {
    parents: Vec<usize>,
}

impl Groups {
    /// So many items, each a group of its own.
    pub fn new(items: usize) -> Groups {
        Groups { parents: (0..items).collect() }
    }

    /// The number of items.
    pub fn len(&self) -> usize {
        self.parents.len()
    }

    /// Whether there are no items.
    pub fn is_empty(&self) -> bool {
        self.parents.is_empty()
    }

    /// The first item of the item's group; an item that does not exist is its own.
    pub fn first(&mut self, mut item: usize) -> usize {
        while let Some(&parent) = self.parents.get(item) {
            if parent == item {
                break;
            }
            // Halving the path keeps it short.
            self.parents[item] = self.parents[parent];
            item = parent;
        }
        item
    }

    /// Joins the groups of two items; whether they were two. Items that do not exist join nothing.
    pub fn join(&mut self, a: usize, b: usize) -> bool {
        let (a, b) = (self.first(a), self.first(b));
        let (low, high) = (a.min(b), a.max(b));
        if low == high || high >= self.parents.len() {
            return false;
        }
        self.parents[high] = low;
        true
    }

    /// Every item's group, numbered from 0 in the order of their first items.
    pub fn numbers(&mut self) -> Vec<usize> {
        let mut numbers = Vec::with_capacity(self.parents.len());
        let mut next = 0;
        for item in 0..self.parents.len() {
            let first = self.first(item);
            // A group's first item comes before its others.
            let number = if first == item { next } else { numbers[first] };
            next += usize::from(first == item);
            numbers.push(number);
        }
        numbers
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_do_not_depend_on_the_order_of_pairs() {
        let pairs = [(0, 9), (3, 4), (9, 4), (7, 8), (2, 2)];
        let of = |pairs: &[(usize, usize)]| {
            let mut groups = Groups::new(10);
            let joined = pairs.iter().filter(|(a, b)| groups.join(*a, *b)).count();
            (joined, groups.numbers())
        };
        let (joined, numbers) = of(&pairs);
        assert_eq!((joined, &numbers), (4, &vec![0, 1, 2, 0, 0, 3, 4, 5, 5, 0]));
        assert_eq!(of(&pairs.iter().rev().copied().collect::<Vec<_>>()), (joined, numbers));
    }

    #[test]
    fn items_that_do_not_exist_join_nothing() {
        let mut groups = Groups::new(2);
        assert!(!groups.join(0, 2) && !groups.join(5, 6));
        assert_eq!((groups.first(5), groups.numbers()), (5, vec![0, 1]));
        assert!(Groups::new(0).is_empty() && !groups.is_empty());
    }

    #[test]
    fn a_long_chain_stays_quick() {
        let mut groups = Groups::new(300_000);
        (1..300_000).rev().for_each(|item| assert!(groups.join(item, item - 1)));
        assert_eq!((groups.first(299_999), groups.len()), (0, 300_000));
    }
}
