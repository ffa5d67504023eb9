/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* The reader of tables in examples/hdc_classify.c. The first byte says how to read, the rest is the table. */
#include "fuzz_classify.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    class_names names = {0, 0, 0};
    examples e;
    reading how;
    char *bytes;
    if (size == 0) return 0;
    if (setjmp(fuzz_end) == 0) {
        memset(&e, 0, sizeof e);
        memset(&how, 0, sizeof how);
        how.names = &names;
        how.skip_bad = data[0] & 1;
        how.learns = data[0] >> 1 & 1;
        how.wants_labels = how.learns || (data[0] >> 2 & 1);
        how.label_first = (data[0] >> 3) % 3 - 1;
        how.n_fields = how.learns ? 0 : 1 + (data[0] >> 5);
        if (!how.learns) add_class(&names, "1");
        bytes = copy_text((const char *)data + 1, size - 1);
        read_table(&e, &how, "table", bytes, size - 1);
        fuzz_check(&e, &names, how.wants_labels);
    }
    fuzz_free_all();
    return 0;
}
