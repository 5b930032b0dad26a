//! The proxies that members announce instead of themselves.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use crate::proxy::Proxy;
use crate::server::{Server, ServerError, ServerOptions};

/// The address of members' connections, if only these may pass.
pub(crate) const MEMBERS: IpAddr = IpAddr::V4(Ipv4Addr::new(127, 0, 0, 2));

/// One proxy in front of each member.
#[derive(Debug, Default)]
pub(crate) struct Network {
    closed: bool,
    /// By the port of the member.
    proxies: BTreeMap<u16, Proxy>,
}

impl Network {
    /// A network; with `closed`, only members get through.
    pub(crate) fn new(closed: bool) -> Self {
        Self {
            closed,
            ..Self::default()
        }
    }

    /// A proxy for a future member, which must know the proxy's port first.
    pub(crate) fn proxy(&self) -> Proxy {
        // Port 9 discards, or refuses.
        let proxy = Proxy::to(SocketAddr::from((Ipv4Addr::LOCALHOST, 9)));
        if self.closed {
            proxy.admit_only(MEMBERS);
        }
        proxy
    }

    /// Puts a proxy in front of its member.
    pub(crate) fn connect(&mut self, proxy: Proxy, member: &Server) {
        proxy.redirect(SocketAddr::from((
            Ipv4Addr::LOCALHOST,
            member.service_port(),
        )));
        self.proxies.insert(member.port(), proxy);
    }

    pub(crate) fn proxy_of(&self, member: &Server) -> Option<&Proxy> {
        self.proxies.get(&member.port())
    }
}

/// Starts a member, and tells it the address of its proxy, if it is to
/// have one.
pub(crate) fn start_member(
    network: &mut Option<Network>,
    options: ServerOptions,
    announce: impl FnOnce(ServerOptions, &str, u16) -> ServerOptions,
) -> Result<Server, ServerError> {
    let Some(network) = network else {
        return options.start();
    };
    let proxy = network.proxy();
    let member = announce(options, "127.0.0.1", proxy.port()).start()?;
    network.connect(proxy, &member);
    Ok(member)
}
