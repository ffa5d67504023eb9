/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* The explorer: threads as coroutines, one choice before each access to shared memory, all choices in turn.

   Depth first, by running again from the start with other choices. Two reductions: an access to memory that only one thread
   uses, or that nobody writes, is no choice (learned while running; what is learned late starts the search anew); and sleep sets: a
   thread whose next step was explored at a node does not take that step below the node's other branches until something happened
   that the step depends on. A load and a store to one place depend on each other only in one direction: after the store the load
   has one more value to read, and only that value is new. */
#include "model.h"
#include "search.h"

#include <errno.h>

/* ---- accesses ---- */

static thread *self(void) {
    return &now.threads[now.current];
}

/* The start of an atomic access: 0 where it is nobody else's business (then memory itself is used), else its location. */
static unsigned begin_access(int pending, void *address, unsigned size) {
    size_t index = cell_of(address);
    cell *c = fresh_cell(index);
    note_access(index, pending != PENDING_LOAD);
    check_gone(c, address);
    check_written(c, self(), address);
    if (!is_shared[index] && search.how != REPLAY) {
        take_step(0);
        return 0;
    }
    (void)locate(address, size);
    switch_before(pending, address);
    check_gone(c, address);
    check_written(c, self(), address);
    unsigned place = locate(address, size);
    locations[place].seen[now.current] = self()->now.at[now.current];
    return place;
}

uint64_t explore_load(const void *address, unsigned size, int order) {
    void *place = (void *)(uintptr_t)address;
    unsigned index;
    if (!now.running || !in_arena(address) || (index = begin_access(PENDING_LOAD, place, size)) == 0) {
        return direct_load(address, size);
    }
    thread *t = self();
    const location *l = &locations[index];
    unsigned seen = t->now.at[VIEW_LOCATIONS + index];
    unsigned floor = seen > t->stale_floor[index] ? seen : t->stale_floor[index];
    unsigned newest = l->count - 1u;
    unsigned least = t->least_store > floor ? t->least_store : floor;
    unsigned which = newest - choose_stale(newest - floor + 1u, newest - least + 1u);
    if (which != newest) {
        note_stale(t, index);
    }
    uint64_t value = model_read(t, index, which, order);
    trace("load", place, value, order, newest - which);
    return value;
}

void explore_store(void *address, unsigned size, uint64_t value, int order) {
    unsigned index;
    if (!now.running || !in_arena(address) || (index = begin_access(PENDING_STORE, address, size)) == 0) {
        direct_store(address, size, value);
        now.writes += (uint64_t)now.running;
        return;
    }
    model_write(self(), index, value, order, 0);
    trace("store", address, value, order, 0);
    wake_sleep_set(PENDING_STORE, address, 1);
}

static uint64_t applied(int operation, uint64_t old, uint64_t operand, unsigned size) {
    uint64_t value = operation == EXPLORE_ADD   ? old + operand
                     : operation == EXPLORE_SUB ? old - operand
                     : operation == EXPLORE_AND ? (old & operand)
                     : operation == EXPLORE_OR  ? (old | operand)
                                                : operand;
    return size == 8 ? value : (uint32_t)value;
}

uint64_t explore_rmw(void *address, unsigned size, int operation, uint64_t operand, int order) {
    unsigned index;
    if (!now.running || !in_arena(address) || (index = begin_access(PENDING_RMW, address, size)) == 0) {
        uint64_t old = direct_load(address, size);
        direct_store(address, size, applied(operation, old, operand, size));
        now.writes += (uint64_t)now.running;
        return old;
    }
    const location *l = &locations[index];
    uint32_t message = stores[l->store[l->count - 1]].message;
    uint64_t old = model_read(self(), index, l->count - 1u, order);
    uint64_t value = applied(operation, old, operand, size);
    model_write(self(), index, value, order, message);
    trace("rmw", address, value, order, 0);
    wake_sleep_set(PENDING_RMW, address, 1);
    return old;
}

/* A failure may read any store that differs from what is expected; success reads the newest. */
int explore_cas(void *address, unsigned size, void *expected, uint64_t desired, int success, int failure) {
    uint64_t wanted = direct_load(expected, size);
    unsigned index;
    if (!now.running || !in_arena(address) || (index = begin_access(PENDING_CAS, address, size)) == 0) {
        uint64_t old = direct_load(address, size);
        if (old == wanted) {
            direct_store(address, size, desired);
            now.writes += (uint64_t)now.running;
            return 1;
        }
        direct_store(expected, size, old);
        return 0;
    }
    thread *t = self();
    const location *l = &locations[index];
    unsigned newest = l->count - 1u;
    unsigned floor = t->now.at[VIEW_LOCATIONS + index];
    floor = floor > t->stale_floor[index] ? floor : t->stale_floor[index];
    unsigned choices[LOCATION_STORES];
    unsigned count = 0, fresh = 0;
    for (unsigned i = newest + 1; i-- > floor;) {
        if (i == newest || stores[l->store[i]].value != wanted) {
            choices[count++] = i;
            fresh += i >= t->least_store;
        }
    }
    unsigned taken = choose_stale(count, fresh);
    unsigned which = choices[taken];
    if (stores[l->store[which]].value == wanted) {
        uint32_t message = stores[l->store[which]].message;
        (void)model_read(t, index, which, success);
        model_write(t, index, size == 8 ? desired : (uint32_t)desired, success, message);
        trace("cas", address, desired, success, 0);
        wake_sleep_set(PENDING_CAS, address, 1);
        return 1;
    }
    if (which != newest) {
        note_stale(t, index);
    }
    direct_store(expected, size, model_read(t, index, which, failure));
    trace("cas fails", address, direct_load(expected, size), failure, taken);
    return 0;
}

void explore_fence(int order) {
    if (now.running) {
        if (order == __ATOMIC_SEQ_CST) {
            switch_before(PENDING_FENCE, &now.fences);
        } else {
            take_step(0);
        }
        model_fence(self(), order);
        trace("fence", 0, 0, order, 0);
        if (order == __ATOMIC_SEQ_CST) {
            wake_sleep_set(PENDING_FENCE, &now.fences, 0);
        }
    }
}

void explore_barrier(void) {
    if (now.running) {
        switch_before(PENDING_BARRIER, 0);
        model_fence(self(), __ATOMIC_SEQ_CST);
        for (int i = 0; i < EXPLORE_THREADS; i++) {
            if (now.threads[i].alive || now.threads[i].pending == PENDING_END) {
                model_fence(&now.threads[i], __ATOMIC_SEQ_CST);
            }
        }
        model_fence(self(), __ATOMIC_SEQ_CST);
        trace("barrier", 0, 0, __ATOMIC_SEQ_CST, 0);
        for (int i = 0; i < EXPLORE_THREADS; i++) {
            now.threads[i].least_store = 0;
        }
        search.sleep = 0; /* any step depends on it */
    }
}

/* ---- blocking ---- */

long explore_syscall(long number, ...) {
    enum { WAIT = 128, WAKE = 129 };
    va_list arguments;
    va_start(arguments, number);
    uint32_t *word = va_arg(arguments, uint32_t *);
    int operation = va_arg(arguments, int);
    uint32_t value = va_arg(arguments, uint32_t);
    int is_timed = va_arg(arguments, void *) != 0; /* then it comes back at once: the thread's own clock moves by its looks */
    va_end(arguments);
    if (!now.running) {
        return 0;
    }
    note_access(cell_of(word), 0);
    if (operation == WAIT) {
        switch_before(PENDING_WAIT, word);
        wake_sleep_set(PENDING_WAIT, word, 0);
        trace("futex wait", word, value, 0, 0);
        if (*word == value && !is_timed) {
            self()->futex = word;
            switch_before(PENDING_NONE, word);
        }
        /* the kernel has looked at the newest value: no older one is read after that */
        if (is_shared[cell_of(word)] || search.how == REPLAY) {
            unsigned index = locate(word, 4);
            self()->stale_floor[index] = (uint16_t)(locations[index].count - 1u);
        }
    } else if (operation == WAKE) {
        switch_before(PENDING_WAKE, word);
        wake_sleep_set(PENDING_WAKE, word, 0);
        trace("futex wake", word, 0, 0, 0);
        for (int i = 0; i < EXPLORE_THREADS; i++) {
            if (now.threads[i].futex == word) {
                now.threads[i].futex = 0;
                now.threads[i].start_pending = 1;
                break;
            }
        }
    }
    return 0;
}

static void renew_mutex(explore_mutex *mutex) {
    if (mutex->execution != now.execution) {
        mutex->taken = mutex->message = 0;
        mutex->execution = now.execution;
    }
}

void explore_lock(explore_mutex *mutex) {
    if (now.running) {
        renew_mutex(mutex);
        if (mutex->taken || note_mutex(mutex)) {
            switch_before(PENDING_LOCK, mutex);
        } else {
            take_step(0);
        }
        mutex->taken = 1;
        message_join(&self()->now, mutex->message);
        trace("lock", mutex, 0, __ATOMIC_ACQUIRE, 0);
        wake_sleep_set(PENDING_LOCK, mutex, 0);
    }
}

void explore_unlock(explore_mutex *mutex) {
    if (now.running) {
        /* no switch: a lock that comes earlier only waits */
        take_step(0);
        renew_mutex(mutex);
        mutex->taken = 0;
        mutex->message = message_of(self()->now.at);
        now.writes++;
        trace("unlock", mutex, 0, __ATOMIC_RELEASE, 0);
        wake_sleep_set(PENDING_UNLOCK, mutex, 0);
    }
}

int explore_thread_create(int *created, void *(*run)(void *), void *argument) {
    for (int i = 0; i < EXPLORE_THREADS; i++) {
        thread *t = &now.threads[i];
        if (!t->alive && t->run == 0) {
            take_step(0);
            t->run = run;
            t->argument = argument;
            t->now = self()->now;
            start_thread(i);
            *created = i;
            return 0;
        }
    }
    return EAGAIN;
}

void explore_thread_join(int joined) {
    self()->joins = joined;
    switch_before(PENDING_JOIN, &now.threads[joined]);
    view_join(self()->now.at, now.threads[joined].now.at, now.view_used);
    trace("join", 0, (uint64_t)joined, 0, 0);
}

/* ---- time, memory ---- */

uint64_t explore_ticks(void) {
    return self()->clock += now.tick_step;
}

void explore_tick_step(uint64_t step) {
    now.tick_step = step;
}

void explore_fail_allocations_after(int count) {
    now.allocations_left = count;
}

void *explore_allocate(size_t bytes, size_t alignment) {
    size_t first = (now.heap_used + alignment - 1) / alignment * alignment;
    if (now.allocations_left == 0 || first + bytes > HEAP) {
        return 0;
    }
    now.allocations_left -= now.allocations_left > 0;
    now.heap_used = first + bytes;
    if (now.running && bytes != 0) {
        memset(arena + first, 0xdb, bytes);
        plain_write(arena + first, bytes, 0);
    }
    return arena + first;
}

void explore_release(void *memory, size_t bytes) {
    if (now.running && bytes != 0) {
        explore_poison(memory, bytes);
    }
}

void *explore_new(size_t bytes) {
    void *memory = explore_allocate(bytes, 64);
    if (memory == 0) {
        explore_fail("the arena is too small");
    }
    return memset(memory, 0, bytes);
}

void explore_poison(void *address, size_t bytes) {
    plain_write((char *)address, bytes, 1);
}

void explore_plain_read(const void *address, size_t bytes) {
    if (now.running && in_arena(address)) {
        plain_read((const char *)address, bytes);
    }
}

void explore_plain_write(const void *address, size_t bytes) {
    if (now.running && in_arena(address)) {
        plain_write((const char *)address, bytes, 0);
    }
}

int explore_polls_before_sleep = 2;

int explore_self(void) {
    return now.current;
}

/* ---- what the compiler inserts under -fsanitize=thread ---- */

#define HOOK(name, function, bytes) \
    void __tsan_##name(void *address); \
    void __tsan_##name(void *address) { \
        function(address, bytes); \
    }
HOOK(read1, explore_plain_read, 1)
HOOK(read2, explore_plain_read, 2)
HOOK(read4, explore_plain_read, 4)
HOOK(read8, explore_plain_read, 8)
HOOK(read16, explore_plain_read, 16)
HOOK(write1, explore_plain_write, 1)
HOOK(write2, explore_plain_write, 2)
HOOK(write4, explore_plain_write, 4)
HOOK(write8, explore_plain_write, 8)
HOOK(write16, explore_plain_write, 16)
HOOK(unaligned_read2, explore_plain_read, 2)
HOOK(unaligned_read4, explore_plain_read, 4)
HOOK(unaligned_read8, explore_plain_read, 8)
HOOK(unaligned_read16, explore_plain_read, 16)
HOOK(unaligned_write2, explore_plain_write, 2)
HOOK(unaligned_write4, explore_plain_write, 4)
HOOK(unaligned_write8, explore_plain_write, 8)
HOOK(unaligned_write16, explore_plain_write, 16)
void __tsan_read_range(void *address, size_t bytes);
void __tsan_read_range(void *address, size_t bytes) {
    explore_plain_read(address, bytes);
}
void __tsan_write_range(void *address, size_t bytes);
void __tsan_write_range(void *address, size_t bytes) {
    explore_plain_write(address, bytes);
}
void __tsan_init(void);
void __tsan_init(void) {
}
void __tsan_func_entry(void *caller);
void __tsan_func_entry(void *caller) {
    (void)caller;
}
void __tsan_func_exit(void);
void __tsan_func_exit(void) {
}
