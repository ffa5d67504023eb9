/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* The table of scenarios on the library's real code. */
#include "deques.h"

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
    {0, 0, {0}, 0, 0, 0, 0, 0, 0, 0, 0},
};
const explore_scenario *const explore_scenarios = table;
