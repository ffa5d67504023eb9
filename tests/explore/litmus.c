/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* Litmus tests: what C11 allows the explorer must show, what C11 forbids it must not. An outcome is the number whose bits are
   r[0], r[1], ... Names as in the literature: SB store buffering, MP message passing, IRIW independent reads of independent
   writes, RWC read-to-write causality, WRC write-to-read causality, ISA2 MP over a third thread, Co coherence. */
#include "explore.h"

#include "base/futex.h"

enum { X, Y, Z };
#define RLX __ATOMIC_RELAXED
#define ACQ __ATOMIC_ACQUIRE
#define REL __ATOMIC_RELEASE
#define AR __ATOMIC_ACQ_REL
#define SC __ATOMIC_SEQ_CST

typedef struct litmus {
    struct {
        uint64_t value __attribute__((aligned(64)));
    } at[3];
    uint64_t plain __attribute__((aligned(64)));
    struct {
        uint64_t value __attribute__((aligned(64)));
    } r[6];
} litmus;

static litmus *m;

static void fresh(void) {
    m = (litmus *)explore_new(sizeof *m);
    explore_name(&m->at[X], "x");
    explore_name(&m->at[Y], "y");
    explore_name(&m->at[Z], "z");
    explore_name(&m->plain, "plain");
}

static void outcome(void) {
    uint64_t number = 0;
    for (int i = 0; i < 6; i++) {
        number |= (m->r[i].value & 1u) << i;
    }
    explore_outcome((int)number);
}

/* of values 0 to 3 in r[0], r[1], r[2] */
static void outcome_of_pairs(void) {
    explore_outcome((int)(m->r[0].value | m->r[1].value << 2 | m->r[2].value << 4));
}

#define LOAD(place, order) explore_load(&m->at[place].value, 8, order)
#define STORE(place, x, order) explore_store(&m->at[place].value, 8, x, order)
#define ADD(place, x, order) explore_rmw(&m->at[place].value, 8, EXPLORE_ADD, x, order)
#define THREAD(name, ...) \
    static void name(void) { \
        __VA_ARGS__; \
    }
#define R(i) m->r[i].value

THREAD(x_y_rlx, STORE(X, 1, RLX); R(0) = LOAD(Y, RLX))
THREAD(y_x_rlx, STORE(Y, 1, RLX); R(1) = LOAD(X, RLX))
THREAD(x_y_rel, STORE(X, 1, REL); R(0) = LOAD(Y, ACQ))
THREAD(y_x_rel, STORE(Y, 1, REL); R(1) = LOAD(X, ACQ))
THREAD(x_y_fence, STORE(X, 1, RLX); explore_fence(SC); R(0) = LOAD(Y, RLX))
THREAD(y_x_fence, STORE(Y, 1, RLX); explore_fence(SC); R(1) = LOAD(X, RLX))
THREAD(y_x_acqrel_fence, STORE(Y, 1, RLX); explore_fence(AR); R(1) = LOAD(X, RLX))
THREAD(x_y_rmw, (void)ADD(X, 1, AR); R(0) = LOAD(Y, ACQ))
THREAD(y_x_rmw, (void)ADD(Y, 1, AR); R(1) = LOAD(X, ACQ))
THREAD(x_y_rmws, (void)ADD(X, 1, AR); R(0) = ADD(Y, 0, AR))
THREAD(y_x_rmws, (void)ADD(Y, 1, AR); R(1) = ADD(X, 0, AR))

THREAD(mp_w_rlx, STORE(X, 1, RLX); STORE(Y, 1, RLX))
THREAD(mp_w_rel, STORE(X, 1, RLX); STORE(Y, 1, REL))
THREAD(mp_w_fence, STORE(X, 1, RLX); explore_fence(REL); STORE(Y, 1, RLX))
THREAD(mp_w_early_fence, explore_fence(REL); STORE(X, 1, RLX); STORE(Y, 1, RLX))
THREAD(mp_w_rmw, STORE(X, 1, RLX); (void)ADD(Y, 1, REL))
THREAD(mp_w_rmw_rlx, STORE(X, 1, RLX); (void)ADD(Y, 1, RLX))
THREAD(mp_r_rlx, R(0) = LOAD(Y, RLX); R(1) = LOAD(X, RLX))
THREAD(mp_r_acq, R(0) = LOAD(Y, ACQ); R(1) = LOAD(X, RLX))
THREAD(mp_r_fence, R(0) = LOAD(Y, RLX); explore_fence(ACQ); R(1) = LOAD(X, RLX))
THREAD(mp_r_late_fence, R(0) = LOAD(Y, RLX); R(1) = LOAD(X, RLX); explore_fence(ACQ))
THREAD(mp_w_fence_sc, STORE(X, 1, RLX); explore_fence(SC); STORE(Y, 1, RLX))
THREAD(mp_r_fence_sc, R(0) = LOAD(Y, RLX); explore_fence(SC); R(1) = LOAD(X, RLX))

THREAD(one_x, STORE(X, 1, RLX))
THREAD(one_y, STORE(Y, 1, RLX))
THREAD(one_x_rel, STORE(X, 1, REL))
THREAD(one_y_rel, STORE(Y, 1, REL))
THREAD(iriw_xy_rlx, R(0) = LOAD(X, RLX); R(1) = LOAD(Y, RLX))
THREAD(iriw_yx_rlx, R(2) = LOAD(Y, RLX); R(3) = LOAD(X, RLX))
THREAD(iriw_xy_acq, R(0) = LOAD(X, ACQ); R(1) = LOAD(Y, ACQ))
THREAD(iriw_yx_acq, R(2) = LOAD(Y, ACQ); R(3) = LOAD(X, ACQ))
THREAD(iriw_xy_fence, R(0) = LOAD(X, RLX); explore_fence(SC); R(1) = LOAD(Y, RLX))
THREAD(iriw_yx_fence, R(2) = LOAD(Y, RLX); explore_fence(SC); R(3) = LOAD(X, RLX))

THREAD(corr_r, R(0) = LOAD(X, RLX); R(1) = LOAD(X, RLX))
THREAD(corr_r2, R(2) = LOAD(X, RLX); R(3) = LOAD(X, RLX))
THREAD(cowr, STORE(X, 1, RLX); R(0) = LOAD(X, RLX))
THREAD(two_x, STORE(X, 2, RLX))
THREAD(one_x_again, STORE(X, 1, RLX); R(1) = LOAD(X, RLX))
THREAD(one_two_x, STORE(X, 1, RLX); STORE(X, 2, RLX))
THREAD(two_looks, R(0) = LOAD(X, RLX); R(1) = LOAD(X, RLX))

THREAD(wrc_middle_rlx, R(0) = LOAD(X, RLX); STORE(Y, 1, RLX))
THREAD(wrc_middle_rel, R(0) = LOAD(X, RLX); STORE(Y, 1, REL))
THREAD(wrc_middle_acq_rel, R(0) = LOAD(X, ACQ); STORE(Y, 1, REL))
THREAD(wrc_end_acq, R(1) = LOAD(Y, ACQ); R(2) = LOAD(X, RLX))
THREAD(wrc_end_rlx, R(1) = LOAD(Y, RLX); R(2) = LOAD(X, RLX))

THREAD(isa2_middle, R(0) = LOAD(Y, ACQ); STORE(Z, 1, REL))
THREAD(isa2_middle_rlx, R(0) = LOAD(Y, RLX); STORE(Z, 1, REL))
THREAD(isa2_end, R(1) = LOAD(Z, ACQ); R(2) = LOAD(X, RLX))

THREAD(rwc_middle, R(0) = LOAD(X, RLX); R(1) = LOAD(Y, RLX))
THREAD(rwc_middle_fence, R(0) = LOAD(X, RLX); explore_fence(SC); R(1) = LOAD(Y, RLX))
THREAD(rwc_middle_acq, R(0) = LOAD(X, ACQ); R(1) = LOAD(Y, RLX))
THREAD(rwc_end, STORE(Y, 1, RLX); R(2) = LOAD(X, RLX))
THREAD(rwc_end_fence, STORE(Y, 1, RLX); explore_fence(SC); R(2) = LOAD(X, RLX))

THREAD(chain_rmw, (void)ADD(Y, 1, RLX))
THREAD(chain_store, STORE(Y, 2, RLX))
THREAD(chain_end, uint64_t y = LOAD(Y, ACQ); R(0) = y == 2; R(1) = LOAD(X, RLX))
THREAD(own_later_store, STORE(X, 1, RLX); STORE(Y, 1, REL); STORE(Y, 2, RLX))

THREAD(add_r0, R(0) = ADD(X, 1, RLX))
THREAD(add_r1, R(1) = ADD(X, 1, RLX))
THREAD(add_r2, R(2) = ADD(X, 1, RLX))
THREAD(cas_1, uint64_t zero = 0; R(0) = (uint64_t)explore_cas(&m->at[X].value, 8, &zero, 1, RLX, RLX))
THREAD(cas_2, uint64_t zero = 0; R(1) = (uint64_t)explore_cas(&m->at[X].value, 8, &zero, 1, RLX, RLX))
THREAD(cas_reads, STORE(Y, 1, RLX); uint64_t five = 5;
       (void)explore_cas(&m->at[X].value, 8, &five, 1, AR, ACQ); R(0) = five == 1; R(1) = LOAD(Y, RLX))
THREAD(cas_old, uint64_t five = 5; (void)explore_cas(&m->at[X].value, 8, &five, 7, AR, RLX); R(0) = five;
       R(1) = LOAD(X, RLX))

THREAD(lb_xy, R(0) = LOAD(X, RLX); STORE(Y, 1, RLX))
THREAD(lb_yx, R(1) = LOAD(Y, RLX); STORE(X, 1, RLX))
THREAD(w2_xy, STORE(X, 1, RLX); STORE(Y, 2, RLX))
THREAD(w2_yx, STORE(Y, 1, RLX); STORE(X, 2, RLX))
static void w2_check(void) {
    explore_outcome((int)(explore_load(&m->at[X].value, 8, RLX) | explore_load(&m->at[Y].value, 8, RLX) << 2));
}
THREAD(s_write, STORE(X, 2, RLX); STORE(Y, 1, REL))
THREAD(s_read, R(0) = LOAD(Y, ACQ); STORE(X, 1, RLX))
static void s_check(void) {
    explore_outcome((int)(m->r[0].value | (explore_load(&m->at[X].value, 8, RLX) & 3u) << 1));
}

THREAD(plain_w, explore_plain_write(&m->plain, 8); STORE(Y, 1, REL))
THREAD(plain_w_rlx, explore_plain_write(&m->plain, 8); STORE(Y, 1, RLX))
THREAD(plain_r, if (LOAD(Y, ACQ) == 1) { explore_plain_read(&m->plain, 8); R(0) = 1; })
THREAD(plain_wait, while (LOAD(Y, ACQ) == 0) { explore_relax(); } explore_plain_read(&m->plain, 8))
THREAD(plain_late, if (LOAD(Y, ACQ) == 1) { explore_plain_write(&m->plain, 8); })
THREAD(plain_late_r, STORE(Y, 1, REL); explore_plain_read(&m->plain, 8))

THREAD(wait_forever, while (LOAD(Y, RLX) == 0) { explore_relax(); })
THREAD(wait_x_then_y, while (LOAD(X, RLX) == 0) { explore_relax(); } STORE(Y, 1, RLX))

#define BIT(n) (UINT64_C(1) << (n))
#define PAIRS(a, b) BIT((a) | (b) << 2)
#define ALL_OF(n) (BIT(n) - 1u)

static const explore_scenario table[] = {
    {"SB relaxed: 0,0 seen", fresh, {x_y_rlx, y_x_rlx}, outcome, 0, 0, 0, 0, 0, ALL_OF(4), 0},
    {"SB release acquire: 0,0 seen", fresh, {x_y_rel, y_x_rel}, outcome, 0, 0, 0, 0, 0, ALL_OF(4), 0},
    {"SB both fences: no 0,0", fresh, {x_y_fence, y_x_fence}, outcome, 0, 0, 0, 0, 0, BIT(1) | BIT(2) | BIT(3), BIT(0)},
    {"SB one fence: 0,0 seen", fresh, {x_y_fence, y_x_rlx}, outcome, 0, 0, 0, 0, 0, ALL_OF(4), 0},
    {"SB fence and acq_rel fence: 0,0 seen", fresh, {x_y_fence, y_x_acqrel_fence}, outcome, 0, 0, 0, 0, 0, ALL_OF(4), 0},
    {"SB read-modify-write then load: 0,0 seen", fresh, {x_y_rmw, y_x_rmw}, outcome, 0, 0, 0, 0, 0, ALL_OF(4), 0},
    {"SB read-modify-writes only: no 0,0", fresh, {x_y_rmws, y_x_rmws}, outcome, 0, 0, 0, 0, 0, BIT(1) | BIT(2) | BIT(3), BIT(0)},
    {"MP relaxed: 1,0 seen", fresh, {mp_w_rlx, mp_r_rlx}, outcome, 0, 0, 0, 0, 0, ALL_OF(4), 0},
    {"MP release acquire: no 1,0", fresh, {mp_w_rel, mp_r_acq}, outcome, 0, 0, 0, 0, 0, BIT(0) | BIT(2) | BIT(3), BIT(1)},
    {"MP release relaxed: 1,0 seen", fresh, {mp_w_rel, mp_r_rlx}, outcome, 0, 0, 0, 0, 0, ALL_OF(4), 0},
    {"MP relaxed acquire: 1,0 seen", fresh, {mp_w_rlx, mp_r_acq}, outcome, 0, 0, 0, 0, 0, ALL_OF(4), 0},
    {"MP release fence, acquire fence: no 1,0", fresh, {mp_w_fence, mp_r_fence}, outcome, 0, 0, 0, 0, 0, BIT(0) | BIT(2) | BIT(3), BIT(1)},
    {"MP release fence, acquire load: no 1,0", fresh, {mp_w_fence, mp_r_acq}, outcome, 0, 0, 0, 0, 0, BIT(0) | BIT(2) | BIT(3), BIT(1)},
    {"MP release store, acquire fence: no 1,0", fresh, {mp_w_rel, mp_r_fence}, outcome, 0, 0, 0, 0, 0, BIT(0) | BIT(2) | BIT(3), BIT(1)},
    {"MP release fence too early: 1,0 seen", fresh, {mp_w_early_fence, mp_r_acq}, outcome, 0, 0, 0, 0, 0, ALL_OF(4), 0},
    {"MP acquire fence too late: 1,0 seen", fresh, {mp_w_rel, mp_r_late_fence}, outcome, 0, 0, 0, 0, 0, ALL_OF(4), 0},
    {"MP seq_cst fences: no 1,0", fresh, {mp_w_fence_sc, mp_r_fence_sc}, outcome, 0, 0, 0, 0, 0, BIT(0) | BIT(2) | BIT(3), BIT(1)},
    {"MP by release read-modify-write: no 1,0", fresh, {mp_w_rmw, mp_r_acq}, outcome, 0, 0, 0, 0, 0, BIT(0) | BIT(2) | BIT(3), BIT(1)},
    {"MP by relaxed read-modify-write: 1,0 seen", fresh, {mp_w_rmw_rlx, mp_r_acq}, outcome, 0, 0, 0, 0, 0, ALL_OF(4), 0},
    {"IRIW relaxed: 1,0,1,0 seen", fresh, {one_x, one_y, iriw_xy_rlx, iriw_yx_rlx}, outcome, 0, 0, 0, 0, 0, ALL_OF(16), 0},
    {"IRIW release acquire: 1,0,1,0 seen", fresh, {one_x_rel, one_y_rel, iriw_xy_acq, iriw_yx_acq}, outcome, 0, 0, 0, 0, 0, ALL_OF(16), 0},
    {"IRIW fences: no 1,0,1,0", fresh, {one_x, one_y, iriw_xy_fence, iriw_yx_fence}, outcome, 0, 0, 0, 0, 0, ALL_OF(16) & ~BIT(5), BIT(5)},
    {"IRIW one fence: 1,0,1,0 seen", fresh, {one_x, one_y, iriw_xy_fence, iriw_yx_rlx}, outcome, 0, 0, 0, 0, 0, ALL_OF(16), 0},
    {"CoRR: a value is not unread", fresh, {one_x, corr_r, corr_r2}, outcome, 0, 0, 0, 0, 0,
     BIT(0) | BIT(2) | BIT(3) | BIT(8) | BIT(10) | BIT(11) | BIT(12) | BIT(14) | BIT(15), BIT(1) | BIT(4) | BIT(5)},
    {"CoWR: own store or later", fresh, {cowr, two_x}, outcome_of_pairs, 0, 0, 0, 0, 0, PAIRS(1, 0) | PAIRS(2, 0), PAIRS(0, 0)},
    {"CoWW and CoRR: stores are seen in their order", fresh, {one_two_x, two_looks}, outcome_of_pairs, 0, 0, 0, 0, 0,
     PAIRS(0, 0) | PAIRS(0, 1) | PAIRS(0, 2) | PAIRS(1, 1) | PAIRS(1, 2) | PAIRS(2, 2), PAIRS(1, 0) | PAIRS(2, 0) | PAIRS(2, 1)},
    {"CoRW: two writers agree on an order", fresh, {cowr, one_x_again, two_x}, outcome_of_pairs, 0, 0, 0, 0, 0,
     PAIRS(1, 1) | PAIRS(2, 1) | PAIRS(1, 2) | PAIRS(2, 2), PAIRS(0, 0) | PAIRS(1, 0) | PAIRS(0, 1)},
    {"WRC relaxed: 1,1,0 seen", fresh, {one_x, wrc_middle_rlx, wrc_end_rlx}, outcome, 0, 0, 0, 0, 0, ALL_OF(8), 0},
    {"WRC relaxed first read: 1,1,0 seen", fresh, {one_x, wrc_middle_rel, wrc_end_acq}, outcome, 0, 0, 0, 0, 0, BIT(0) | BIT(7), 0},
    {"WRC release acquire: no 1,1,0", fresh, {one_x_rel, wrc_middle_acq_rel, wrc_end_acq}, outcome, 0, 0, 0, 0, 0, BIT(7), BIT(3)},
    {"WRC one relaxed end: 1,1,0 seen", fresh, {one_x_rel, wrc_middle_acq_rel, wrc_end_rlx}, outcome, 0, 0, 0, 0, 0, ALL_OF(8), 0},
    {"ISA2 release acquire: no 1,1,0", fresh, {mp_w_rel, isa2_middle, isa2_end}, outcome, 0, 0, 0, 0, 0, BIT(7) | BIT(2) | BIT(6), BIT(3)},
    {"ISA2 one relaxed: 1,1,0 seen", fresh, {mp_w_rel, isa2_middle_rlx, isa2_end}, outcome, 0, 0, 0, 0, 0, BIT(3) | BIT(7), 0},
    {"RWC relaxed: 1,0,0 seen", fresh, {one_x, rwc_middle, rwc_end}, outcome, 0, 0, 0, 0, 0, ALL_OF(8), 0},
    {"RWC acquire and one fence: 1,0,0 seen", fresh, {one_x_rel, rwc_middle_acq, rwc_end_fence}, outcome, 0, 0, 0, 0, 0, ALL_OF(8), 0},
    {"RWC fences: no 1,0,0", fresh, {one_x, rwc_middle_fence, rwc_end_fence}, outcome, 0, 0, 0, 0, 0, ALL_OF(8) & ~BIT(1), BIT(1)},
    {"release sequence: a relaxed RMW carries it on", fresh, {mp_w_rel, chain_rmw, chain_end}, outcome, 0, 0, 0, 0, 0, BIT(3) | BIT(2), BIT(1)},
    {"release sequence: another's store ends it", fresh, {mp_w_rel, chain_store, chain_end}, outcome, 0, 0, 0, 0, 0, BIT(1) | BIT(3), 0},
    {"release sequence: one's own relaxed store ends it", fresh, {own_later_store, chain_end}, outcome, 0, 0, 0, 0, 0, BIT(1) | BIT(3), 0},
    {"RMW: three additions, each value once", fresh, {add_r0, add_r1, add_r2}, outcome_of_pairs, 0, 0, 0, 0, 0,
     BIT(0 | 1 << 2 | 2 << 4) | BIT(2 | 1 << 2 | 0 << 4) | BIT(1 | 2 << 2 | 0 << 4) | BIT(1 | 0 << 2 | 2 << 4) | BIT(0 | 2 << 2 | 1 << 4) |
         BIT(2 | 0 << 2 | 1 << 4),
     BIT(0) | PAIRS(1, 1) | PAIRS(0, 1) | PAIRS(1, 0)},
    {"CAS: one of two wins", fresh, {cas_1, cas_2}, outcome, 0, 0, 0, 0, 0, BIT(1) | BIT(2), BIT(0) | BIT(3)},
    {"CAS: a failure may read an old value", fresh, {one_two_x, cas_old}, outcome_of_pairs, 0, 0, 0, 0, 0,
     PAIRS(0, 0) | PAIRS(0, 1) | PAIRS(0, 2) | PAIRS(1, 1) | PAIRS(1, 2) | PAIRS(2, 2), PAIRS(1, 0) | PAIRS(2, 1) | PAIRS(2, 0)},
    {"CAS: an acquiring failure synchronises", fresh, {mp_w_rel, cas_reads}, outcome, 0, 0, 0, 0, 0, BIT(2), BIT(0) | BIT(1)},
    {"S release acquire: no 1 and x = 2 last", fresh, {s_write, s_read}, s_check, 0, 0, 0, 0, 0, BIT(1 | 1 << 1), BIT(1 | 2 << 1)},
    {"LB relaxed: 1,1 is out of the model", fresh, {lb_xy, lb_yx}, outcome, 0, 0, 0, 0, 0, BIT(0) | BIT(1) | BIT(2), BIT(3)},
    {"2+2W relaxed: 1,1 is out of the model", fresh, {w2_xy, w2_yx}, w2_check, 0, 0, 0, 0, 0,
     BIT(1 | 2 << 2) | BIT(2 | 1 << 2) | BIT(2 | 2 << 2), BIT(1 | 1 << 2)},
    {"plain data by release acquire: no race", fresh, {plain_w, plain_r}, outcome, 0, 0, 0, 0, 0, BIT(0) | BIT(1), 0},
    {"plain data by a waiting loop: no race", fresh, {plain_w, plain_wait}, outcome, 0, 0, 0, 0, 0, BIT(0), 0},
    {"plain data by a relaxed store: race", fresh, {plain_w_rlx, plain_r}, outcome, 0, 0, 0, 0, "race", 0, 0},
    {"plain data read after it was given away: race", fresh, {plain_late_r, plain_late}, outcome, 0, 0, 0, 0, "race", 0, 0},
    {"a wait for nothing is seen", fresh, {wait_forever, one_x}, outcome, 0, 0, 0, 0, "livelock", 0, 0},
    {"waiting loops end", fresh, {wait_forever, wait_x_then_y, one_x}, outcome, 0, 0, 0, 0, 0, BIT(0), 0},
    {0, 0, {0}, 0, 0, 0, 0, 0, 0, 0, 0},
};
const explore_scenario *const explore_litmus = table;
