/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* What a member counts of itself, and how long it works and waits.

   Only the member's own thread writes here, by plain loads and stores on lines that nobody else writes, and only where something
   was taken from elsewhere, at a wait, at a sleep, at a wake: a fork that nobody takes is not counted.
   A watch is one word, so that a reader never sees half of a change: stopped, twice the ticks it ran; running, twice the tick at which
   it would have started had it never stood still, plus one.
   A member is away (a guest in its caller's own code), busy (in work it took or in its shared loop) or idle (in a wait that
   finds nothing). A waiting member looks at the clock every few searches anyway; the last of these looks serves as the end of
   its idleness, so that finding work costs no look of its own. */
#ifndef PKN_POOL_TALLY_H
#define PKN_POOL_TALLY_H

#include "base/count.h"
#include "base/time.h"

enum {
    PKN_TALLY_JOBS,
    PKN_TALLY_JOBS_STOLEN,
    PKN_TALLY_JOBS_INJECTED,
    PKN_TALLY_JOINS_STOLEN,
    PKN_TALLY_STEALS_FAILED,
    PKN_TALLY_SPAWNS,
    PKN_TALLY_LOOPS_SHARED,
    PKN_TALLY_LOOPS_HELPED,
    PKN_TALLY_UNITS_HELPED,
    PKN_TALLY_BROADCASTS,
    PKN_TALLY_SLEEPS,
    PKN_TALLY_WAKES,
    PKN_TALLY_COUNTS
};
enum { PKN_TALLY_AWAY, PKN_TALLY_BUSY, PKN_TALLY_IDLE, PKN_TALLY_ASLEEP, PKN_TALLY_WATCHES };

#define PKN_TALLY_WORDS (PKN_TALLY_COUNTS + PKN_TALLY_WATCHES)

typedef struct pkn_tally {
    pkn_count count[PKN_TALLY_COUNTS];
    pkn_count watch[PKN_TALLY_WATCHES]; /* AWAY is never read; ASLEEP is a part of IDLE */
    uint64_t clock;                     /* the last look at it while idle */
    int mode;                           /* AWAY, BUSY or IDLE */
    uint32_t from;                      /* where the next job comes from: 0 our own deque, slot + 1, PKN_FROM_QUEUE */
} PKN_ALIGNED(PKN_CACHE_LINE) pkn_tally;

#define PKN_FROM_QUEUE UINT32_MAX /* one of the pool's */

PKN_INLINE void pkn_tally_add(pkn_tally *tally, int which, uint64_t n) {
    pkn_count_add(&tally->count[which], n);
}

/* ---- watches ---- */

/* The ticks it has run by `now`, which may be a little before its start, as seen by another core. */
PKN_INLINE uint64_t pkn_watch_read(const pkn_count *watch, uint64_t now) {
    uint64_t word = pkn_count_read(watch);
    if ((word & 1u) == 0) {
        return word >> 1;
    }
    int64_t twice = (int64_t)(2 * now - (word - 1u));
    return twice < 0 ? 0 : (uint64_t)twice >> 1;
}

PKN_INLINE void pkn_watch_start(pkn_count *watch, uint64_t now) {
    pkn_count_set(watch, 2 * (now - pkn_watch_read(watch, now)) + 1u);
}

PKN_INLINE void pkn_watch_stop(pkn_count *watch, uint64_t now) {
    pkn_count_set(watch, 2 * pkn_watch_read(watch, now));
}

/* ---- what the member does ---- */

PKN_INTERNAL PKN_NOINLINE void pkn_tally_change(pkn_tally *tally, int mode, uint64_t now) {
    pkn_watch_stop(&tally->watch[tally->mode], now);
    pkn_watch_start(&tally->watch[mode], now);
    tally->mode = mode;
}

PKN_INLINE void pkn_tally_become(pkn_tally *tally, int mode, uint64_t now) {
    if (tally->mode != mode) {
        pkn_tally_change(tally, mode, now);
    }
}

/* A search found nothing, and the clock says `now`. */
PKN_INLINE void pkn_tally_idle(pkn_tally *tally, uint64_t now) {
    tally->clock = now;
    pkn_tally_become(tally, PKN_TALLY_IDLE, now);
}

/* The same, looking at the clock. */
PKN_INLINE uint64_t pkn_tally_spun(pkn_tally *tally) {
    uint64_t now = pkn_ticks();
    pkn_tally_idle(tally, now);
    return now;
}

/* To a mode, from now on; where that has just been looked up, without another look at the clock. */
PKN_INLINE void pkn_tally_turn(pkn_tally *tally, int mode) {
    if (tally->mode != mode) {
        pkn_tally_change(tally, mode, tally->mode == PKN_TALLY_IDLE ? tally->clock : pkn_ticks());
    }
}

/* After a piece of work. Back to a caller's own code; in a wait the next search says how it goes on. */
PKN_INLINE void pkn_tally_back(pkn_tally *tally, int outer_mode) {
    if (outer_mode == PKN_TALLY_AWAY) {
        pkn_tally_turn(tally, PKN_TALLY_AWAY);
    }
}

#endif
