/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* The memory model: each location keeps all its stores; a view says which of them a thread may no longer miss.

   A view has one entry for each thread (how far its work has been seen: the vector clock) and one for each location (the
   oldest store that may still be read). A release store carries its thread's view, an acquire load joins it to the reader's;
   relaxed accesses do so at the fences around them. A seq_cst fence joins with one view that all such fences share.
   A read-modify-write reads the newest store and carries on its message. Stores of a location are ordered as they ran.
   Source: Kang et al., "A promising semantics for relaxed-memory concurrency", 2017, without promises; Norris and Demsky,
   "CDSChecker", 2013. */
#ifndef PKN_EXPLORE_MODEL_H
#define PKN_EXPLORE_MODEL_H

#include "explore.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { VIEW_LOCATIONS = 8, VIEW_SIZE = 1024, LANES = 32, LOCATION_STORES = 250, STORES = 1 << 15, MESSAGES = 1 << 21 };
enum { HEAP = 1 << 18, STACK = 1 << 16, ARENA = HEAP + EXPLORE_THREADS * STACK, CELLS = ARENA / 4 };

typedef struct view {
    uint16_t at[VIEW_SIZE];
} __attribute__((aligned(64))) view;

typedef struct stored {
    uint64_t value;
    uint32_t message; /* 0: none */
    uint16_t thread, tick;
} stored;

typedef struct location {
    void *address;
    unsigned size;
    uint16_t count;
    uint16_t seen[EXPLORE_THREADS]; /* each thread's last access */
    uint16_t store[LOCATION_STORES];
} location;

/* What is known of four bytes of the arena. */
typedef struct cell {
    uint32_t execution; /* valid in this one */
    uint16_t location;  /* 0: none */
    uint8_t writer, gone;
    uint16_t written;
    uint16_t read[EXPLORE_THREADS];
} cell;

enum { PENDING_NONE, PENDING_LOAD, PENDING_STORE, PENDING_RMW, PENDING_CAS, PENDING_FENCE, PENDING_BARRIER, PENDING_LOCK, PENDING_UNLOCK,
       PENDING_WAIT, PENDING_WAKE, PENDING_JOIN, PENDING_END };

typedef struct thread {
    view now, acquired, released; /* what it has seen; what its next acquire fence adds; what its relaxed stores carry */
    int alive, pending, yielded, priority;
    uint64_t yield_stamp;
    void *pending_address;
    void *futex; /* sleeps on it */
    int joins;
    uint16_t slept_stores, least_store; /* sleep sets: stores below this were read in executions explored before */
    uint16_t stale_floor[VIEW_SIZE];
    uint16_t stale[64];
    int stales, start_pending;
    uint64_t clock;
    void *(*run)(void *);
    void *argument;
} thread;

static struct {
    uint32_t execution;
    int running, current;
    uint64_t writes;
    unsigned view_used;
    unsigned locations, stores, messages;
    view fences;
    thread threads[EXPLORE_THREADS];
    size_t heap_used;
    int allocations_left;
    uint64_t tick_step;
} now;

static char arena[ARENA] __attribute__((aligned(4096)));
static cell cells[CELLS];
static location locations[VIEW_SIZE];
static stored stores[STORES];
static uint16_t messages[MESSAGES] __attribute__((aligned(64)));
/* Kept from execution to execution: who touched a cell by atomics, who wrote it so, and whether it is a place to switch at. */
static uint8_t touched[CELLS], wrote[CELLS], is_shared[CELLS];
static uint32_t touched_list[CELLS];
static unsigned touched_count;
static int found_shared;

/* ---- views ---- */

static inline void view_join(uint16_t *restrict a, const uint16_t *restrict b, unsigned used) {
    for (unsigned i = 0; i < used; i++) {
        a[i] = a[i] > b[i] ? a[i] : b[i];
    }
}

static uint32_t message_of(const uint16_t *at) {
    uint32_t message = now.messages + LANES;
    unsigned used = now.view_used;
    if (message + used >= MESSAGES) {
        explore_fail("the execution has too many messages");
    }
    messages[message - 1] = (uint16_t)used;
    memcpy(messages + message, at, used * sizeof *at);
    now.messages = message + used;
    return message;
}

static void message_join(view *to, uint32_t message) {
    if (message != 0) {
        view_join(to->at, messages + message, messages[message - 1]);
    }
}

/* ---- races of plain accesses, memory that is gone ---- */

static inline int in_arena(const void *address) {
    return (size_t)((const char *)address - arena) < ARENA;
}

static inline size_t cell_of(const void *address) {
    return (size_t)((const char *)address - arena) / 4;
}

static const char *explore_name_of(const void *address);

static inline cell *fresh_cell(size_t index) {
    cell *c = &cells[index];
    if (c->execution != now.execution) {
        memset(c, 0, sizeof *c);
        c->execution = now.execution;
    }
    return c;
}

/* Who let it go may use the place again, for something else. */
static void check_gone(cell *c, const void *address) {
    if (c->gone != 0) {
        if (c->gone != now.current + 1) {
            explore_fail("%s is used after its owner let it go", explore_name_of(address));
        }
        c->gone = 0;
    }
}

/* The last plain write, the birth of the block among them, must have been seen. */
static inline void check_written(const cell *c, const thread *self, const void *address) {
    if (c->written > self->now.at[c->writer] && c->writer != now.current) {
        explore_fail("race: %s is read before the write to it is seen", explore_name_of(address));
    }
}

static void plain_read(const char *address, size_t bytes) {
    thread *self = &now.threads[now.current];
    size_t last = cell_of(address + bytes - 1);
    for (size_t i = cell_of(address); i <= last; i++) {
        cell *c = fresh_cell(i);
        check_gone(c, address);
        check_written(c, self, address);
        c->read[now.current] = (uint16_t)(self->now.at[now.current] + 1);
        if (c->location != 0) {
            const location *l = &locations[c->location];
            const stored *s = &stores[l->store[l->count - 1]];
            if (s->tick > self->now.at[s->thread]) {
                explore_fail("race: %s is plainly read beside atomic writes", explore_name_of(address));
            }
        }
    }
}

static void plain_write(const char *address, size_t bytes, int gone) {
    thread *self = &now.threads[now.current];
    size_t last = cell_of(address + bytes - 1);
    for (size_t i = cell_of(address); i <= last; i++) {
        cell *c = fresh_cell(i);
        check_gone(c, address);
        check_written(c, self, address);
        const uint16_t *seen = c->location != 0 ? locations[c->location].seen : 0;
        for (int t = 0; t < EXPLORE_THREADS; t++) {
            if (t != now.current && (c->read[t] > self->now.at[t] || (seen != 0 && seen[t] > self->now.at[t]))) {
                explore_fail("race: %s is written or let go while another thread may use it", explore_name_of(address));
            }
        }
        c->location = 0;
        c->writer = (uint8_t)now.current;
        c->written = (uint16_t)(self->now.at[now.current] + 1);
        c->gone = (uint8_t)(gone ? now.current + 1 : 0);
    }
}

/* ---- locations ---- */

static inline uint64_t direct_load(const void *address, unsigned size) {
    return size == 8 ? *(const uint64_t *)address : *(const uint32_t *)address;
}

static inline void direct_store(void *address, unsigned size, uint64_t value) {
    if (size == 8) {
        *(uint64_t *)address = value;
    } else {
        *(uint32_t *)address = (uint32_t)value;
    }
}

static stored *append(location *l, uint64_t value, uint32_t message) {
    if (now.stores == STORES || l->count == LOCATION_STORES) {
        explore_fail("the execution has too many stores");
    }
    stored *s = &stores[now.stores];
    l->store[l->count++] = (uint16_t)now.stores++;
    s->value = value;
    s->message = message;
    s->thread = (uint16_t)now.current;
    s->tick = now.threads[now.current].now.at[now.current];
    return s;
}

/* The location of an address; made where there is none, or where plain code has written the memory since. */
static unsigned locate(void *address, unsigned size) {
    cell *c = fresh_cell(cell_of(address));
    uint64_t value = direct_load(address, size);
    if (c->location != 0) {
        const location *l = &locations[c->location];
        if (stores[l->store[l->count - 1]].value == value && l->size == size) {
            return c->location;
        }
    }
    unsigned index = ++now.locations;
    if (VIEW_LOCATIONS + index >= VIEW_SIZE) {
        explore_fail("the scenario has too many locations");
    }
    while (now.view_used <= VIEW_LOCATIONS + index) {
        now.view_used += LANES;
    }
    location *l = &locations[index];
    l->address = address;
    l->size = size;
    l->count = 0;
    memset(l->seen, 0, sizeof l->seen);
    append(l, value, 0)->tick = 0;
    c->location = (uint16_t)index;
    return index;
}

/* ---- what an access does ---- */

static int is_acquire(int order) {
    return order == __ATOMIC_ACQUIRE || order == __ATOMIC_ACQ_REL || order == __ATOMIC_SEQ_CST || order == __ATOMIC_CONSUME;
}

static int is_release(int order) {
    return order == __ATOMIC_RELEASE || order == __ATOMIC_ACQ_REL || order == __ATOMIC_SEQ_CST;
}

static int released_anything(const thread *self) {
    return self->released.at[now.current] != 0;
}

static uint64_t model_read(thread *self, unsigned index, unsigned which, int order) {
    location *l = &locations[index];
    const stored *s = &stores[l->store[which]];
    uint16_t *seen = &self->now.at[VIEW_LOCATIONS + index];
    *seen = *seen > which ? *seen : (uint16_t)which;
    message_join(is_acquire(order) ? &self->now : &self->acquired, s->message);
    return s->value;
}

/* message: of the store that a read-modify-write has read, which it carries on; 0 else. */
static void model_write(thread *self, unsigned index, uint64_t value, int order, uint32_t message) {
    location *l = &locations[index];
    uint32_t own = 0;
    self->now.at[VIEW_LOCATIONS + index] = l->count;
    if (is_release(order)) {
        own = message_of(self->now.at);
    } else if (released_anything(self)) {
        own = message_of(self->released.at);
    }
    if (message != 0 && own != 0) {
        unsigned used = messages[message - 1];
        view_join(messages + own, messages + message, used < messages[own - 1] ? used : messages[own - 1]);
    } else if (message != 0) {
        own = message;
    }
    append(l, value, own);
    direct_store(l->address, l->size, value);
    now.writes++;
}

static void model_fence(thread *self, int order) {
    if (is_acquire(order)) {
        view_join(self->now.at, self->acquired.at, now.view_used);
    }
    if (order == __ATOMIC_SEQ_CST) {
        view_join(self->now.at, now.fences.at, now.view_used);
        memcpy(now.fences.at, self->now.at, now.view_used * sizeof self->now.at[0]);
    }
    if (is_release(order)) {
        memcpy(self->released.at, self->now.at, now.view_used * sizeof self->now.at[0]);
    }
}

#endif
