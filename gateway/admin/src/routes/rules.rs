//! The rules that routes name: which shared action of policy each of them asks, and how.

use crate::door::{Ask, Rule};

macro_rules! rules {
    ($($(#[$meta:meta])* $name:ident: $ask:expr;)+) => {$(
        $(#[$meta])*
        pub(super) struct $name;
        impl Rule for $name {
            const ASK: Ask = $ask;
        }
    )+};
}

rules! {
    SignedIn: Ask::EachItem;
    /// The gate lists and shows only what the caller may `view_approval`, or asked themselves.
    ViewApproval: Ask::EachItem;
    /// The gate counts a vote only where the caller may `approve`.
    Approve: Ask::EachItem;
    ViewSession: Ask::Look("view_session");
    ViewRecording: Ask::Act("view_recording");
    Kill: Ask::Act("kill");
    Pause: Ask::Act("pause");
    Lock: Ask::Act("lock");
    LookAtLocks: Ask::Look("lock");
    ManageUsers: Ask::Act("manage_users");
    LookAtUsers: Ask::Look("manage_users");
    ManageTokens: Ask::Act("manage_tokens");
    ManageOwnKeys: Ask::Act("manage_own_keys");
    RequestCertificate: Ask::Act("request_certificate");
    /// Those who may `manage_tokens` see all, others those of the services that they own, and their own keys.
    ListTokens: Ask::EachItem;
    ReadAudit: Ask::Look("read_audit");
}
