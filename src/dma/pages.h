/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Page requests to the client: which is next, which are out, and how each ends. Whether the driver
 * wants any is the device's business (device/pri.h), who carries them the server's.
 *
 * A request that was sent keeps its group until it is answered, also where nobody waits for it any
 * more: a client who does not answer is asked for no more pages than were agreed on, and a late
 * answer is never taken for another's.
 *
 * Whoever is told that a request has ended may start or cancel others.
 */
#ifndef UMD_DMA_PAGES_H
#define UMD_DMA_PAGES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <umdev/pasid.h>

#define UMD_PAGE_GROUPS	      512u /* Page Request Group indexes: 9 bits */
#define UMD_PAGES_PATIENCE_NS UINT64_C(5000000000)

/* A group that was sent. */
struct umd_page_group {
	struct umd_page_request *request; /* NULL: nobody waits for it */
	bool out;			  /* sent, not answered yet */
	uint16_t id;			  /* of its message */
	uint32_t pasid, pages;
	uint64_t sent_ns;
};

struct umd_pages {
	struct umd_page_request *first, *last; /* waiting to be sent */
	unsigned int waiting;
	unsigned int asking; /* sent, and somebody waits for them */
	uint32_t out;	     /* pages of all that is out */
	uint32_t allowed;    /* by the driver: pages out at a time */
	uint32_t capacity;   /* the client's: the same; 0: it takes none */
	uint16_t last_id;
	unsigned int last_group;
	uint64_t answered_ns; /* when the client last answered */

	void (*wake)(void *data); /* there may be something to send; NULL: nobody carries it */
	void *wake_data;
	void (*settled)(void *data); /* nobody waits for an answer any more */
	void *settled_data;
	struct umd_page_group groups[UMD_PAGE_GROUPS];
};

/* Begins with a client that takes requests of at most `capacity` pages at a time. */
void umd_pages_open(struct umd_pages *pages, uint32_t capacity, void (*wake)(void *data),
		    void *data);

/* Nobody carries requests any more, if anybody did. All end with `error`, what is out is forgotten.
 */
void umd_pages_close(struct umd_pages *pages, int error);

/* How many pages may be asked for at a time. */
static inline uint32_t umd_pages_limit(const struct umd_pages *pages)
{
	return pages->allowed < pages->capacity ? pages->allowed : pages->capacity;
}

static inline bool umd_pages_is_busy(const struct umd_pages *pages)
{
	return pages->waiting || pages->asking;
}

/* 0; -ENOTCONN where nobody carries it; -E2BIG beyond the limit; -EBUSY for a full queue. */
int umd_pages_start(struct umd_pages *pages, struct umd_page_request *request);

/* The next request to send, and its index: it is out from now on. NULL where there is none. */
const struct umd_page_group *umd_pages_next(struct umd_pages *pages, uint32_t *ret_index);

/* Whether umd_pages_next() has one. */
bool umd_pages_has_next(const struct umd_pages *pages);

/* The group that is out with this id; NULL for none. */
struct umd_page_group *umd_pages_find(struct umd_pages *pages, uint16_t id);

uint32_t umd_pages_index(const struct umd_pages *pages, const struct umd_page_group *group);

/* A group has been answered: its request, which is still under way, or NULL. */
struct umd_page_request *umd_pages_answer(struct umd_pages *pages, struct umd_page_group *group);

/* Ends what the client has left unanswered for too long. */
void umd_pages_expire(struct umd_pages *pages);

/* End a request, those that match, or all; their owners are told. */
void umd_pages_end(struct umd_pages *pages, struct umd_page_request *request, int result);
typedef bool umd_pages_match_fn(const struct umd_page_request *request, uint32_t pasid);
void umd_pages_end_matching(struct umd_pages *pages, umd_pages_match_fn *match, uint32_t pasid,
			    int result);
void umd_pages_end_waiting(struct umd_pages *pages, int result);
void umd_pages_end_all(struct umd_pages *pages, int result);

/* Takes a request back, if it is under way; nobody is told. */
void umd_pages_cancel(struct umd_pages *pages, struct umd_page_request *request);

#endif
