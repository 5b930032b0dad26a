//! The consumers of a manager.

use std::sync::Arc;

use super::stream_manager::StreamManager;
use crate::command::SchemaRole;
use crate::config::{BatchConfig, ConsumerConfig};
use crate::consumer::{
    BatchDelivery, BatchHandler, Consumer, Delivery, Handler, HandlerResult, Server, ShutdownReport,
};
use crate::error::Result;
use crate::keys::StreamKeys;
use crate::message::{OwnedMessage, Schema};
use crate::retention::User;

impl StreamManager {
    /// Creates a consumer and starts it.
    ///
    /// The group, and the stream, are created if they don't exist, and the permissions of
    /// the Redis user are checked.
    ///
    /// # Blocking
    ///
    /// A few round trips, at most the
    /// [`connect_timeout`](crate::ConnectionConfig::connect_timeout) (5 s) in all. If
    /// Redis can't be reached in that time, the consumer starts without it and reads as
    /// soon as it can. With a manager that [connects lazily](Self::connect_lazy) the call
    /// doesn't wait.
    ///
    /// # Delivery
    ///
    /// At least once: see [`Handler`].
    ///
    /// # Errors
    ///
    /// [`AlreadyExists`](crate::ErrorKind::AlreadyExists) if this manager has a consumer
    /// of that name, [`Config`](crate::ErrorKind::Config) for a value out of its bounds,
    /// [`Authentication`](crate::ErrorKind::Authentication) for a wrong user name or
    /// password, [`PermissionDenied`](crate::ErrorKind::PermissionDenied) if the Redis
    /// user lacks a permission, [`WrongType`](crate::ErrorKind::WrongType) if a key of
    /// the stream holds something else, [`InUse`](crate::ErrorKind::InUse) while the
    /// stream is being deleted, [`System`](crate::ErrorKind::System) if no thread can be
    /// started, [`Closed`](crate::ErrorKind::Closed) after the shutdown.
    pub fn consume<M: OwnedMessage + 'static>(
        &self,
        name: &str,
        config: ConsumerConfig,
        handler: impl Handler<M>,
    ) -> Result<Consumer> {
        let consumer = self.create_consumer(name, config, handler)?;
        self.start_or_forget(name, consumer)
    }

    /// As [`consume`](Self::consume), for a closure, whose argument needs no type
    /// annotation: `consume_fn::<Order>(name, config, |order| …)`.
    ///
    /// # Errors
    ///
    /// As [`consume`](Self::consume).
    pub fn consume_fn<M: OwnedMessage + 'static>(
        &self,
        name: &str,
        config: ConsumerConfig,
        handler: impl Fn(&Delivery<M>) -> HandlerResult + Send + Sync + 'static,
    ) -> Result<Consumer> {
        self.consume::<M>(name, config, handler)
    }

    /// Creates a consumer and starts it, as [`consume`](Self::consume) does, with a
    /// handler of many deliveries at a time.
    ///
    /// # Blocking
    ///
    /// As [`consume`](Self::consume).
    ///
    /// # Delivery
    ///
    /// At least once, for each entry on its own: see [`BatchHandler`].
    ///
    /// # Errors
    ///
    /// As [`consume`](Self::consume).
    pub fn consume_batches<M: OwnedMessage + 'static>(
        &self,
        name: &str,
        config: ConsumerConfig,
        batch: BatchConfig,
        handler: impl BatchHandler<M>,
    ) -> Result<Consumer> {
        let consumer = self.create_batch_consumer(name, config, batch, handler)?;
        self.start_or_forget(name, consumer)
    }

    /// As [`consume_batches`](Self::consume_batches), for a closure, whose argument needs
    /// no type annotation: `consume_batches_fn::<Order>(name, config,
    /// BatchConfig::new(100), |orders| …)`.
    ///
    /// # Errors
    ///
    /// As [`consume`](Self::consume).
    pub fn consume_batches_fn<M: OwnedMessage + 'static>(
        &self,
        name: &str,
        config: ConsumerConfig,
        batch: BatchConfig,
        handler: impl Fn(&[BatchDelivery<M>]) -> HandlerResult + Send + Sync + 'static,
    ) -> Result<Consumer> {
        self.consume_batches::<M>(name, config, batch, handler)
    }

    fn start_or_forget(&self, name: &str, consumer: Consumer) -> Result<Consumer> {
        if let Err(e) = consumer.start() {
            let _ = self.registry.write().consumers.remove("consumer", name);
            self.forget_consumer(name, &consumer);
            consumer.close();
            return Err(e);
        }
        Ok(consumer)
    }

    /// Creates a consumer without starting it: [`Consumer::start`] or
    /// [`start_consumer`](Self::start_consumer) starts it.
    ///
    /// # Errors
    ///
    /// [`AlreadyExists`](crate::ErrorKind::AlreadyExists) if this manager has a consumer
    /// of that name, [`Config`](crate::ErrorKind::Config) for a value out of its bounds,
    /// [`Closed`](crate::ErrorKind::Closed) after the shutdown.
    pub fn create_consumer<M: OwnedMessage + 'static>(
        &self,
        name: &str,
        config: ConsumerConfig,
        handler: impl Handler<M>,
    ) -> Result<Consumer> {
        self.register_consumer(name, config, M::SCHEMA, |server, config| {
            Consumer::new(server, config, handler)
        })
    }

    /// Creates a consumer with a batch handler without starting it.
    ///
    /// # Errors
    ///
    /// As [`create_consumer`](Self::create_consumer).
    pub fn create_batch_consumer<M: OwnedMessage + 'static>(
        &self,
        name: &str,
        config: ConsumerConfig,
        batch: BatchConfig,
        handler: impl BatchHandler<M>,
    ) -> Result<Consumer> {
        self.register_consumer(name, config, M::SCHEMA, |server, config| {
            Consumer::of_batches(server, config, batch, handler)
        })
    }

    /// Makes a consumer and registers it.
    fn register_consumer(
        &self,
        name: &str,
        config: ConsumerConfig,
        schema: &'static Schema,
        make: impl FnOnce(Server, ConsumerConfig) -> Result<Consumer>,
    ) -> Result<Consumer> {
        self.origin.ensure_here()?;
        let asked = config.retention.clone();
        let server = Server {
            topology: Arc::clone(&self.topology),
            staff: Arc::clone(&self.staff),
            program: Arc::clone(&self.program),
            book: Arc::clone(&self.book),
            is_lazy: self.is_lazy,
            until_ended: self.until_ended(),
            // An invalid name is refused below.
            alarm: StreamKeys::new(&config.stream)
                .map(|keys| self.timekeeper.alarm(&keys, None))
                .unwrap_or_default(),
        };
        let (grace, drains) = (config.grace, config.drain_backup);
        let consumer = make(server, config)?;
        let mut registry = self.registry.write();
        registry.ensure_open()?;
        registry
            .consumers
            .insert("consumer", name, consumer.clone())?;
        registry.longest_grace = registry.longest_grace.max(grace);
        let user = User::Consumer(name.to_owned());
        self.cleaner.tend(consumer.keys(), user, asked);
        self.book
            .note(consumer.keys(), schema, SchemaRole::Consumer);
        self.publish_metrics();
        if drains {
            let watched = consumer.clone();
            let runs = move || watched.is_running();
            self.lookout.tend(consumer.keys(), name, runs);
        }
        Ok(consumer)
    }

    /// Starts a consumer that was created, or stopped.
    ///
    /// # Blocking
    ///
    /// As [`consume`](Self::consume). A consumer that an error has stopped is first
    /// stopped in order: see [`stop_consumer`](Self::stop_consumer).
    ///
    /// # Errors
    ///
    /// [`NotFound`](crate::ErrorKind::NotFound) if no consumer has this name,
    /// [`AlreadyExists`](crate::ErrorKind::AlreadyExists) if it runs, else as
    /// [`consume`](Self::consume).
    pub fn start_consumer(&self, name: &str) -> Result<()> {
        self.origin.ensure_here()?;
        let registry = self.registry.read();
        registry.ensure_open()?;
        let consumer = registry.consumers.get("consumer", name)?;
        drop(registry);
        consumer.start()
    }

    /// Stops a consumer, which can be started again afterwards: see [`Consumer::stop`].
    ///
    /// # Blocking
    ///
    /// Until the running handlers have ended, at most the grace and a little.
    ///
    /// # Errors
    ///
    /// [`NotFound`](crate::ErrorKind::NotFound) if no consumer has this name.
    pub fn stop_consumer(&self, name: &str) -> Result<ShutdownReport> {
        Ok(self.consumer(name)?.stop())
    }

    /// Stops a consumer and forgets it once it has ended; until then its name is taken.
    /// It can't be started again.
    ///
    /// # Blocking
    ///
    /// As [`stop_consumer`](Self::stop_consumer).
    ///
    /// # Errors
    ///
    /// [`NotFound`](crate::ErrorKind::NotFound) if no consumer has this name.
    pub fn remove_consumer(&self, name: &str) -> Result<ShutdownReport> {
        let consumer = self.consumer(name)?;
        // A clone of the handle must not start it again, since no shutdown would stop it.
        consumer.close();
        // Until it has ended, the registry keeps it, so that a shutdown waits for it.
        let report = consumer.stop();
        let mut registry = self.registry.write();
        // Another thread may have removed it meanwhile and created one of the same name.
        if registry
            .consumers
            .get("consumer", name)
            .is_ok_and(|c| c.is(&consumer))
        {
            registry.consumers.remove("consumer", name)?;
            self.forget_consumer(name, &consumer);
        }
        Ok(report)
    }

    fn forget_consumer(&self, name: &str, consumer: &Consumer) {
        self.cleaner
            .forget(consumer.stream(), &User::Consumer(name.to_owned()));
        self.lookout.forget(consumer.stream(), name);
    }

    /// The consumer of a name: its state and counters.
    ///
    /// # Errors
    ///
    /// [`NotFound`](crate::ErrorKind::NotFound) if no consumer has this name.
    pub fn consumer(&self, name: &str) -> Result<Consumer> {
        self.origin.ensure_here()?;
        self.registry.read().consumers.get("consumer", name)
    }

    /// The names of all consumers, running or not, sorted.
    pub fn list_consumers(&self) -> Vec<String> {
        if !self.origin.is_here() {
            return Vec::new();
        }
        self.registry.read().consumers.names()
    }
}
