//! Many subscribers that one thread reads.

use std::io;

use nix::sys::epoll::{Epoll, EpollCreateFlags, EpollEvent, EpollFlags, EpollTimeout};

use super::wire::{Client, Frame};

/// How long nothing may come before reading ends.
const SILENCE_MS: u16 = 1_000;
const EVENTS: usize = 256;

pub struct Crowd {
    clients: Vec<Client>,
    epoll: Epoll,
}

impl Crowd {
    pub fn new(clients: Vec<Client>) -> io::Result<Self> {
        let epoll = Epoll::new(EpollCreateFlags::EPOLL_CLOEXEC)?;
        for (index, client) in clients.iter().enumerate() {
            let event = EpollEvent::new(EpollFlags::EPOLLIN, index as u64);
            epoll.add(&client.socket, event)?;
        }
        Ok(Self { clients, epoll })
    }

    /// Waits until something comes, reads once from each that got something, and calls
    /// `handle` with the subscriber's place and the message. False when nothing came.
    pub fn read(&mut self, mut handle: impl FnMut(usize, Frame<'_>)) -> io::Result<bool> {
        let mut events = [EpollEvent::empty(); EVENTS];
        let count = self
            .epoll
            .wait(&mut events, EpollTimeout::from(SILENCE_MS))?;
        for event in &events[..count] {
            let index = event.data() as usize;
            self.clients[index].read_frames(|frame| {
                if frame.is_publish() {
                    handle(index, frame);
                }
            })?;
        }
        Ok(count > 0)
    }
}
