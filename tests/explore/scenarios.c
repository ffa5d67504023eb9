/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* The table of scenarios on the library's real code. */
#include "deques.h"
#include "sleepers.h"
#include "loops.h"
#include "pools.h"

static const explore_scenario table[] = {
    /* the spawn deque */
    {"spawn: push and pop, a thief", spawn_setup, {spawn_push_pop, steal_once}, spawn_check1, 0, 0, 0, 0, 0, 0, 0},
    {"spawn: the last job, two thieves", spawn_setup_one, {spawn_pop_all, steal_once, steal_once}, spawn_check1, 0, 0, 0, 0, 0, 0, 0},
    {"spawn: two jobs, a thief takes twice", spawn_setup, {spawn_push2_pop2, steal_twice}, spawn_check2, 0, 0, 0, 0, 0, 0, 0},
    {"spawn: two jobs, two thieves", spawn_setup_two, {spawn_pop_all, steal_once, steal_once}, spawn_check2, 0, 0, 0, 0, 0, 0, 0},
    {"spawn: pushed, popped, pushed again, a thief", spawn_setup, {spawn_push_pop_push_pop, steal_once}, spawn_check2, 0, 0, 0, 0, 0, 0, 0},
    {"spawn: growth beside a thief", spawn_setup, {spawn_push3_pop3, steal_once}, spawn_check3, 0, 0, 0, 0, 0, 0, 0},
    {"spawn: growth of a full ring, two thieves", spawn_setup_two, {spawn_push_only, steal_once, steal_once}, spawn_check4, 0, 0, 0, 0, 0, 0, 0},
    {"spawn: growth without memory", spawn_setup, {spawn_grow_without_memory, steal_once}, spawn_check3, 0, 0, 0, 0, 0, 0, 0},
    {"spawn: indices wrap around", spawn_setup_wrap, {spawn_push3_pop3, steal_once}, spawn_check3, 0, 0, 0, 0, 0, 0, 0},
    {"spawn: a look, then a theft", spawn_setup_one, {spawn_pop_all, peek_then_steal}, spawn_check1, 0, 0, 0, 0, 0, 0, 0},
    {"spawn: a thief of another root", spawn_setup_two, {spawn_pop_all, spawn_steal_by_root}, spawn_check2, 0, 0, 0, 0, 0, 0, 0},
    /* the join deque */
    {"join: one, a thief", join_setup, {join_once, thief_1}, check2, 0, 0, 0, 0, 0, 0, 0},
    {"join: two nested, a thief takes twice", join_setup, {join_nested2, thief_1_twice}, check3, EXPLORE_BOUNDED, 3, 2, 0, 0, 0, 0},
    {"join: three nested, a new segment, a thief", join_setup, {join_nested3, thief_1}, check4, EXPLORE_BOUNDED, 3, 2, 0, 0, 0, 0},
    {"join: two nested, two thieves", join_setup_4, {join_nested2, other_thief, thief_of_4}, check3, EXPLORE_BOUNDED, 2, 1, 0, 0, 0, 0},
    {"join: a record used twice, a thief", join_setup, {join_twice, thief_1}, check4, EXPLORE_BOUNDED, 3, 2, 0, 0, 0, 0},
    {"join: a look, then a theft", join_setup, {join_once, thief_2}, check2, 0, 0, 0, 0, 0, 0, 0},
    {"join: all made public, half taken back", join_setup_quiet, {join_expose_all, thief_1_twice}, check3, EXPLORE_BOUNDED, 3, 2, 0, 0, 0, 0},
    {"join: a thief asks", join_setup_quiet, {join_nested2, join_asks}, check3, EXPLORE_BOUNDED, 3, 2, 0, 0, 0, 0},
    /* sleeping and waking */
    {"sleep: an injected job wakes", setup_1_worker, {wake_by_injector, worker_0}, check_sleepers, EXPLORE_BOUNDED, 2, 1, 0, 0, 0, 0},
    {"sleep: two injected jobs, two workers", setup_2_workers, {wake_by_two_injected, worker_0, worker_1}, check_sleepers, EXPLORE_BOUNDED, 2, 1, 0, 0, 0, 0},
    {"sleep: a join wakes", setup_1_worker, {wake_by_join, worker_0}, check_sleepers, EXPLORE_BOUNDED, 2, 1, 0, 0, 0, 0},
    {"sleep: a scope's task wakes", setup_1_worker, {wake_by_scope, worker_0}, check_sleepers, EXPLORE_BOUNDED, 2, 1, 0, 0, 0, 0},
    {"sleep: a broadcast wakes", setup_1_worker, {wake_by_broadcast, worker_0}, check_sleepers, EXPLORE_BOUNDED, 2, 1, 0, 0, 0, 0},
    {"sleep: a broadcast wakes two", setup_2_workers, {wake_by_broadcast, worker_0, worker_1}, check_sleepers, EXPLORE_BOUNDED, 2, 1, 0, 0, 0, 0},
    {"sleep: a loop wakes", setup_1_worker, {wake_by_loop, worker_0}, check_sleepers, EXPLORE_BOUNDED, 2, 1, 0, 0, 0, 0},
    {"sleep: a worker's spawn wakes another", setup_2_workers, {wake_by_worker, worker_0, worker_1}, check_sleepers, EXPLORE_BOUNDED, 2, 1, 0, 0, 0, 0},
    {"wait: a scope's owner sleeps", setup_1_worker, {wait_for_scope, worker_0}, check_sleepers, EXPLORE_BOUNDED, 2, 1, 0, 0, 0, 0},
    {"wait: the lowest failure of a scope", setup_1_worker, {wait_for_failures, worker_0}, check_sleepers, EXPLORE_BOUNDED, 2, 1, 0, 0, 0, 0},
    {"wait: a join's owner sleeps, twice", setup_1_worker, {wait_for_join, worker_0}, check_sleepers, EXPLORE_BOUNDED, 2, 1, 0, 0, 0, 0},
    {"wait: a loop's owner sleeps", setup_1_worker, {wait_for_loop, worker_0}, check_sleepers, EXPLORE_BOUNDED, 2, 1, 0, 0, 0, 0},
    {"end: an idle worker", setup_1_worker, {end_at_once, worker_0}, check_sleepers, EXPLORE_BOUNDED, 2, 1, 0, 0, 0, 0},
    {"end: two idle workers", setup_2_workers, {end_at_once, worker_0, worker_1}, check_sleepers, EXPLORE_BOUNDED, 2, 1, 0, 0, 0, 0},
    {"end: what was spawned is done before", setup_1_worker, {end_after_spawn, worker_0}, check_sleepers, EXPLORE_BOUNDED, 2, 1, 0, 0, 0, 0},
    {"end: a job broadcasts meanwhile", setup_2_workers, {end_beside_broadcast, worker_0, worker_1}, check_sleepers, EXPLORE_BOUNDED, 2, 1, 0, 0, 0, 0},
    /* loops, guests, whole pools */
    {"loop: two units, a helper", setup_loop_2, {own_loop_2, help_once}, 0, EXPLORE_BOUNDED, 2, 1, 0, 0, 0, 0},
    {"loop: four units, halves taken", setup_loop_2, {own_loop_4, help_once}, 0, EXPLORE_BOUNDED, 2, 1, 0, 0, 0, 0},
    {"loop: four units, two helpers", setup_loop_3, {own_loop_4, help_once, help_once_too}, 0, EXPLORE_BOUNDED, 2, 1, 0, 0, 0, 0},
    {"loop: a look, then help", setup_loop_2, {own_loop_2, peek_and_help}, 0, EXPLORE_BOUNDED, 2, 1, 0, 0, 0, 0},
    {"loop: two in a row, a late helper", setup_loop_2, {own_two_loops, help_twice}, 0, EXPLORE_BOUNDED, 2, 1, 0, 0, 0, 0},
    {"loop: the lowest failure", setup_loop_2, {own_failing_loop, help_once}, 0, EXPLORE_BOUNDED, 2, 1, 0, 0, 0, 0},
    {"loop: the lowest failure, two helpers", setup_loop_3, {own_failing_loop, help_once, help_once_too}, 0, EXPLORE_BOUNDED, 2, 1, 0, 0, 0, 0},
    {"loop: cancelled meanwhile", setup_loop_2, {own_cancelled_loop, help_once, cancel_it}, 0, EXPLORE_BOUNDED, 2, 1, 0, 0, 0, 0},
    {"loop: progress is serial", setup_loop_2, {own_loop_with_progress, help_once}, 0, EXPLORE_BOUNDED, 2, 1, 0, 0, 0, 0},
    {"loop: epochs wrap around", setup_epoch_wrap, {own_two_loops, help_twice}, 0, EXPLORE_BOUNDED, 2, 1, 0, 0, 0, 0},
    {"loop: old tags are refreshed", setup_epoch_refresh, {own_two_loops, help_twice}, 0, EXPLORE_BOUNDED, 2, 1, 0, 0, 0, 0},
    {"loop: inside a piece of a loop", setup_loop_2, {own_nested_loop, thief_of_owner}, 0, EXPLORE_BOUNDED, 2, 1, 0, 0, 0, 0},
    {"cancel: what its author did is seen", setup_loop_2, {cancel_it, see_cancel, see_cancel}, 0, EXPLORE_BOUNDED, 2, 1, 0, 0, 0, 0},
    {"guest: two come at once", setup_no_guest, {visit, visit_twice}, check_visits, EXPLORE_BOUNDED, 2, 1, 0, 0, 0, 0},
    {"guest: three come at once", setup_no_guest, {visit, visit, visit}, check_visits, EXPLORE_BOUNDED, 2, 1, 0, 0, 0, 0},
    {"guest: the pool is destroyed beside one", setup_no_guest, {destroy_beside_guest, gone_worker, visit_and_tell}, 0, EXPLORE_BOUNDED, 2, 1, 0, 0, 0, 0},
    {"guest: the pool is destroyed beside two", setup_no_guest, {destroy_beside_two_guests, gone_worker, visit_and_tell, visit_and_tell_1}, 0, EXPLORE_BOUNDED, 2, 1, 0, 0, 0, 0},
    {"pool: made and ended", fresh_world, {pool_idle}, 0, EXPLORE_BOUNDED, 2, 1, 0, 0, 0, 0},
    {"pool: of three, made and ended", fresh_world, {pool_idle_3}, 0, EXPLORE_BOUNDED, 2, 1, 0, 0, 0, 0},
    {"pool: a join", fresh_world, {pool_join}, 0, EXPLORE_BOUNDED, 2, 1, 0, 0, 0, 0},
    {"pool: a join in a join", fresh_world, {pool_join_nested}, 0, EXPLORE_BOUNDED, 2, 1, 0, 0, 0, 0},
    {"pool: a scope", fresh_world, {pool_scope}, 0, EXPLORE_BOUNDED, 2, 1, 0, 0, 0, 0},
    {"pool: a detached job", fresh_world, {pool_spawn}, 0, EXPLORE_BOUNDED, 2, 1, 0, 0, 0, 0},
    {"pool: a broadcast", fresh_world, {pool_broadcast}, 0, EXPLORE_BOUNDED, 2, 1, 0, 0, 0, 0},
    {"pool: a loop", fresh_world, {pool_loop}, 0, EXPLORE_BOUNDED, 2, 1, 0, 0, 0, 0},
    {"pool: typed joins over two segments", fresh_world, {pool_typed_joins}, 0, EXPLORE_BOUNDED, 2, 1, 0, 0, 0, 0},
    {0, 0, {0}, 0, 0, 0, 0, 0, 0, 0, 0},
};
const explore_scenario *const explore_scenarios = table;
