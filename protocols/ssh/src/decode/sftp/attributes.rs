//! The attributes that a packet carries.

/// What an open or a setstat gives a file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Attributes {
    pub size: Option<u64>,
    /// User and group.
    pub owner: Option<(u32, u32)>,
    pub permissions: Option<u32>,
    /// Of the last access and the last change.
    pub times: Option<(u32, u32)>,
    /// Some that only an extension knows.
    pub extended: bool,
}

impl Attributes {
    /// What is set, in the words of policy.
    #[must_use]
    pub fn names(&self) -> Vec<&'static str> {
        let all = [
            (self.size.is_some(), "size"),
            (self.owner.is_some(), "owner"),
            (self.permissions.is_some(), "permissions"),
            (self.times.is_some(), "times"),
            (self.extended, "extended"),
        ];
        all.into_iter()
            .filter_map(|(set, name)| set.then_some(name))
            .collect()
    }
}
