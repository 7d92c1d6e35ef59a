//! The backends behind the gateway: one registry for all protocols, swapped whole on reload.

use std::any::Any;
use std::collections::BTreeMap;
use std::marker::PhantomData;
use std::sync::{Arc, RwLock};

use crate::upstream::Endpoint;

/// A backend with its protocol's own settings.
pub struct Target<B> {
    pub policy: policy::target::Target,
    pub backend: Arc<B>,
}

impl<B> Clone for Target<B> {
    fn clone(&self) -> Self {
        Self {
            policy: self.policy.clone(),
            backend: self.backend.clone(),
        }
    }
}

/// The same, its settings known only to its protocol.
#[derive(Clone)]
pub struct ErasedTarget {
    pub policy: policy::target::Target,
    pub backend: Arc<dyn Any + Send + Sync>,
    /// Where it listens: no protocol may lead there round the one that it is served by.
    pub endpoints: Vec<Endpoint>,
}

/// Shared by all protocols; each is given a typed look into it.
#[derive(Clone, Default)]
pub struct Registry(Arc<RwLock<Arc<BTreeMap<String, ErasedTarget>>>>);

impl Registry {
    pub fn replace(&self, targets: Vec<ErasedTarget>) {
        let targets = targets
            .into_iter()
            .map(|target| (target.policy.name.clone(), target));
        let mut current = self
            .0
            .write()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        *current = Arc::new(targets.collect());
    }

    pub fn typed<B: Send + Sync + 'static>(&self) -> Backends<B> {
        Backends(self.clone(), PhantomData)
    }

    pub fn all(&self) -> Arc<BTreeMap<String, ErasedTarget>> {
        self.0
            .read()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
            .clone()
    }
}

/// One protocol's view of the registry.
pub struct Backends<B>(Registry, PhantomData<fn() -> B>);

impl<B> Clone for Backends<B> {
    fn clone(&self) -> Self {
        Self(self.0.clone(), PhantomData)
    }
}

impl<B: Send + Sync + 'static> Backends<B> {
    /// All of this protocol's.
    pub fn all(&self) -> Vec<Target<B>> {
        self.0.all().values().filter_map(typed).collect()
    }

    /// Every target of the gateway with where it listens, of whatever protocol.
    pub fn everywhere(&self) -> Vec<(policy::target::Target, Vec<Endpoint>)> {
        let all = self.0.all();
        let all = all.values();
        all.map(|target| (target.policy.clone(), target.endpoints.clone()))
            .collect()
    }

    /// `None` where there is no such target, or where it speaks another protocol.
    pub fn find(&self, name: &str) -> Option<Target<B>> {
        typed(self.0.all().get(name)?)
    }
}

pub(crate) fn typed<B: Send + Sync + 'static>(target: &ErasedTarget) -> Option<Target<B>> {
    let backend = target.backend.clone().downcast::<B>().ok()?;
    Some(Target {
        policy: target.policy.clone(),
        backend,
    })
}
