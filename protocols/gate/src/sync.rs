//! The locks and bells of the approvals, exchanged for a model checker's under the feature `shuttle`.

#[cfg(feature = "shuttle")]
pub(crate) use shuttle::sync::Mutex;
#[cfg(feature = "shuttle")]
pub(crate) use shuttle_tokio::sync::Notify;
#[cfg(not(feature = "shuttle"))]
pub(crate) use std::sync::Mutex;
#[cfg(not(feature = "shuttle"))]
pub(crate) use tokio::sync::Notify;

#[cfg(feature = "shuttle")]
pub(crate) fn locked<T>(mutex: &Mutex<T>) -> shuttle::sync::MutexGuard<'_, T> {
    mutex
        .lock()
        .unwrap_or_else(std::sync::PoisonError::into_inner)
}

/// A poisoned lock protects plain maps here: a panicked task left them whole.
#[cfg(not(feature = "shuttle"))]
pub(crate) fn locked<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex
        .lock()
        .unwrap_or_else(std::sync::PoisonError::into_inner)
}
