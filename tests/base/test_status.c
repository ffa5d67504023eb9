/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
#include "test.h"

Test(base_status, codes_have_the_agreed_values) {
    cr_assert_eq(PKERN_OK, 0);
    cr_assert_eq(PKERN_EINVAL, -1);
    cr_assert_eq(PKERN_ENOMEM, -2);
    cr_assert_eq(PKERN_ETHREAD, -3);
    cr_assert_eq(PKERN_ECANCELED, -4);
    cr_assert_eq(PKERN_EDEADLK, -5);
    cr_assert_eq(PKERN_EOVERFLOW, -6);
    cr_assert_eq(PKERN_EIO, -7);
    cr_assert_eq(PKERN_EFORMAT, -8);
    cr_assert_eq(PKERN_ETIMEDOUT, -9);
    cr_assert_eq(PKERN_ECLOSED, -10);
    cr_assert_eq(PKERN_EFULL, -11);
    cr_assert_eq(PKERN_EEMPTY, -12);
    cr_assert_eq(PKERN_EVERSION, -13);
    cr_assert_eq(PKERN_ECORRUPT, -14);
    cr_assert_eq(PKERN_ENOENT, -15);
}

Test(base_status, each_code_has_a_text_of_its_own) {
    for (int a = PKERN_ENOENT; a <= 1; a++) {
        cr_assert_not_null(pkern_status_text(a));
        for (int b = PKERN_ENOENT - 1; b < a; b++) {
            cr_assert_str_neq(pkern_status_text(a), pkern_status_text(b));
        }
    }
}

Test(base_status, any_number_has_a_text) {
    cr_assert_str_eq(pkern_status_text(1), pkern_status_text(INT32_MAX));
    cr_assert_str_eq(pkern_status_text(PKERN_ENOENT - 1), pkern_status_text(INT32_MIN));
}
