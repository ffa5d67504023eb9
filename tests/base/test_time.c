/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
#include "test.h"

Test(base_time, both_clocks_go_forward_together) {
    uint64_t start_ns = pkn_now_ns(), start_ticks = pkn_ticks(), last_ns = start_ns;
    while (pkn_now_ns() - start_ns < 2000000) {
        uint64_t now_ns = pkn_now_ns();
        cr_assert_geq(now_ns, last_ns);
        last_ns = now_ns;
    }
    cr_assert_gt(pkn_ticks(), start_ticks);
}
