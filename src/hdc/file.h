/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* The format of every file that pkern saves: named arrays behind a header, each with a checksum,
   each at a multiple of 64 bytes, so that a mapped file can be used as it lies.

       header     64 bytes, the same in all versions
       table      64 bytes a section
       sections   in the table's order, without gaps, each filled with zeros to a multiple of 64

   Numbers are little-endian. Every byte is under one of three kinds of checksum (header's,
   table's, a section's), so each byte that changes and each that is missing is noticed. A reader
   takes sections by name and leaves alone those it doesn't know; what an old reader would get
   wrong raises the kind's version.

   Saving (file_write.h): everything goes to a new file beside the target, which takes the target's
   name when it is whole and on the disk. Whatever interrupts a save leaves the old file as it was;
   a process that is killed may leave the new one, "<path>.<16 hex digits>.new".

       pkn_file_writer writer;
       pkn_file_create(&writer, path, "kind", version, n_sections, allocator);
       pkn_file_section(&writer, "counts", sizeof *counts, n_counts);     what the next bytes are
       pkn_file_write(&writer, counts, n_counts * sizeof *counts);        in one or more pieces
       pkn_file_put(&writer, "labels", labels, sizeof *labels, n_labels); both at once
       status = pkn_file_commit(&writer);                                 the first error of all

   Loading (file_read.h): everything is checked before the first section is handed out.

       pkn_file file;
       status = pkn_file_open(&file, path, "kind", newest_version, allocator);
       counts = (const int32_t *)pkn_file_get(&file, "counts", sizeof *counts, &n_counts);
                                                                          0: no such section
       pkn_file_close(&file);                                             after which counts is gone

   Status of a load: PKERN_ENOENT no such file; PKERN_EIO the system can't read it; PKERN_EFORMAT
   it isn't pkern's, or not of this kind; PKERN_EVERSION a newer pkern wrote it; PKERN_ECORRUPT it
   is damaged or cut off; PKERN_ENOMEM. That a file's checksums are right says nothing of its
   contents: the caller checks sizes and values, and gives PKERN_ECORRUPT where they can't be.

   A machine that isn't little-endian can neither save nor load (PKERN_EFORMAT). Nothing here is
   for writing and reading one file at the same time, but a save replaces the name only, so a
   mapped file stays whole under its readers. */
#ifndef PKN_HDC_FILE_H
#define PKN_HDC_FILE_H

#include "base/disk.h"
#include "hdc/checksum.h"

#define PKN_FILE_FORMAT 1
#define PKN_FILE_ALIGNMENT 64
#define PKN_FILE_NAME 24
/* Of a table that a writer makes; readers take any. */
#define PKN_FILE_MAX_SECTIONS 16

#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define PKN_FILE_ORDER_FITS 1
#else
#define PKN_FILE_ORDER_FITS 0
#endif

/* Line ends and the eighth bit, which transfers as text would change. */
static const unsigned char pkn_file_magic[8] = {0x89, 'P', 'K', 'N', 0x0d, 0x0a, 0x1a, 0x0a};

typedef struct pkn_file_header {
    unsigned char magic[8];
    char kind[8]; /* zeros behind the text */
    uint32_t format, version;
    uint64_t n_sections, file_bytes;
    uint64_t spare;
    uint64_t table_checksum;
    uint64_t header_checksum; /* of all above */
} pkn_file_header;

typedef struct pkn_file_entry {
    char name[PKN_FILE_NAME]; /* zeros behind the text */
    uint64_t element_bytes, count, offset;
    uint64_t spare;
    uint64_t checksum; /* of the section with its filling */
} pkn_file_entry;

typedef char pkn_file_header_has_64_bytes[sizeof(pkn_file_header) == 64 ? 1 : -1];
typedef char pkn_file_entry_has_64_bytes[sizeof(pkn_file_entry) == 64 ? 1 : -1];

PKN_INLINE uint64_t pkn_file_header_checksum(const pkn_file_header *header) {
    return pkn_checksum_of(0, header, offsetof(pkn_file_header, header_checksum));
}

/* A text into a field of fixed size; 0 where it doesn't fit. */
PKN_INLINE int pkn_file_set_name(char *field, size_t field_bytes, const char *name) {
    size_t length = strlen(name);
    if (length == 0 || length > field_bytes) {
        return 0;
    }
    for (size_t i = 0; i < field_bytes; i++) {
        field[i] = (char)(i < length ? name[i] : 0);
    }
    return 1;
}

#endif
