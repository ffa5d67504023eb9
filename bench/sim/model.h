/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* A discrete-event model of the scheduler: P workers, each with its own clock. The worker whose clock is behind makes the next step; a
   step is one fork, leaf, pop or look for work, and costs what the calibration measured. See README.md for what is left out. */
#ifndef PKN_BENCH_SIM_MODEL_H
#define PKN_BENCH_SIM_MODEL_H

#include <float.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "tree.h"

/* All times in ns. */
typedef struct sim_costs {
    double fork;       /* a fork and join that nobody takes, with the recursion around it */
    double expose;     /* the owner's long way of a push that was asked for work */
    double take_back;  /* the owner's long way of a pop */
    double steal;      /* from public to the first instruction of the stolen side, thief spinning */
    double done;       /* from the end of the stolen side to the owner that waits for it */
    double poll, look; /* a round without success: for itself, and for each other member */
    double line;       /* a word from one core to another */
    double barrier;    /* membarrier */
    double wake;       /* from the wake of a sleeper to its first look */
    double wake_paid;  /* by who wakes it */
    double hand_over;  /* from the call of a loop to a helper's first item */
    double report;     /* from a helper's last item to the end of the call */
    double claim;      /* of a piece of a slice */
} sim_costs;

/* The scheduler's own constants, as in src/pool. */
#define SIM_SPIN_NS 50000.0
#define SIM_HIDDEN_NS 20000.0
#define SIM_POLLS_PER_REQUEST 64
#define SIM_CLAIM_NS 2500.0
#define SIM_UNIT_NS 100.0
#define SIM_TAKE_NS 2000.0
#define SIM_HANDOVER_NS 200.0

enum { SIM_MAX_P = 64, SIM_MAX_RECORDS = 4096, SIM_MAX_NESTED = 256 };

typedef struct sim_record {
    sim_task task;
    double done_at; /* when its owner can see that a thief has done it; DBL_MAX: not yet */
} sim_record;

/* What a worker runs: the root, or a stolen record, above the records of what waits below. */
typedef struct sim_frame {
    int base, victim, index;
} sim_frame;

enum { SIM_RUN, SIM_POP, SIM_LOOK, SIM_SLEEP };

typedef struct sim_worker {
    double now, asked_at, idle_since, hidden_at;
    double public_at; /* when split last moved up */
    int step, polls, victim;
    int top, split, end; /* of the record deque */
    int frames;
    sim_task task;
    sim_record record[SIM_MAX_RECORDS];
    sim_frame frame[SIM_MAX_NESTED];
} sim_worker;

typedef struct sim {
    const sim_costs *costs;
    double leaf_ns;
    int workers;
    int sleepers;
    uint64_t leaves, steals, hidden_steals, wakes;
    double work_ns;
    sim_worker *worker;
} sim;

static void sim_wake(sim *s, sim_worker *by, sim_worker *sleeper) {
    by->now += s->costs->wake_paid;
    sleeper->now = by->now + s->costs->wake;
    sleeper->step = SIM_LOOK;
    sleeper->polls = 0;
    sleeper->idle_since = sleeper->now;
    sleeper->hidden_at = sleeper->now; /* who was woken need not ask first */
    s->sleepers--;
    s->wakes++;
}

static void sim_wake_some(sim *s, sim_worker *by, int count) {
    for (int i = 0; i < s->workers && count > 0 && s->sleepers > 0; i++) {
        if (s->worker[i].step == SIM_SLEEP) {
            sim_wake(s, by, &s->worker[i]);
            count--;
        }
    }
}

static void sim_run(sim *s, sim_worker *w) {
    if (w->task.n == 1) {
        double ns = s->leaf_ns * sim_leaf_factor(&w->task);
        w->now += ns;
        s->work_ns += ns;
        s->leaves++;
        w->step = SIM_POP;
        return;
    }
    sim_record *record = &w->record[w->end++];
    record->done_at = DBL_MAX;
    sim_task whole = w->task;
    sim_split(&whole, &w->task, &record->task);
    w->now += s->costs->fork;
    if (w->asked_at <= w->now) {
        int others = s->workers - 1, split = w->split;
        w->asked_at = DBL_MAX;
        w->split = w->end - split < others ? w->end : split + others;
        w->now += s->costs->expose;
        w->public_at = w->now;
        sim_wake_some(s, w, w->split - split);
    }
}

static void sim_idle(sim_worker *w) {
    w->step = SIM_LOOK;
    w->polls = 0;
    w->idle_since = w->now;
    w->hidden_at = w->now + SIM_HIDDEN_NS;
}

/* 1 where the whole tree is done. */
static int sim_pop(sim *s, sim_worker *w) {
    const sim_frame *frame = &w->frame[w->frames - 1];
    if (w->end == frame->base) {
        w->frames--;
        if (frame->victim < 0) {
            return 1;
        }
        sim_worker *victim = &s->worker[frame->victim];
        victim->record[frame->index].done_at = w->now + s->costs->done;
        w->now += s->costs->line;
        if (victim->step == SIM_SLEEP && victim->frames != 0 && frame->index == victim->end - 1) {
            sim_wake(s, w, victim);
        }
        sim_idle(w);
        return 0;
    }
    int index = w->end - 1;
    if (index < w->top) {
        sim_idle(w); /* stolen: works until the thief has done it */
        return 0;
    }
    if (index < w->split) {
        w->split = w->top + (index - w->top) / 2;
        w->now += s->costs->take_back;
        if (w->top == w->split && s->sleepers != 0) {
            w->asked_at = w->now;
        }
    }
    w->end--;
    w->task = w->record[index].task;
    w->step = SIM_RUN;
    return 0;
}

static void sim_steal(sim *s, sim_worker *w, int from) {
    sim_worker *victim = &s->worker[from];
    sim_frame frame = {w->end, from, victim->top};
    w->frame[w->frames++] = frame;
    w->task = victim->record[victim->top++].task;
    w->victim = from;
    w->now = (w->now > victim->public_at ? w->now : victim->public_at) + s->costs->steal;
    w->step = SIM_RUN;
    s->steals++;
    if (s->sleepers != 0 && victim->end > victim->top) {
        victim->asked_at = w->now;
        sim_wake_some(s, w, victim->end - victim->top > 1 ? 2 : 1);
    }
}

static void sim_look(sim *s, sim_worker *w) {
    int self = (int)(w - s->worker);
    if (w->frames != 0 && w->record[w->end - 1].done_at <= w->now) {
        w->end--;
        w->top = w->split = w->end;
        w->step = SIM_POP;
        return;
    }
    int from = w->victim;
    for (int i = 0; i < s->workers; i++, from = from + 1 < s->workers ? from + 1 : 0) {
        if (from != self && s->worker[from].top < s->worker[from].split) {
            sim_steal(s, w, from);
            return;
        }
    }
    for (int i = 0; i < s->workers && w->now >= w->hidden_at; i++) {
        sim_worker *victim = &s->worker[i];
        if (i != self && victim->end > victim->split) {
            w->now += s->costs->barrier;
            victim->split++;
            s->hidden_steals++;
            sim_steal(s, w, i);
            return;
        }
    }
    if (w->polls++ % SIM_POLLS_PER_REQUEST == 0) {
        for (int i = 0; i < s->workers; i++) {
            double seen = w->now + s->costs->line;
            if (i != self && s->worker[i].asked_at > seen) {
                s->worker[i].asked_at = seen;
            }
        }
    }
    int soon_over = w->frames != 0 && w->record[w->end - 1].done_at < DBL_MAX;
    if (w->now - w->idle_since >= SIM_SPIN_NS && !soon_over) {
        w->step = SIM_SLEEP;
        s->sleepers++;
        return;
    }
    w->now += s->costs->poll + s->costs->look * (double)(s->workers - 1);
}

/* The time from the call to its end. The other workers spin when it begins. */
static double sim_tree_ns(sim *s, const sim_costs *costs, int workers, const sim_task *root,
                          double leaf_ns) {
    memset(s, 0, sizeof *s);
    s->costs = costs;
    s->leaf_ns = leaf_ns;
    s->workers = workers;
    s->worker = (sim_worker *)calloc((size_t)workers, sizeof *s->worker);
    for (int i = 0; i < workers; i++) {
        s->worker[i].asked_at = workers > 1 ? 0 : DBL_MAX;
        sim_idle(&s->worker[i]);
    }
    sim_worker *first = &s->worker[0];
    sim_frame frame = {0, -1, 0};
    first->frame[first->frames++] = frame;
    first->task = *root;
    first->step = SIM_RUN;
    double end = 0;
    for (int over = 0; !over;) {
        sim_worker *w = first;
        double soonest = DBL_MAX;
        for (int i = 0; i < workers; i++) {
            if (s->worker[i].step != SIM_SLEEP && s->worker[i].now < soonest) {
                w = &s->worker[i];
                soonest = w->now;
            }
        }
        switch (w->step) {
        case SIM_RUN:
            sim_run(s, w);
            break;
        case SIM_POP:
            over = sim_pop(s, w);
            break;
        default:
            sim_look(s, w);
        }
        end = w->now;
    }
    free(s->worker);
    return end;
}

/* ---- loops: n items of item_ns, helpers spinning, cost known ---- */

typedef struct sim_slice {
    double now, until_take;
    uint32_t next, end;
    int came, over;
} sim_slice;

static double sim_loop_ns(const sim_costs *costs, int threads, size_t n, double item_ns) {
    sim_slice slice[SIM_MAX_P];
    size_t unit = item_ns < SIM_UNIT_NS ? (size_t)(SIM_UNIT_NS / item_ns) : 1;
    unit = unit < (n + 65534) / 65535 ? (n + 65534) / 65535 : unit;
    uint32_t units = (uint32_t)((n + unit - 1) / unit);
    double unit_ns = item_ns * (double)unit;
    uint32_t grain = unit_ns < SIM_CLAIM_NS ? (uint32_t)(SIM_CLAIM_NS / unit_ns) : 1;
    double share = ((double)units + (threads - 1) * SIM_HANDOVER_NS / unit_ns) / threads;
    uint32_t own = (uint32_t)(share + 0.999) < units ? (uint32_t)(share + 0.999) : units;
    double end = 0;
    if (threads == 1) {
        return item_ns * (double)n;
    }
    for (int i = 0; i < threads; i++) {
        uint32_t rest = units - own, helpers = (uint32_t)threads - 1,
                 k = (uint32_t)(i > 0 ? i - 1 : 0);
        memset(&slice[i], 0, sizeof slice[i]);
        slice[i].next = i == 0 ? 0 : own + rest * k / helpers;
        slice[i].end = i == 0 ? own : own + rest * (k + 1) / helpers;
        /* the board's line goes from one helper to the next */
        slice[i].now = i == 0 ? 0 : costs->hand_over + costs->line * (double)k;
        slice[i].came = i == 0;
    }
    for (;;) {
        int at = -1;
        for (int i = 0; i < threads; i++) {
            if (!slice[i].over && (at < 0 || slice[i].now < slice[at].now)) {
                at = i;
            }
        }
        if (at < 0) {
            break;
        }
        sim_slice *w = &slice[at];
        w->came = 1;
        if (w->next == w->end) {
            /* half of what another has left: of who has not come at once, else after 2 us and where it is worth it */
            int from = -1, wait = 0;
            for (int i = 1; i < threads && from < 0; i++) {
                int other = (at + i) % threads;
                double left = (double)(slice[other].end - slice[other].next) * unit_ns;
                if (left > 0 &&
                    (!slice[other].came ||
                     (w->until_take > 0 && w->now >= w->until_take && left >= SIM_TAKE_NS))) {
                    from = other;
                }
                wait |= left >= SIM_TAKE_NS;
            }
            if (from >= 0) {
                uint32_t middle = slice[from].next + (slice[from].end - slice[from].next) / 2;
                w->next = middle;
                w->end = slice[from].end;
                slice[from].end = middle;
                w->now += costs->claim + costs->line;
                w->until_take = 0;
            } else if (wait) {
                w->until_take = w->until_take > 0 && w->now < w->until_take ? w->until_take
                                                                            : w->now + SIM_TAKE_NS;
                w->now = w->until_take;
                continue;
            } else {
                w->over = 1;
                double done = w->now + (at == 0 ? 0 : costs->report);
                end = done > end ? done : end;
                continue;
            }
        }
        uint32_t left = w->end - w->next, size = (left + 7) / 8;
        size = size < grain ? grain : size;
        size = left < size + grain / 2 ? left : size;
        double items = (double)size * unit_ns;
        if (w->next + size == units) {
            items -= (double)(units * unit - n) * item_ns;
        }
        w->now += costs->claim + items;
        w->next += size;
    }
    /* the owner has looked at every participant's word; these loads overlap */
    return end + (threads > 2 ? costs->line : 0);
}

#endif
