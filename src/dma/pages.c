/* SPDX-License-Identifier: BSD-2-Clause */
#include "dma/pages.h"

#include <errno.h>
#include <string.h>

#include "base/clock.h"

#define WAITING UINT32_MAX /* a request's group before it has one */

/* ---- The queue ----------------------------------------------------------------------------- */

static void append(struct umd_pages *pages, struct umd_page_request *request)
{
	request->own.next = NULL;
	request->own.previous = pages->last;
	request->own.group = WAITING;
	if (pages->last)
		pages->last->own.next = request;
	else
		pages->first = request;
	pages->last = request;
	pages->waiting++;
}

static void take_out(struct umd_pages *pages, struct umd_page_request *request)
{
	if (request->own.previous)
		request->own.previous->own.next = request->own.next;
	else
		pages->first = request->own.next;
	if (request->own.next)
		request->own.next->own.previous = request->own.previous;
	else
		pages->last = request->own.previous;
	pages->waiting--;
}

static bool is_waiting(const struct umd_pages *pages, const struct umd_page_request *wanted)
{
	const struct umd_page_request *request = pages->first;

	while (request && request != wanted)
		request = request->own.next;
	return request;
}

/* ---- How a request ends -------------------------------------------------------------------- */

/* Nobody waits for a group any more; it stays out. */
static void abandon(struct umd_pages *pages, struct umd_page_group *group)
{
	group->request = NULL;
	if (--pages->asking == 0)
		pages->settled(pages->settled_data);
}

/* Nothing of ours points at a request any more. */
static void forget(struct umd_pages *pages, struct umd_page_request *request)
{
	if (request->own.group == WAITING)
		take_out(pages, request);
	else
		abandon(pages, &pages->groups[request->own.group]);
}

void umd_pages_end(struct umd_pages *pages, struct umd_page_request *request, int result)
{
	forget(pages, request);
	request->done(request->data, result);
}

static struct umd_page_request *find_waiting(const struct umd_pages *pages,
					     umd_pages_match_fn *match, uint32_t pasid)
{
	struct umd_page_request *request = pages->first;

	while (request && !match(request, pasid))
		request = request->own.next;
	return request;
}

static struct umd_page_request *find_sent(const struct umd_pages *pages, umd_pages_match_fn *match,
					  uint32_t pasid)
{
	for (unsigned int i = 0; pages->asking && i < UMD_PAGE_GROUPS; i++) {
		struct umd_page_request *request = pages->groups[i].request;

		if (request && match(request, pasid))
			return request;
	}
	return NULL;
}

void umd_pages_end_matching(struct umd_pages *pages, umd_pages_match_fn *match, uint32_t pasid,
			    int result)
{
	struct umd_page_request *request;

	while ((request = find_waiting(pages, match, pasid)) ||
	       (request = find_sent(pages, match, pasid)))
		umd_pages_end(pages, request, result);
}

void umd_pages_end_waiting(struct umd_pages *pages, int result)
{
	while (pages->first)
		umd_pages_end(pages, pages->first, result);
}

static bool is_any(const struct umd_page_request *request, uint32_t pasid)
{
	return true;
}

void umd_pages_end_all(struct umd_pages *pages, int result)
{
	umd_pages_end_matching(pages, is_any, 0, result);
}

static bool is_sent(const struct umd_pages *pages, const struct umd_page_request *wanted)
{
	for (unsigned int i = 0; i < UMD_PAGE_GROUPS; i++) {
		if (pages->groups[i].request == wanted)
			return true;
	}
	return false;
}

void umd_pages_cancel(struct umd_pages *pages, struct umd_page_request *request)
{
	if (is_waiting(pages, request) || is_sent(pages, request))
		forget(pages, request);
}

/* ---- The client, from its coming to its going ---------------------------------------------- */

void umd_pages_open(struct umd_pages *pages, uint32_t capacity, void (*wake)(void *data),
		    void *data)
{
	pages->capacity = capacity;
	pages->last_id = 0;
	pages->wake = wake;
	pages->wake_data = data;
}

void umd_pages_close(struct umd_pages *pages, int error)
{
	if (!pages->wake)
		return;
	pages->wake = NULL;
	pages->capacity = 0;
	umd_pages_end_all(pages, error);
	memset(pages->groups, 0, sizeof(pages->groups));
	pages->out = 0;
}

int umd_pages_start(struct umd_pages *pages, struct umd_page_request *request)
{
	if (!pages->wake)
		return -ENOTCONN;
	if (request->pages > umd_pages_limit(pages))
		return -E2BIG;
	if (pages->waiting >= UMD_PAGE_REQUEST_QUEUE)
		return -EBUSY;

	request->own.started_ns = umd_now_ns();
	append(pages, request);
	pages->wake(pages->wake_data);
	return 0;
}

/* ---- Messages ------------------------------------------------------------------------------ */

/* A group that is not out: the one that has been free for longest. -1: none. */
static int find_free(const struct umd_pages *pages)
{
	for (unsigned int i = 1; i <= UMD_PAGE_GROUPS; i++) {
		unsigned int index = (pages->last_group + i) % UMD_PAGE_GROUPS;

		if (!pages->groups[index].out)
			return (int)index;
	}
	return -1;
}

bool umd_pages_has_next(const struct umd_pages *pages)
{
	return pages->first &&
	       (uint64_t)pages->out + pages->first->pages <= umd_pages_limit(pages) &&
	       find_free(pages) >= 0;
}

static uint16_t take_id(struct umd_pages *pages)
{
	do {
		pages->last_id++;
	} while (umd_pages_find(pages, pages->last_id));
	return pages->last_id;
}

const struct umd_page_group *umd_pages_next(struct umd_pages *pages, uint32_t *ret_index)
{
	struct umd_page_request *request = pages->first;
	struct umd_page_group *group;

	if (!umd_pages_has_next(pages))
		return NULL;

	pages->last_group = (unsigned int)find_free(pages);
	group = &pages->groups[pages->last_group];
	take_out(pages, request);
	request->own.group = pages->last_group;
	*group = (struct umd_page_group){.request = request,
					 .out = true,
					 .id = take_id(pages),
					 .pasid = request->prefix.pasid,
					 .pages = request->pages,
					 .sent_ns = umd_now_ns()};
	pages->out += request->pages;
	pages->asking++;
	*ret_index = pages->last_group;
	return group;
}

struct umd_page_group *umd_pages_find(struct umd_pages *pages, uint16_t id)
{
	for (unsigned int i = 0; i < UMD_PAGE_GROUPS; i++) {
		if (pages->groups[i].out && pages->groups[i].id == id)
			return &pages->groups[i];
	}
	return NULL;
}

uint32_t umd_pages_index(const struct umd_pages *pages, const struct umd_page_group *group)
{
	return (uint32_t)(group - pages->groups);
}

struct umd_page_request *umd_pages_answer(struct umd_pages *pages, struct umd_page_group *group)
{
	group->out = false;
	pages->out -= group->pages;
	pages->answered_ns = umd_now_ns();
	return group->request;
}

/* ---- Patience ------------------------------------------------------------------------------ */

/* What began then has had its time. */
static bool is_over(uint64_t began_ns, uint64_t now)
{
	return now >= began_ns + UMD_PAGES_PATIENCE_NS;
}

static struct umd_page_request *find_unanswered(const struct umd_pages *pages, uint64_t now)
{
	for (unsigned int i = 0; pages->asking && i < UMD_PAGE_GROUPS; i++) {
		const struct umd_page_group *group = &pages->groups[i];

		if (group->request && is_over(group->sent_ns, now))
			return group->request;
	}
	return NULL;
}

/* One that gets no turn, because the client answers nothing or takes nothing. */
static struct umd_page_request *find_stuck(const struct umd_pages *pages, uint64_t now)
{
	struct umd_page_request *request = pages->first;

	if (!is_over(pages->answered_ns, now))
		return NULL;
	while (request && !is_over(request->own.started_ns, now))
		request = request->own.next;
	return request;
}

/* One that is started meanwhile, when one ends, has all its time before it. */
void umd_pages_expire(struct umd_pages *pages)
{
	uint64_t now = umd_now_ns();
	struct umd_page_request *request;

	while ((request = find_unanswered(pages, now)) || (request = find_stuck(pages, now)))
		umd_pages_end(pages, request, -ETIMEDOUT);
}
