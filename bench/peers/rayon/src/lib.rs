// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: The pkern authors
//! Peer: Rayon behind the C interface of bench/peers/peer.h.
//!
//! A loop is a parallel iterator over ranges of the items, PIECES_PER_THREAD for each thread: the kernels are
//! called on whole ranges, as in the other peers, which is kinder to Rayon than the seed's one item at a time.

use rayon::prelude::*;
use std::os::raw::{c_char, c_int, c_uint, c_void};
use std::ptr::null_mut;
use std::sync::atomic::{AtomicPtr, Ordering};

type RangeFn = extern "C" fn(usize, usize, *mut c_void);
type FoldFn = extern "C" fn(usize, usize, *mut c_void) -> f64;
type TaskFn = extern "C" fn(*mut c_void);
type IndexFn = extern "C" fn(c_int, *mut c_void);

/// A C context that the C side promises may be used from several threads at once.
#[derive(Clone, Copy)]
struct Context(*mut c_void);
unsafe impl Send for Context {}
unsafe impl Sync for Context {}
impl Context {
    fn get(self) -> *mut c_void {
        self.0
    }
}

static POOL: AtomicPtr<rayon::ThreadPool> = AtomicPtr::new(null_mut());
const PIECES_PER_THREAD: usize = 1;

fn pool() -> &'static rayon::ThreadPool {
    unsafe { POOL.load(Ordering::Acquire).as_ref() }.expect("peer_open comes first")
}

fn pieces(n: usize) -> usize {
    n.min(pool().current_num_threads() * PIECES_PER_THREAD)
}

#[no_mangle]
pub extern "C" fn peer_open(threads: c_int) -> c_int {
    match rayon::ThreadPoolBuilder::new().num_threads(threads as usize).build() {
        Ok(made) => {
            POOL.store(Box::into_raw(Box::new(made)), Ordering::Release); // lives as long as the process
            0
        }
        Err(_) => 1,
    }
}

#[no_mangle]
pub extern "C" fn peer_name() -> *const c_char {
    b"Rayon\0".as_ptr() as *const c_char
}

#[no_mangle]
pub extern "C" fn peer_version() -> *const c_char {
    b"Rayon 1 on Debian's crates, rustc's release profile with LTO\0".as_ptr() as *const c_char
}

#[no_mangle]
pub extern "C" fn peer_loop(n: usize, body: RangeFn, ctx: *mut c_void) {
    let ctx = Context(ctx);
    pool().install(|| {
        let count = pieces(n);
        (0..count)
            .into_par_iter()
            .for_each(|p| body(n * p / count, n * (p + 1) / count, ctx.get()));
    });
}

#[no_mangle]
pub extern "C" fn peer_items(n: usize, body: RangeFn, ctx: *mut c_void) {
    let ctx = Context(ctx);
    pool().install(|| (0..n).into_par_iter().for_each(|i| body(i, i + 1, ctx.get())));
}

#[no_mangle]
pub extern "C" fn peer_sum(n: usize, fold: FoldFn, ctx: *mut c_void) -> f64 {
    let ctx = Context(ctx);
    pool().install(|| {
        let count = pieces(n);
        (0..count)
            .into_par_iter()
            .map(|p| fold(n * p / count, n * (p + 1) / count, ctx.get()))
            .sum()
    })
}

#[no_mangle]
pub extern "C" fn peer_join(a: TaskFn, a_ctx: *mut c_void, b: TaskFn, b_ctx: *mut c_void) {
    let (a_ctx, b_ctx) = (Context(a_ctx), Context(b_ctx));
    pool().join(move || a(a_ctx.get()), move || b(b_ctx.get()));
}

#[no_mangle]
pub extern "C" fn peer_broadcast(task: IndexFn, ctx: *mut c_void) {
    let ctx = Context(ctx);
    pool().broadcast(|thread| task(thread.index() as c_int, ctx.get()));
}

#[no_mangle]
pub extern "C" fn peer_spawn(task: TaskFn, ctx: *mut c_void) {
    let ctx = Context(ctx);
    pool().spawn(move || task(ctx.get()));
}

#[no_mangle]
pub extern "C" fn peer_fork(a: TaskFn, a_ctx: *mut c_void, b: TaskFn, b_ctx: *mut c_void) {
    let (a_ctx, b_ctx) = (Context(a_ctx), Context(b_ctx));
    rayon::join(move || a(a_ctx.get()), move || b(b_ctx.get()));
}

#[no_mangle]
pub extern "C" fn peer_inside(task: TaskFn, ctx: *mut c_void) {
    let ctx = Context(ctx);
    pool().install(move || task(ctx.get()));
}

fn fib(n: c_uint) -> u64 {
    if n < 2 {
        return u64::from(n);
    }
    let (a, b) = rayon::join(|| fib(n - 1), || fib(n - 2));
    a + b
}

#[no_mangle]
pub extern "C" fn peer_fib(n: c_uint) -> u64 {
    pool().install(|| fib(n))
}

#[repr(C)]
pub struct Node {
    value: u64,
    left: Option<&'static Node>,
    right: Option<&'static Node>,
}

fn tree(node: &Node) -> u64 {
    match (node.left, node.right) {
        (Some(left), Some(right)) => {
            let (a, b) = rayon::join(|| tree(left), || tree(right));
            node.value + a + b
        }
        _ => node.value,
    }
}

#[no_mangle]
pub extern "C" fn peer_tree(root: &Node) -> u64 {
    pool().install(|| tree(root))
}
