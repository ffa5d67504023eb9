/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* For changed files that shall get past the checksums, in tests and fuzz targets. Include it behind
   the library with its code. */
#ifndef PKN_TEST_HDC_FILE_SEAL_H
#define PKN_TEST_HDC_FILE_SEAL_H

/* Sets all checksums of a file in memory right, as far as its table is one. */
static inline void file_seal(unsigned char *bytes, size_t n_bytes) {
    pkn_file_header header;
    size_t table, n;
    if (n_bytes < sizeof header) return;
    memcpy(&header, bytes, sizeof header);
    table = n_bytes - sizeof header;
    n = header.n_sections <= table / sizeof(pkn_file_entry) ? (size_t)header.n_sections : 0;
    for (size_t i = 0; i < n; i++) {
        unsigned char *at = bytes + sizeof header + i * sizeof(pkn_file_entry);
        pkn_file_entry entry;
        memcpy(&entry, at, sizeof entry);
        if (entry.offset <= n_bytes && entry.element_bytes < 65536 && entry.count < n_bytes) {
            size_t size = ((size_t)(entry.element_bytes * entry.count) + 63) / 64 * 64;
            if (size <= n_bytes - (size_t)entry.offset) {
                entry.checksum = pkn_checksum_of(0, bytes + entry.offset, size);
                memcpy(at, &entry, sizeof entry);
            }
        }
    }
    header.table_checksum = pkn_checksum_of(0, bytes + sizeof header, n * sizeof(pkn_file_entry));
    header.header_checksum = pkn_file_header_checksum(&header);
    memcpy(bytes, &header, sizeof header);
}

#endif
