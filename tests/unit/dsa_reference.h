/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The accelerator's operations once more, slow and plain, as the specification tells them: byte by
 * byte, bit by bit, straight from a descriptor's 64 bytes to a record's 32. Nothing is shared with
 * devices/dsa; the tests compare the two.
 */
#ifndef DSA_REFERENCE_H
#define DSA_REFERENCE_H

#include <setjmp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define REF_PAGE 4096u
#define REF_R	 1
#define REF_W	 2

/* Memory at [base, base + pages * 4096 - 1], with what each page allows. */
struct ref {
	uint64_t base;
	unsigned int pages;
	uint8_t *bytes;
	uint8_t *rights;

	/* What a queue allows. */
	uint64_t max_transfer, opcodes;
	bool may_block;

	uint8_t raw[64];
	uint8_t record[32];
	uint64_t done;
	jmp_buf end;
};

/* ---- Little numbers ------------------------------------------------------------------------ */

static inline uint64_t ref_number(const uint8_t *at, int bytes)
{
	uint64_t value = 0;

	while (bytes--)
		value = value * 256 + at[bytes];
	return value;
}

static inline void ref_store(uint8_t *at, int bytes, uint64_t value)
{
	for (int i = 0; i < bytes; i++, value /= 256)
		at[i] = (uint8_t)(value % 256);
}

static inline uint64_t ref_source(const struct ref *ref)
{
	return ref_number(ref->raw + 16, 8);
}

static inline uint64_t ref_destination(const struct ref *ref)
{
	return ref_number(ref->raw + 24, 8);
}

static inline uint32_t ref_size(const struct ref *ref)
{
	return (uint32_t)ref_number(ref->raw + 32, 4);
}

static inline uint32_t ref_flags(const struct ref *ref)
{
	return (uint32_t)ref_number(ref->raw + 4, 3);
}

/* ---- Ends ---------------------------------------------------------------------------------- */

__attribute__((noreturn)) static inline void ref_end(struct ref *ref, int status, int result)
{
	ref->record[0] = (uint8_t)status;
	ref->record[1] = (uint8_t)result;
	ref_store(ref->record + 4, 4, ref->done);
	longjmp(ref->end, 1);
}

__attribute__((noreturn)) static inline void ref_fault(struct ref *ref, uint64_t at, bool write,
						       int result)
{
	ref_store(ref->record + 8, 8, at);
	ref_end(ref, write ? 0x83 : 0x03, result);
}

/* With `Check Result`: what the result says, and whether that was expected. */
__attribute__((noreturn)) static inline void ref_judge(struct ref *ref, int result, bool expected)
{
	ref_end(ref, ref_flags(ref) & 0x80 && !expected ? 2 : 1, result);
}

/* ---- Memory -------------------------------------------------------------------------------- */

static inline bool ref_has(const struct ref *ref, uint64_t at, int right)
{
	uint64_t page = (at - ref->base) / REF_PAGE;

	return at >= ref->base && page < ref->pages && ref->rights[page] & right;
}

static inline uint8_t *ref_at(const struct ref *ref, uint64_t at)
{
	return ref->bytes + (at - ref->base);
}

/* Bytes of a range follow each other up to the end of the address space only. */
static inline void ref_need(struct ref *ref, uint64_t base, uint64_t offset, int right)
{
	uint64_t at = base + offset;

	if (at < base || !ref_has(ref, at, right))
		ref_fault(ref, at, right == REF_W, 0);
}

static inline uint8_t ref_get(struct ref *ref, uint64_t base, uint64_t offset)
{
	ref_need(ref, base, offset, REF_R);
	return *ref_at(ref, base + offset);
}

static inline void ref_put(struct ref *ref, uint64_t base, uint64_t offset, uint8_t byte)
{
	ref_need(ref, base, offset, REF_W);
	*ref_at(ref, base + offset) = byte;
}

/* ---- Checksums ----------------------------------------------------------------------------- */

/* A register of `width` bits, highest power of x first; takes one bit. */
static inline uint32_t ref_shift(uint32_t crc, int width, uint32_t polynomial, int bit)
{
	int out = (crc >> (width - 1) & 1) ^ bit;

	crc = (crc << 1) & (width == 32 ? 0xffffffffu : (1u << width) - 1);
	return out ? crc ^ polynomial : crc;
}

static inline uint32_t ref_crc32c(uint32_t crc, uint8_t byte, bool high_first)
{
	for (int i = 0; i < 8; i++)
		crc = ref_shift(crc, 32, 0x1edc6f41, byte >> (high_first ? 7 - i : i) & 1);
	return crc;
}

static inline uint16_t ref_crc16(uint16_t crc, uint8_t byte)
{
	for (int i = 7; i >= 0; i--)
		crc = (uint16_t)ref_shift(crc, 16, 0x8bb7, byte >> i & 1);
	return crc;
}

static inline uint32_t ref_turn(uint32_t value)
{
	uint32_t turned = 0;

	for (int i = 0; i < 32; i++)
		turned |= (value >> i & 1) << (31 - i);
	return turned;
}

/* ---- Moving -------------------------------------------------------------------------------- */

static inline void ref_move(struct ref *ref)
{
	uint64_t from = ref_source(ref), to = ref_destination(ref);
	uint32_t size = ref_size(ref);
	bool inside = to != from && to - from < size;

	for (uint32_t i = 0; i < size; i++, ref->done++) {
		uint32_t at = inside ? size - 1 - i : i;

		if (inside && !ref_has(ref, from + at, REF_R))
			ref_fault(ref, from + at, false, 1);
		if (inside && !ref_has(ref, to + at, REF_W))
			ref_fault(ref, to + at, true, 1);
		ref_put(ref, to, at, ref_get(ref, from, at));
	}
	ref_end(ref, 1, 0);
}

static inline void ref_dualcast(struct ref *ref)
{
	uint64_t second = ref_number(ref->raw + 40, 8);

	for (; ref->done < ref_size(ref); ref->done++) {
		uint8_t byte = ref_get(ref, ref_source(ref), ref->done);

		ref_need(ref, ref_destination(ref), ref->done, REF_W);
		ref_need(ref, second, ref->done, REF_W);
		ref_put(ref, ref_destination(ref), ref->done, byte);
		ref_put(ref, second, ref->done, byte);
	}
	ref_end(ref, 1, 0);
}

static inline void ref_fill(struct ref *ref)
{
	for (; ref->done < ref_size(ref); ref->done++)
		ref_put(ref, ref_destination(ref), ref->done, ref->raw[16 + ref->done % 8]);
	ref_end(ref, 1, 0);
}

static inline void ref_flush(struct ref *ref)
{
	for (; ref->done < ref_size(ref); ref->done++)
		ref_get(ref, ref_destination(ref), ref->done);
	ref_end(ref, 1, 0);
}

/* ---- Comparing ----------------------------------------------------------------------------- */

static inline void ref_compare(struct ref *ref, bool pattern)
{
	bool expected = ref->raw[40] & 1;

	for (; ref->done < ref_size(ref); ref->done++) {
		uint8_t a = ref_get(ref, ref_source(ref), ref->done);
		uint8_t b = pattern ? ref->raw[24 + ref->done % 8]
				    : ref_get(ref, ref_destination(ref), ref->done);

		if (a != b)
			ref_judge(ref, 1, expected);
	}
	ref_judge(ref, 0, !expected);
}

/* ---- Delta records ------------------------------------------------------------------------- */

static inline void ref_create_delta(struct ref *ref)
{
	uint64_t a = ref_source(ref), b = ref_destination(ref),
		 record = ref_number(ref->raw + 40, 8);
	uint64_t max = ref_number(ref->raw + 48, 4);
	uint32_t made = 0;
	uint8_t expected = ref->raw[56];

	for (; ref->done < ref_size(ref); ref->done += 8) {
		uint8_t entry[10];
		bool same = true;

		ref_need(ref, a, ref->done, REF_R);
		for (int i = 0; i < 8; i++) {
			entry[2 + i] = ref_get(ref, b, ref->done + i);
			same &= ref_get(ref, a, ref->done + i) == entry[2 + i];
		}
		if (same)
			continue;
		if (made + 10 > max)
			ref_judge(ref, 2, expected & 4);
		ref_store(entry, 2, ref->done / 8);
		for (int i = 0; i < 10; i++)
			ref_put(ref, record, made + i, entry[i]);
		made += 10;
		ref_store(ref->record + 16, 4, made);
	}
	ref_judge(ref, made ? 1 : 0, expected & (made ? 2 : 1));
}

static inline void ref_apply_delta(struct ref *ref)
{
	uint64_t record = ref_source(ref), to = ref_destination(ref);
	uint64_t size = ref_number(ref->raw + 40, 4);
	int last = -1;

	for (; ref->done < size; ref->done += 10) {
		uint8_t entry[10];
		int offset;

		for (int i = 0; i < 10; i++)
			entry[i] = ref_get(ref, record, ref->done + i);
		offset = (int)ref_number(entry, 2);
		if (offset <= last)
			ref_end(ref, 7, 0);
		if (offset * 8 >= (int)ref_size(ref))
			ref_end(ref, 8, 0);
		for (int i = 0; i < 8; i++)
			ref_put(ref, to, (uint64_t)offset * 8 + i, entry[2 + i]);
		last = offset;
	}
	ref_end(ref, 1, 0);
}

/* ---- CRC ----------------------------------------------------------------------------------- */

static inline void ref_crc(struct ref *ref, bool copy)
{
	uint32_t flags = ref_flags(ref), crc;
	uint8_t seed[4];

	for (int i = 0; i < 4; i++)
		seed[i] = flags & 0x10000 ? ref_get(ref, ref_number(ref->raw + 48, 8), 0 + i)
					  : ref->raw[40 + i];
	crc = (uint32_t)ref_number(seed, 4);
	if (!(flags & 0x20000))
		crc = ref_turn(~crc);
	for (;; ref->done++) {
		uint8_t byte;

		ref_store(ref->record + 16, 4, flags & 0x20000 ? crc : ~ref_turn(crc));
		if (ref->done == ref_size(ref))
			ref_end(ref, 1, 0);
		byte = ref_get(ref, ref_source(ref), ref->done);
		if (copy)
			ref_put(ref, ref_destination(ref), ref->done, byte);
		crc = ref_crc32c(crc, byte, flags & 0x40000);
	}
}

/* ---- DIF ----------------------------------------------------------------------------------- */

struct ref_tags {
	uint32_t ref;
	uint16_t app, mask;
};

static inline struct ref_tags ref_take_tags(const struct ref *ref, int at)
{
	return (struct ref_tags){(uint32_t)ref_number(ref->raw + at, 4),
				 (uint16_t)ref_number(ref->raw + at + 6, 2),
				 (uint16_t)ref_number(ref->raw + at + 4, 2)};
}

static inline void ref_show_tags(struct ref *ref, int at, const struct ref_tags *tags)
{
	ref_store(ref->record + at, 4, tags->ref);
	ref_store(ref->record + at + 4, 2, tags->mask);
	ref_store(ref->record + at + 6, 2, tags->app);
}

static inline void ref_count(struct ref_tags *tags, uint8_t flags)
{
	if (flags & 0x10)
		tags->app++;
	if (!(flags & 0x80))
		tags->ref++;
}

static inline uint32_t ref_big(const uint8_t *at, int bytes)
{
	uint32_t value = 0;

	for (int i = 0; i < bytes; i++)
		value = value << 8 | at[i];
	return value;
}

static inline int ref_judge_field(const uint8_t *field, uint16_t guard, uint8_t flags,
				  const struct ref_tags *tags)
{
	uint32_t app = ref_big(field + 2, 2), tag = ref_big(field + 4, 4);
	bool all = ref_big(field, 2) == 0xffff && app == 0xffff && tag == 0xffffffff;
	int wrong = 0;

	if (all && (flags & 3) == 3)
		return 8;
	if ((all && flags & 2) || (app == 0xffff && flags & 4) ||
	    (app == 0xffff && tag == 0xffffffff && flags & 8))
		return 0;
	if (!(flags & 0x20) && ref_big(field, 2) != guard)
		wrong += 1;
	for (int bit = 0; bit < 16; bit++) {
		if (!(tags->mask >> bit & 1) &&
		    (app >> bit & 1) != (uint32_t)(tags->app >> bit & 1))
			wrong |= 2;
	}
	if (!(flags & 0x40) && tag != tags->ref)
		wrong += 4;
	return wrong;
}

static inline void ref_make_field(uint8_t *field, const uint8_t *old, uint16_t guard, uint8_t flags,
				  const struct ref_tags *tags)
{
	uint16_t app = tags->app & (uint16_t)~tags->mask;

	field[0] = flags & 0x20 ? old[0] : (uint8_t)(guard >> 8);
	field[1] = flags & 0x20 ? old[1] : (uint8_t)guard;
	field[2] = flags & 0x08 ? old[2] : (uint8_t)(app >> 8);
	field[3] = flags & 0x08 ? old[3] : (uint8_t)app;
	for (int i = 0; i < 4; i++)
		field[4 + i] = flags & 0x40 ? old[4 + i] : (uint8_t)(tags->ref >> (24 - 8 * i));
}

static inline void ref_dif(struct ref *ref, int opcode)
{
	static const int blocks[] = {512, 520, 4096, 4104};
	int block = blocks[ref->raw[42] & 3], in = block + 8, out = block + 8;
	struct ref_tags source = ref_take_tags(ref, 48), destination = ref_take_tags(ref, 56);
	uint64_t written = 0;

	if (opcode == 19)
		in = block;
	if (opcode == 20)
		out = block;
	if (opcode == 18)
		out = 0;
	for (;; ref->done += in, written += out) {
		uint8_t bytes[4112], made[8];
		uint16_t guard = ref->raw[42] & 4 ? 0xffff : 0;

		if (opcode != 19)
			ref_show_tags(ref, 16, &source);
		if (opcode == 19 || opcode == 21)
			ref_show_tags(ref, 24, &destination);
		if (ref->done == ref_size(ref))
			ref_end(ref, 1, 0);
		for (int i = 0; i < in; i++)
			bytes[i] = ref_get(ref, ref_source(ref), ref->done + i);
		for (int i = 0; i < out; i++)
			ref_need(ref, ref_destination(ref), written + i, REF_W);
		for (int i = 0; i < block; i++)
			guard = ref_crc16(guard, bytes[i]);
		if (ref->raw[42] & 8)
			guard ^= 0xffff;
		if (opcode != 19) {
			int wrong = ref_judge_field(bytes + block, guard, ref->raw[40], &source);

			if (wrong)
				ref_end(ref, 9, wrong);
		}
		for (int i = 0; i < block && out; i++)
			ref_put(ref, ref_destination(ref), written + i, bytes[i]);
		ref_make_field(made, bytes + block, guard, ref->raw[41], &destination);
		for (int i = 0; i < out - block; i++)
			ref_put(ref, ref_destination(ref), written + block + i, made[i]);
		ref_count(&source, ref->raw[40]);
		ref_count(&destination, ref->raw[41]);
	}
}

/* ---- Descriptors --------------------------------------------------------------------------- */

/*
 * For each opcode the flags that it may have, those that it must, and the bits of bytes 40 to 63
 * that mean something; whether source, destination and size do.
 */
struct ref_rule {
	int opcode;
	uint32_t may, must;
	const char *fields; /* s, d, n */
	uint8_t specific[24];
};

#define REF_8 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff
#define REF_4 0xff, 0xff, 0xff, 0xff

static const struct ref_rule ref_rules[] = {
	{0, 0x00101d, 0, "", {0}},
	{3, 0x00771f, 0, "sdn", {0}},
	{4, 0x00751f, 0, "sdn", {0}},
	{5, 0x00169f, 0x0c, "sdn", {1}},
	{6, 0x00129f, 0x0c, "sdn", {1}},
	{7, 0x007f9f, 0x0c, "sdn", {REF_8, REF_4, 0, 0, 0, 0, 7}},
	{8, 0x00771f, 0, "sdn", {REF_4}},
	{9, 0x007f1f, 0, "sdn", {REF_8}},
	{16, 0x071a1f, 0x0c, "sn", {REF_4, 0, 0, 0, 0, REF_8}},
	{17, 0x077f1f, 0x0c, "sdn", {REF_4, 0, 0, 0, 0, REF_8}},
	{18, 0x00121f, 0, "sn", {0xff, 0, 0x0f, 0, 0, 0, 0, 0, REF_8}},
	{19, 0x00771f, 0, "sdn", {0, 0x90, 0x0f, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, REF_8}},
	{20, 0x00771f, 0, "sdn", {0xff, 0, 0x0f, 0, 0, 0, 0, 0, REF_8}},
	{21, 0x00771f, 0, "sdn", {0xff, 0xf8, 0x0f, 0, 0, 0, 0, 0, REF_8, REF_8}},
	{32, 0x00741f, 0, "dn", {0}},
};

static inline const struct ref_rule *ref_find_rule(const struct ref *ref)
{
	for (size_t i = 0; i < sizeof(ref_rules) / sizeof(ref_rules[0]); i++) {
		if (ref_rules[i].opcode == ref->raw[7] && ref->opcodes >> ref->raw[7] & 1)
			return &ref_rules[i];
	}
	return NULL;
}

static inline void ref_check_flags(struct ref *ref, const struct ref_rule *rule)
{
	uint32_t flags = ref_flags(ref), wrong = 0;

	for (uint32_t bit = 1; bit < 0x1000000; bit <<= 1) {
		if (flags & bit && !(rule->may & bit))
			wrong |= bit;
		if (!(flags & bit) && rule->must & bit)
			wrong |= bit;
	}
	if (flags & 2 && !ref->may_block)
		wrong |= 2;
	if (flags & 8 && !(flags & 4))
		wrong |= 8;
	if (!wrong)
		return;
	ref_store(ref->record + 16, 4, wrong);
	ref_end(ref, 0x11, 0);
}

static inline void ref_check_reserved(struct ref *ref, const struct ref_rule *rule)
{
	bool wrong = ref_number(ref->raw, 4) & 0x7ff00000 || ref_number(ref->raw + 38, 2);

	wrong |= !strchr(rule->fields, 's') && ref_source(ref);
	wrong |= !strchr(rule->fields, 'd') && ref_destination(ref);
	wrong |= !strchr(rule->fields, 'n') && ref_size(ref);
	for (int i = 0; i < 24; i++)
		wrong |= ref->raw[40 + i] & ~rule->specific[i];
	if (wrong)
		ref_end(ref, 0x12, 0);
}

static inline bool ref_meet(uint64_t a, uint64_t a_size, uint64_t b, uint64_t b_size)
{
	return (a >= b && a - b < b_size) || (b >= a && b - a < a_size) ||
	       (a_size && a + a_size - 1 < a && b <= a + a_size - 1) ||
	       (b_size && b + b_size - 1 < b && a <= b + b_size - 1);
}

static inline void ref_check_delta(struct ref *ref, int opcode)
{
	uint64_t a = ref_source(ref), b = ref_destination(ref), size = ref_size(ref);
	uint64_t record = opcode == 7 ? ref_number(ref->raw + 40, 8) : a;
	uint64_t max = ref_number(ref->raw + (opcode == 7 ? 48 : 40), 4);

	if (size % 8 || size > 524288)
		ref_end(ref, 0x13, 0);
	if (opcode == 7 ? max < 80 : !max || max % 10)
		ref_end(ref, 0x15, 0);
	if (opcode == 7 && max > size / 8 * 10)
		max = size / 8 * 10;
	if ((opcode == 7 && ref_meet(a, size, record, max)) || ref_meet(b, size, record, max))
		ref_end(ref, 0x16, 0);
	if (a % 8 || b % 8 || record % 8)
		ref_end(ref, 0x1c, 0);
}

static inline void ref_check_dif(struct ref *ref, int opcode)
{
	static const uint32_t blocks[] = {512, 520, 4096, 4104};
	uint64_t block = blocks[ref->raw[42] & 3], in = opcode == 19 ? block : block + 8;
	uint64_t out = opcode == 20 ? block : block + 8;

	if (ref_size(ref) % in)
		ref_end(ref, 0x13, 0);
	if (opcode != 18 && ref_meet(ref_source(ref), ref_size(ref), ref_destination(ref),
				     ref_size(ref) / in * out))
		ref_end(ref, 0x16, 0);
}

static inline void ref_check_rest(struct ref *ref, int opcode)
{
	uint64_t a = ref_source(ref), b = ref_destination(ref), size = ref_size(ref);
	uint64_t c = ref_number(ref->raw + 40, 8);

	if (opcode == 7 || opcode == 8)
		ref_check_delta(ref, opcode);
	if (opcode >= 18 && opcode <= 21)
		ref_check_dif(ref, opcode);
	if (opcode == 9 && (ref_meet(a, size, b, size) || ref_meet(a, size, c, size) ||
			    ref_meet(b, size, c, size)))
		ref_end(ref, 0x16, 0);
	if (opcode == 9 && b % 4096 != c % 4096)
		ref_end(ref, 0x17, 0);
	if (opcode == 17 && ref_meet(a, size, b, size))
		ref_end(ref, 0x16, 0);
	if ((opcode == 16 || opcode == 17) && ref_flags(ref) & 0x10000 &&
	    ref_number(ref->raw + 48, 8) % 4)
		ref_end(ref, 0x1c, 0);
}

static inline void ref_work(struct ref *ref, int opcode)
{
	switch (opcode) {
	case 0:
		ref_end(ref, 1, 0);
	case 3:
		ref_move(ref);
		break;
	case 4:
		ref_fill(ref);
		break;
	case 5:
	case 6:
		ref_compare(ref, opcode == 6);
		break;
	case 7:
		ref_create_delta(ref);
		break;
	case 8:
		ref_apply_delta(ref);
		break;
	case 9:
		ref_dualcast(ref);
		break;
	case 16:
	case 17:
		ref_crc(ref, opcode == 17);
		break;
	case 32:
		ref_flush(ref);
		break;
	default:
		ref_dif(ref, opcode);
	}
}

/* Does ref->raw in ref->bytes, and leaves the record. */
static inline void ref_run(struct ref *ref)
{
	const struct ref_rule *rule;

	memset(ref->record, 0, sizeof(ref->record));
	ref->done = 0;
	if (setjmp(ref->end))
		return;
	rule = ref->raw[7] < 64 ? ref_find_rule(ref) : NULL;
	if (!rule)
		ref_end(ref, 0x10, 0);
	ref_check_flags(ref, rule);
	ref_check_reserved(ref, rule);
	if (strchr(rule->fields, 'n') && (!ref_size(ref) || ref_size(ref) > ref->max_transfer))
		ref_end(ref, 0x13, 0);
	ref_check_rest(ref, rule->opcode);
	ref_work(ref, rule->opcode);
}

#endif
