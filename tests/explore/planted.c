/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* Planted bugs: the shapes of defects that other schedulers have shipped, each in a few lines of its own. The explorer must find
   every one, and the versions without the bug must pass. The R numbers are those of this project's list of historic defects. */
#include "explore.h"

#include "base/futex.h"

#include <string.h>

enum { CELLS = 8 };

typedef struct ring {
    uint32_t capacity;
    pkn_atomic_u32 cell[CELLS];
} ring;

typedef struct planted {
    pkn_atomic_u32 top __attribute__((aligned(64))), bottom;
    pkn_atomic_ptr ring;
    pkn_atomic_u32 work, sleepers, parked, flag, idle, closed, box[2];
    uint64_t taken[CELLS], payload[CELLS], plain;
    pkn_mutex lock[2];
    pkn_sleeper sleeper;
    pkn_atomic_ptr latch;
} planted;

static planted *p;
static enum {
    NO_BUG,
    POP_WITHOUT_FENCE,
    STEAL_WITHOUT_FENCE,
    PUSH_RELAXED,
    LAST_WITHOUT_CAS,
    GROWTH_FREES,
    NARROW_INDEX,
    BATCH_OVERSHOOTS,
    CLAIM_BEFORE_READ,
    CLOSE_FORGETS,
    SLEEP_WITHOUT_FENCE,
    POST_WITHOUT_FENCE,
    LAST_LOOK_FORGETS,
    COUNTER_OF_ONE_BIT,
    EXIT_BEFORE_WAIT,
    EXTRA_WAKE,
    LATCH_TOUCHED,
    LOCKS_CROSSED
} bug;

static ring *new_ring(uint32_t capacity) {
    ring *made = (ring *)explore_allocate(sizeof(ring), 64);
    made->capacity = capacity;
    return made;
}

static void fresh(void) {
    p = (planted *)explore_new(sizeof *p);
    pkn_atomic_store_relaxed_ptr(&p->ring, new_ring(2));
    explore_name(&p->top, "top");
    explore_name(&p->bottom, "bottom");
    explore_name(&p->sleepers, "sleepers");
    explore_name(&p->parked, "parked");
    explore_name(&p->work, "work");
    for (int i = 0; i < CELLS; i++) {
        explore_name(&p->taken[i], "ledger"); /* plain: who takes twice races */
    }
}

#define SETUP(name, what) \
    static void name(void) { \
        bug = what; \
        fresh(); \
    }
SETUP(no_bug, NO_BUG)
SETUP(pop_without_fence, POP_WITHOUT_FENCE)
SETUP(steal_without_fence, STEAL_WITHOUT_FENCE)
SETUP(push_relaxed, PUSH_RELAXED)
SETUP(last_without_cas, LAST_WITHOUT_CAS)
SETUP(growth_frees, GROWTH_FREES)
SETUP(narrow_index, NARROW_INDEX)
SETUP(batch_overshoots, BATCH_OVERSHOOTS)
SETUP(claim_before_read, CLAIM_BEFORE_READ)
SETUP(close_forgets, CLOSE_FORGETS)
SETUP(sleep_without_fence, SLEEP_WITHOUT_FENCE)
SETUP(post_without_fence, POST_WITHOUT_FENCE)
SETUP(last_look_forgets, LAST_LOOK_FORGETS)
SETUP(counter_of_one_bit, COUNTER_OF_ONE_BIT)
SETUP(exit_before_wait, EXIT_BEFORE_WAIT)
SETUP(extra_wake, EXTRA_WAKE)
SETUP(latch_touched, LATCH_TOUCHED)
SETUP(locks_crossed, LOCKS_CROSSED)

/* ---- a deque of Chase and Lev's kind ---- */

static uint32_t next_index(uint32_t i) {
    return bug == NARROW_INDEX ? (i + 1) & 1u : i + 1;
}

static void take(uint32_t x) {
    EXPLORE_ASSERT(x < CELLS && p->payload[x] == 100 + x);
    p->taken[x]++;
    EXPLORE_ASSERT(p->taken[x] == 1);
}

static void push(uint32_t x) {
    uint32_t bottom = pkn_atomic_load_relaxed_u32(&p->bottom);
    uint32_t top = pkn_atomic_load_acquire_u32(&p->top);
    ring *r = (ring *)pkn_atomic_load_relaxed_ptr(&p->ring);
    p->payload[x] = 100 + x;
    if (bug != NARROW_INDEX && bottom - top >= r->capacity) {
        ring *larger = new_ring(2 * r->capacity);
        for (uint32_t i = top; i != bottom; i++) {
            pkn_atomic_store_relaxed_u32(&larger->cell[i % larger->capacity],
                                         pkn_atomic_load_relaxed_u32(&r->cell[i % r->capacity]));
        }
        pkn_atomic_store_release_ptr(&p->ring, larger);
        if (bug == GROWTH_FREES) {
            explore_release(r, sizeof *r);
        }
        r = larger;
    }
    pkn_atomic_store_relaxed_u32(&r->cell[bottom % r->capacity], x);
    if (bug == PUSH_RELAXED) {
        pkn_atomic_store_relaxed_u32(&p->bottom, next_index(bottom));
    } else {
        pkn_atomic_store_release_u32(&p->bottom, next_index(bottom));
    }
}

static int pop(void) {
    uint32_t bottom = pkn_atomic_load_relaxed_u32(&p->bottom) - 1;
    uint32_t top = pkn_atomic_load_relaxed_u32(&p->top);
    ring *r = (ring *)pkn_atomic_load_relaxed_ptr(&p->ring);
    if (bottom + 1 == top) {
        return 0;
    }
    pkn_atomic_store_release_u32(&p->bottom, bottom);
    if (bug != POP_WITHOUT_FENCE) {
        pkn_fence_seq_cst();
    }
    top = pkn_atomic_load_relaxed_u32(&p->top);
    uint32_t x = pkn_atomic_load_relaxed_u32(&r->cell[bottom % r->capacity]);
    int taken = (int32_t)(bottom - top) > 0;
    if (!taken) {
        if (top == bottom) {
            taken = bug == LAST_WITHOUT_CAS || pkn_atomic_cas_acq_rel_u32(&p->top, &top, top + 1);
        }
        pkn_atomic_store_relaxed_u32(&p->bottom, bottom + 1);
    }
    if (taken) {
        take(x);
    }
    return taken;
}

static void steal(void) {
    uint32_t top = pkn_atomic_load_acquire_u32(&p->top);
    if (bug != STEAL_WITHOUT_FENCE) {
        pkn_fence_seq_cst();
    }
    uint32_t bottom = pkn_atomic_load_acquire_u32(&p->bottom);
    if (bug == NARROW_INDEX ? bottom == top : (int32_t)(bottom - top) <= 0) {
        return;
    }
    ring *r = (ring *)pkn_atomic_load_acquire_ptr(&p->ring);
    uint32_t x = pkn_atomic_load_relaxed_u32(&r->cell[top % r->capacity]);
    if (pkn_atomic_cas_acq_rel_u32(&p->top, &top, next_index(top))) {
        take(x);
    }
}

static void steal_two(void) {
    uint32_t top = pkn_atomic_load_acquire_u32(&p->top);
    pkn_fence_seq_cst();
    uint32_t bottom = pkn_atomic_load_acquire_u32(&p->bottom);
    uint32_t count = (bottom - top) / 2;
    if ((int32_t)(bottom - top) < 4) {
        return;
    }
    ring *r = (ring *)pkn_atomic_load_acquire_ptr(&p->ring);
    uint32_t x[CELLS];
    for (uint32_t i = 0; i < count; i++) {
        x[i] = pkn_atomic_load_relaxed_u32(&r->cell[(top + i) % r->capacity]);
    }
    if (pkn_atomic_cas_acq_rel_u32(&p->top, &top, top + count)) {
        for (uint32_t i = 0; i < count; i++) {
            take(x[i]);
        }
    }
}

static void push_pop(void) {
    push(0);
    push(1);
    (void)pop();
    (void)pop();
}

static void push_three(void) {
    push(0);
    push(1);
    push(2);
}

static void push_four_pop_three(void) {
    push(0);
    push(1);
    push(2);
    push(3);
    (void)pop();
    (void)pop();
    (void)pop();
}

/* The queue comes round to the same index between a thief's look and its claim. */
static void push_take_push(void) {
    push(0);
    steal();
    push(1);
    steal();
    push(2);
}

/* ---- a ring whose reader claims a cell before it has read it ---- */

static void fill_ring(void) {
    for (uint32_t x = 0; x < 3; x++) {
        while (x - pkn_atomic_load_acquire_u32(&p->top) >= 2) {
            pkn_cpu_relax();
        }
        p->payload[x % 2] = 100 + x;
        pkn_atomic_store_release_u32(&p->bottom, x + 1);
    }
}

static void empty_ring(void) {
    for (uint32_t x = 0; x < 3; x++) {
        while (pkn_atomic_load_acquire_u32(&p->bottom) <= x) {
            pkn_cpu_relax();
        }
        if (bug == CLAIM_BEFORE_READ) {
            pkn_atomic_store_release_u32(&p->top, x + 1);
        }
        EXPLORE_ASSERT(p->payload[x % 2] == 100 + x);
        if (bug != CLAIM_BEFORE_READ) {
            pkn_atomic_store_release_u32(&p->top, x + 1);
        }
    }
}

/* ---- a channel that is closed beside a sender ---- */

static void send_one(void) {
    if (bug == CLOSE_FORGETS) {
        if (pkn_atomic_load_acquire_u32(&p->closed) == 0) {
            pkn_atomic_store_release_u32(&p->box[0], 1);
        } else {
            p->taken[0]++; /* given back to the sender */
        }
        return;
    }
    uint32_t open = 0;
    if (!pkn_atomic_cas_acq_rel_u32(&p->box[0], &open, 1)) {
        p->taken[0]++;
    }
}

static void close_channel(void) {
    pkn_atomic_store_release_u32(&p->closed, 1);
    if (pkn_atomic_exchange_acq_rel_u32(&p->box[0], 2) == 1) {
        p->taken[0]++;
    }
}

static void close_check(void) {
    EXPLORE_ASSERT(p->taken[0] == 1);
}

/* ---- a sleeper and a poster ---- */

static int sees_work(void) {
    return pkn_atomic_load_acquire_u32(&p->work) != 0;
}

static void sleep_once(void) {
    while (!sees_work()) {
        pkn_atomic_store_relaxed_u32(&p->parked, 1);
        if (bug != SLEEP_WITHOUT_FENCE) {
            pkn_fence_seq_cst();
        }
        if (bug != LAST_LOOK_FORGETS && sees_work()) {
            return;
        }
        pkn_sleep_while_equal(&p->sleeper, &p->parked, 1);
    }
}

static void post_once(void) {
    pkn_atomic_store_release_u32(&p->work, 1);
    if (bug != POST_WITHOUT_FENCE) {
        pkn_fence_seq_cst();
    }
    if (pkn_atomic_load_relaxed_u32(&p->parked) == 1) {
        pkn_atomic_store_release_u32(&p->parked, 0);
        pkn_wake_sleeper(&p->sleeper, &p->parked);
    }
}

/* a count of events in one bit: two events look like none */
static void sleep_on_counter(void) {
    uint32_t mask = bug == COUNTER_OF_ONE_BIT ? 1u : 255u;
    for (;;) {
        uint32_t seen = pkn_atomic_load_acquire_u32(&p->parked);
        if (sees_work()) {
            return;
        }
        if ((pkn_atomic_load_acquire_u32(&p->parked) & mask) == (seen & mask)) {
            pkn_sleep_while_equal(&p->sleeper, &p->parked, seen);
        }
    }
}

static void post_two_events(void) {
    uint32_t mask = bug == COUNTER_OF_ONE_BIT ? 1u : 255u;
    for (int i = 0; i < 2; i++) {
        pkn_atomic_store_release_u32(&p->work, (uint32_t)i);
        pkn_atomic_store_release_u32(&p->parked, (pkn_atomic_load_relaxed_u32(&p->parked) + 1) & mask);
        pkn_wake_sleeper(&p->sleeper, &p->parked);
    }
}

/* an exit that is announced between the check and the wait */
static void wait_for_exit(void) {
    if (pkn_atomic_load_acquire_u32(&p->flag) == 0) {
        if (bug == EXIT_BEFORE_WAIT) {
            pkn_atomic_store_release_u32(&p->parked, 1);
        }
        pkn_sleep_while_equal(&p->sleeper, &p->parked, bug == EXIT_BEFORE_WAIT);
    }
}

static void announce_exit(void) {
    pkn_atomic_store_release_u32(&p->flag, 1);
    pkn_atomic_store_release_u32(&p->parked, bug != EXIT_BEFORE_WAIT);
    pkn_wake_sleeper(&p->sleeper, &p->parked);
}

/* a count of idle threads that two wakers lower for one sleeper */
static void go_idle(void) {
    (void)pkn_atomic_fetch_add_acq_rel_u32(&p->idle, 1);
    pkn_atomic_store_release_u32(&p->parked, 1);
}

static void wake_idle(void) {
    uint32_t asleep = 1;
    if (bug == EXTRA_WAKE ? pkn_atomic_load_acquire_u32(&p->parked) == 1 : pkn_atomic_cas_acq_rel_u32(&p->parked, &asleep, 0)) {
        pkn_atomic_store_relaxed_u32(&p->parked, 0);
        EXPLORE_ASSERT(pkn_atomic_fetch_sub_acq_rel_u32(&p->idle, 1) != 0);
    }
}

/* ---- a latch on the waiter's stack ---- */

typedef struct latch {
    pkn_atomic_u32 done;
    uint32_t waiter;
} latch;

static void wait_on_latch(void) {
    latch mine;
    mine.waiter = 7;
    pkn_atomic_store_relaxed_u32(&mine.done, 0);
    pkn_atomic_store_release_ptr(&p->latch, &mine);
    while (pkn_atomic_load_acquire_u32(&mine.done) == 0) {
        pkn_cpu_relax();
    }
    explore_poison(&mine, sizeof mine);
}

static void set_latch(void) {
    latch *theirs;
    while ((theirs = (latch *)pkn_atomic_load_acquire_ptr(&p->latch)) == 0) {
        pkn_cpu_relax();
    }
    uint32_t waiter = bug == LATCH_TOUCHED ? 0 : theirs->waiter;
    pkn_atomic_store_release_u32(&theirs->done, 1);
    if (bug == LATCH_TOUCHED) {
        waiter = theirs->waiter;
    }
    EXPLORE_ASSERT(waiter == 7);
}

/* ---- two locks ---- */

static void lock_both(int first) {
    pkn_mutex_lock(&p->lock[first]);
    pkn_mutex_lock(&p->lock[1 - first]);
    p->plain++;
    pkn_mutex_unlock(&p->lock[1 - first]);
    pkn_mutex_unlock(&p->lock[first]);
}

static void lock_0_1(void) {
    lock_both(0);
}

static void lock_1_0(void) {
    lock_both(bug == LOCKS_CROSSED);
}

static const explore_scenario table[] = {
    {"deque, correct", no_bug, {push_pop, steal, steal}, 0, 0, 0, 0, 0, 0, 0, 0},
    {"pop without its fence", pop_without_fence, {push_pop, steal, steal}, 0, 0, 0, 0, 0, "ledger", 0, 0},
    {"steal without its fence", steal_without_fence, {push_pop, steal, steal}, 0, 0, 0, 0, 0, "ledger", 0, 0},
    {"R07 R08 push publishes by a relaxed store", push_relaxed, {push_pop, steal}, 0, 0, 0, 0, 0, "race", 0, 0},
    {"the last item without compare-and-swap", last_without_cas, {push_pop, steal, steal}, 0, 0, 0, 0, 0, "ledger", 0, 0},
    {"R01 growth frees the ring that a thief reads", growth_frees, {push_three, steal}, 0, 0, 0, 0, 0, " let ", 0, 0},
    {"growth, correct", no_bug, {push_three, steal}, 0, 0, 0, 0, 0, 0, 0, 0},
    {"R04 indices of one bit come round", narrow_index, {push_take_push, steal}, 0, 0, 0, 0, 0, "does not hold", 0, 0},
    {"R02 a batch is taken past the bottom", batch_overshoots, {push_four_pop_three, steal_two}, 0, 0, 0, 0, 0, "ledger", 0, 0},
    {"R03 a cell is given back before it is read", claim_before_read, {fill_ring, empty_ring}, 0, 0, 0, 0, 0, "race", 0, 0},
    {"ring, correct", no_bug, {fill_ring, empty_ring}, 0, 0, 0, 0, 0, 0, 0, 0},
    {"R10 a message is sent beside the close", close_forgets, {send_one, close_channel}, close_check, 0, 0, 0, 0, "does not hold", 0, 0},
    {"close, correct", no_bug, {send_one, close_channel}, close_check, 0, 0, 0, 0, 0, 0, 0},
    {"R13 the sleeper has no fence", sleep_without_fence, {sleep_once, post_once}, 0, 0, 0, 0, 0, "deadlock", 0, 0},
    {"R13 R15 the poster has no fence", post_without_fence, {sleep_once, post_once}, 0, 0, 0, 0, 0, "deadlock", 0, 0},
    {"R16 the last look forgets a source", last_look_forgets, {sleep_once, post_once}, 0, 0, 0, 0, 0, "deadlock", 0, 0},
    {"sleep, correct", no_bug, {sleep_once, post_once}, 0, 0, 0, 0, 0, 0, 0, 0},
    {"R17 a counter of events comes round", counter_of_one_bit, {sleep_on_counter, post_two_events}, 0, 0, 0, 0, 0, "deadlock", 0, 0},
    {"counter, correct", no_bug, {sleep_on_counter, post_two_events}, 0, 0, 0, 0, 0, 0, 0, 0},
    {"R19 exit is announced before the wait", exit_before_wait, {wait_for_exit, announce_exit}, 0, 0, 0, 0, 0, "deadlock", 0, 0},
    {"exit, correct", no_bug, {wait_for_exit, announce_exit}, 0, 0, 0, 0, 0, 0, 0, 0},
    {"R20 one sleeper is woken twice", extra_wake, {go_idle, wake_idle, wake_idle}, 0, 0, 0, 0, 0, "does not hold", 0, 0},
    {"wake, correct", no_bug, {go_idle, wake_idle, wake_idle}, 0, 0, 0, 0, 0, 0, 0, 0},
    {"R25 a latch is read after it was set", latch_touched, {wait_on_latch, set_latch}, 0, 0, 0, 0, 0, "stack of a", 0, 0},
    {"latch, correct", no_bug, {wait_on_latch, set_latch}, 0, 0, 0, 0, 0, 0, 0, 0},
    {"locks taken in two orders", locks_crossed, {lock_0_1, lock_1_0}, 0, 0, 0, 0, 0, "deadlock", 0, 0},
    {"locks, correct", no_bug, {lock_0_1, lock_1_0}, 0, 0, 0, 0, 0, 0, 0, 0},
    {0, 0, {0}, 0, 0, 0, 0, 0, 0, 0, 0},
};
const explore_scenario *const explore_planted = table;
