/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* Coroutines, the choice of who goes next and of what a load reads, and the path of choices that the search walks. */
#ifndef PKN_EXPLORE_SEARCH_H
#define PKN_EXPLORE_SEARCH_H

#include "model.h"

#include <setjmp.h>
#include <ucontext.h>

enum { PATH = 1 << 14, STEPS = 1 << 14, SPINS = 2000, REPLAY = EXPLORE_RANDOM + 1 };
enum { RUN_DONE = 1, RUN_PRUNED, RUN_FAILED }; /* how an execution ended */

/* One choice: a thread of `options`, or a number below `count`. */
typedef struct choice {
    uint8_t is_thread, chosen, count, options, done;
} choice;

static struct {
    int how, preemptions, stale;
    const explore_scenario *scenario;
    choice path[PATH];
    unsigned depth, prefix;
    unsigned sleep; /* threads whose next step was explored elsewhere */
    int last, preempted, staled;
    unsigned steps, spins, mean_steps;
    uint8_t step_thread[STEPS], step_stale[STEPS];
    uint8_t replay_thread[STEPS], replay_stale[STEPS];
    unsigned replay_steps;
    uint64_t random, executions;
    unsigned change[8];
    int tracing;
    char failure[512];
    uint64_t outcomes;
    struct {
        const void *address;
        const char *name;
    } names[256];
    unsigned name_count;
} search;

static jmp_buf driver, context[EXPLORE_THREADS], base[EXPLORE_THREADS];
static ucontext_t driver_start, thread_start[EXPLORE_THREADS];

static uint64_t next_random(void) {
    uint64_t x = search.random += UINT64_C(0x9e3779b97f4a7c15);
    x = (x ^ (x >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    x = (x ^ (x >> 27)) * UINT64_C(0x94d049bb133111eb);
    return x ^ (x >> 31);
}

/* ---- what is said of an execution ---- */

void explore_name(const void *address, const char *name) {
    if (search.name_count < sizeof search.names / sizeof search.names[0]) {
        search.names[search.name_count].address = address;
        search.names[search.name_count++].name = name;
    }
}

static const char *explore_name_of(const void *address) {
    static char text[64];
    for (unsigned i = 0; i < search.name_count; i++) {
        if (search.names[i].address == address) {
            return search.names[i].name;
        }
    }
    size_t offset = (size_t)((const char *)address - arena);
    if (offset < HEAP) {
        snprintf(text, sizeof text, "heap+%zu", offset);
    } else if (offset < ARENA) {
        snprintf(text, sizeof text, "stack of %c+%zu", (int)('a' + (offset - HEAP) / STACK), (offset - HEAP) % STACK);
    } else {
        snprintf(text, sizeof text, "outside");
    }
    return text;
}

static void trace(const char *what, const void *address, uint64_t value, int order, unsigned stale) {
    static const char *const orders[] = {"relaxed", "consume", "acquire", "release", "acq_rel", "seq_cst"};
    if (search.tracing) {
        printf("%4u %c %-9s %-24s %#-14llx %s%s\n", search.steps, 'a' + now.current, what,
               address == 0 ? "" : explore_name_of(address), (unsigned long long)value, orders[order], stale ? " (old value)" : "");
    }
}

void explore_fail(const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(search.failure, sizeof search.failure, format, arguments);
    va_end(arguments);
    _longjmp(driver, RUN_FAILED);
}

void explore_outcome(int bit) {
    search.outcomes |= UINT64_C(1) << bit;
}

/* ---- steps ---- */

static void take_step(unsigned stale) {
    if (search.steps == STEPS) {
        explore_fail("no end after %d steps", STEPS);
    }
    search.step_thread[search.steps] = (uint8_t)now.current;
    search.step_stale[search.steps++] = (uint8_t)stale;
    now.threads[now.current].now.at[now.current]++;
    search.last = now.current;
}

static void note_access(size_t index, int is_write) {
    uint8_t bit = (uint8_t)(1u << now.current);
    if (touched[index] == 0) {
        touched_list[touched_count++] = (uint32_t)index;
    }
    touched[index] |= bit;
    if (is_write) {
        wrote[index] |= bit;
    }
    if (!is_shared[index] && search.how != REPLAY && (touched[index] & (touched[index] - 1)) != 0 && wrote[index] != 0) {
        found_shared = 1; /* what ran so far was modelled wrongly */
        _longjmp(driver, RUN_PRUNED);
    }
}

/* 1 where other threads take this mutex, too. */
static int note_mutex(const explore_mutex *mutex) {
    if (!in_arena(mutex)) {
        return 1;
    }
    note_access(cell_of(mutex), 1);
    return is_shared[cell_of(mutex)] || search.how == REPLAY;
}

static void note_stale(thread *t, unsigned location_index) {
    if (t->stales < (int)(sizeof t->stale / sizeof t->stale[0])) {
        t->stale[t->stales++] = (uint16_t)location_index;
    }
}

/* ---- choices ---- */

static choice *next_choice(void) {
    if (search.depth == PATH) {
        explore_fail("the execution has too many choices");
    }
    return &search.path[search.depth++];
}

/* A number below count; the search takes only those below fresh. 0 is what happens by itself. */
static unsigned choose_number(unsigned count, unsigned fresh) {
    if (search.how == REPLAY) {
        unsigned step = search.steps - 1;
        unsigned chosen = step < search.replay_steps ? search.replay_stale[step] : 0;
        return chosen < count ? chosen : 0;
    }
    if (search.how == EXPLORE_RANDOM) {
        return count > 1 && next_random() % 4 == 0 ? (unsigned)(next_random() % count) : 0;
    }
    if (fresh <= 1) {
        return 0;
    }
    int known = search.depth < search.prefix;
    choice *c = next_choice();
    if (!known) {
        memset(c, 0, sizeof *c);
        c->count = (uint8_t)(fresh < 255 ? fresh : 255);
    } else if (c->is_thread || c->count != fresh) {
        explore_fail("the scenario does not repeat itself");
    }
    return c->chosen;
}

static unsigned choose_stale(unsigned count, unsigned fresh) {
    if (search.how == EXPLORE_BOUNDED && search.staled >= search.stale) {
        fresh = 1;
    }
    unsigned chosen = choose_number(count, fresh);
    search.staled += chosen != 0;
    search.step_stale[search.steps - 1] = (uint8_t)chosen;
    return chosen;
}

int explore_choose(int count) {
    if (!now.running) {
        return 0;
    }
    take_step(0);
    unsigned chosen = choose_number((unsigned)count, (unsigned)count);
    search.step_stale[search.steps - 1] = (uint8_t)chosen;
    return (int)chosen;
}

static uint16_t stores_at(const void *address) {
    const cell *c = &cells[cell_of(address)];
    return c->execution == now.execution && c->location != 0 ? locations[c->location].count : 0;
}

static int choose_thread(unsigned awake) {
    if (search.how == EXPLORE_RANDOM) {
        int best = -1;
        for (int i = 0; i < EXPLORE_THREADS; i++) {
            if ((awake >> i & 1) && (best < 0 || now.threads[i].priority > now.threads[best].priority)) {
                best = i;
            }
        }
        for (unsigned i = 0; i < 3; i++) {
            if (search.change[i] == search.steps) {
                now.threads[best].priority = -(int)i - 1;
            }
        }
        return best;
    }
    if ((awake & (awake - 1)) == 0) {
        return __builtin_ctz(awake);
    }
    int known = search.depth < search.prefix;
    choice *c = next_choice();
    if (!known) {
        memset(c, 0, sizeof *c);
        c->is_thread = 1;
        c->options = (uint8_t)awake;
        c->chosen = (uint8_t)(search.last >= 0 && (awake >> search.last & 1) ? search.last : __builtin_ctz(awake));
    } else if (!c->is_thread || c->options != awake) {
        explore_fail("the scenario does not repeat itself");
    }
    if (search.how == EXPLORE_ALL) {
        for (int i = 0; i < EXPLORE_THREADS; i++) {
            search.sleep |= now.threads[i].pending != PENDING_BARRIER ? c->done & 1u << i : 0;
        }
        for (int i = 0; i < EXPLORE_THREADS; i++) {
            thread *t = &now.threads[i];
            if ((c->done >> i & 1) && (t->pending == PENDING_LOAD || t->pending == PENDING_CAS)) {
                t->slept_stores = stores_at(t->pending_address);
            }
        }
    }
    return c->chosen;
}

/* After a step: who slept because of a step that this one changes goes on. */
static void wake_sleep_set(int kind, const void *address, int appended) {
    for (unsigned rest = search.sleep; rest != 0; rest &= rest - 1) {
        int i = __builtin_ctz(rest);
        thread *t = &now.threads[i];
        if (t->pending_address != address || (t->pending == PENDING_LOAD && !appended)) {
            continue;
        }
        search.sleep &= ~(1u << i);
        t->least_store = appended && (t->pending == PENDING_LOAD || t->pending == PENDING_CAS) ? t->slept_stores : 0;
    }
    (void)kind;
}

/* ---- who goes next ---- */

static int is_enabled(const thread *t) {
    switch (t->pending) {
    case PENDING_NONE:
        return 0;
    case PENDING_LOCK:
        return !((const explore_mutex *)t->pending_address)->taken;
    case PENDING_JOIN:
        return !now.threads[t->joins].alive;
    default:
        return 1;
    }
}

static void say_deadlock(void) {
    char text[200];
    size_t length = 0;
    for (int i = 0; i < EXPLORE_THREADS; i++) {
        const thread *t = &now.threads[i];
        if (t->alive) {
            length += (size_t)snprintf(text + length, sizeof text - length, " %c %s;", 'a' + i,
                                       t->futex != 0                   ? "sleeps"
                                       : t->pending == PENDING_LOCK ? "waits for a lock"
                                                                    : "joins a thread");
        }
    }
    explore_fail("deadlock:%s", text);
}

static int select_thread(void) {
    for (;;) {
        unsigned runnable = 0, yielded = 0, alive = 0;
        int wanted = search.how == REPLAY && search.steps < search.replay_steps ? search.replay_thread[search.steps] : -1;
        for (int i = 0; i < EXPLORE_THREADS; i++) {
            thread *t = &now.threads[i];
            if (!t->alive) {
                continue;
            }
            if (t->start_pending) {
                t->start_pending = 0;
                return i;
            }
            if (t->yielded && (t->yield_stamp != now.writes || i == wanted)) {
                t->yielded = 0;
                return i;
            }
            alive |= 1u << i;
            yielded |= (unsigned)t->yielded << i;
            runnable |= (unsigned)is_enabled(t) << i;
        }
        if (runnable == 0) {
            if (yielded != 0) {
                if (++search.spins > SPINS) {
                    explore_fail("livelock: all threads spin");
                }
                for (int i = 0; i < EXPLORE_THREADS; i++) {
                    now.threads[i].yield_stamp = UINT64_MAX;
                }
                continue;
            }
            if (alive != 0) {
                say_deadlock();
            }
            _longjmp(driver, RUN_DONE);
        }
        if (search.how == REPLAY) {
            if (wanted >= 0 && (runnable >> wanted & 1)) {
                return wanted;
            }
            return search.last >= 0 && (runnable >> search.last & 1) ? search.last : __builtin_ctz(runnable);
        }
        unsigned awake = runnable & ~search.sleep;
        if (awake == 0) {
            _longjmp(driver, RUN_PRUNED);
        }
        int stays = search.last >= 0 && (runnable >> search.last & 1);
        if (stays && search.how == EXPLORE_BOUNDED && search.preempted >= search.preemptions) {
            return search.last;
        }
        int chosen = choose_thread(awake);
        search.preempted += stays && chosen != search.last;
        return chosen;
    }
}

/* Others may go before this thread takes its next step. */
static void let_others_go(void) {
    int next = select_thread();
    int from = now.current;
    if (next != from && _setjmp(context[from]) == 0) {
        now.current = next;
        _longjmp(context[next], 1);
    }
    now.current = from;
}

static void switch_before(int pending, void *address) {
    thread *t = &now.threads[now.current];
    t->pending = pending;
    t->pending_address = address;
    t->least_store = 0;
    if (pending == PENDING_NONE) {
        let_others_go(); /* until a wake makes it runnable again */
        return;
    }
    let_others_go();
    take_step(0);
}

/* A turn of a waiting loop. Goes on when somebody has written, or nobody else can. What it read old it may not read again: stores
   become visible in time. */
void explore_relax(void) {
    if (!now.running) {
        return;
    }
    thread *t = &now.threads[now.current];
    if (t->stales != 0) {
        while (t->stales != 0) {
            unsigned index = t->stale[--t->stales];
            uint16_t floor = (uint16_t)(t->now.at[VIEW_LOCATIONS + index] + 1u);
            uint16_t last = (uint16_t)(locations[index].count - 1u);
            t->stale_floor[index] = floor < last ? floor : last;
        }
        return;
    }
    t->yielded = 1;
    t->yield_stamp = now.writes;
    t->pending = PENDING_NONE;
    t->pending_address = 0;
    let_others_go();
}

/* ---- coroutines ---- */

static void thread_body(void) {
    volatile int self_number = now.current;
    if (_setjmp(base[self_number]) == 0) {
        swapcontext(&thread_start[self_number], &driver_start);
    }
    int i = now.current;
    thread *t = &now.threads[i];
    (void)t->run(t->argument);
    t->now.at[i]++;
    t->alive = 0;
    t->pending = PENDING_END;
    now.writes++;
    now.current = select_thread();
    _longjmp(context[now.current], 1);
}

static void make_coroutines(void) {
    for (int i = 0; i < EXPLORE_THREADS; i++) {
        now.current = i;
        getcontext(&thread_start[i]);
        thread_start[i].uc_stack.ss_sp = arena + HEAP + (size_t)i * STACK;
        thread_start[i].uc_stack.ss_size = STACK;
        thread_start[i].uc_link = 0;
        makecontext(&thread_start[i], thread_body, 0);
        swapcontext(&driver_start, &thread_start[i]);
    }
}

static void start_thread(int i) {
    thread *t = &now.threads[i];
    t->alive = 1;
    t->pending = PENDING_NONE;
    t->start_pending = 1;
    t->clock = 0;
    memcpy(context[i], base[i], sizeof context[i]);
}

#endif
