/* SPDX-License-Identifier: BSD-2-Clause */
/* INTx, MSI, ERR and REQ, and SET_IRQS as vfio-pci understands it. MSI-X: model_msix.c. */
#include <errno.h>

#include "parts.h"

bool model_is_quiet(const struct model *m)
{
	return m->power != MODEL_D0;
}

void model_signal(struct model *m, enum model_irq index, unsigned int vector)
{
	if (m->fds[index][vector] >= 0)
		m->signals[m->fds[index][vector]]++;
}

/* ---- MSI (PCI, section 6.8.1) -------------------------------------------------------------- */

static size_t msi_at(const struct model *m)
{
	return m->shape->at[MODEL_MSI];
}

static bool msi_enabled(const struct model *m)
{
	return msi_at(m) && (m->bytes[msi_at(m) + MSI_CONTROL] & 1);
}

static unsigned int msi_messages(const struct model *m)
{
	return 1u << (m->bytes[msi_at(m) + MSI_CONTROL] >> 4 & 7);
}

static size_t mask_at(const struct model *m)
{
	return msi_at(m) + (m->shape->only_32bit ? 12 : 16);
}

static uint32_t msi_masked(const struct model *m)
{
	return m->shape->unmaskable ? 0 : model_get(m, mask_at(m), 4);
}

static uint32_t msi_pending(const struct model *m)
{
	return m->shape->unmaskable ? m->hidden_pending : model_get(m, mask_at(m) + 4, 4);
}

static void put_pending(struct model *m, uint32_t pending)
{
	if (m->shape->unmaskable)
		m->hidden_pending = pending;
	else
		model_put(m, mask_at(m) + 4, 4, pending);
}

/* The smallest code that has room for what SET_IRQS has enabled. */
static unsigned int most_messages(const struct model *m)
{
	unsigned int code = 0;

	while (1u << code < m->allocated)
		code++;
	return code;
}

static void put_control(struct model *m, bool enabled, unsigned int code)
{
	uint8_t *control = &m->bytes[msi_at(m) + MSI_CONTROL];

	*control = (uint8_t)((*control & 0x8e) | code << 4 | enabled);
}

void model_msi_limit(struct model *m)
{
	unsigned int code = m->bytes[msi_at(m) + MSI_CONTROL] >> 4 & 7, most = most_messages(m);

	put_control(m, msi_enabled(m) && m->allocated, code < most ? code : most);
}

void model_msi_restore(struct model *m)
{
	if (msi_at(m))
		put_control(m, m->allocated, most_messages(m));
}

static void trigger_msi(struct model *m, unsigned int vector)
{
	unsigned int message;

	if (!msi_enabled(m))
		return;
	message = vector & (msi_messages(m) - 1);
	if (message != vector)
		m->events[MODEL_SAW_MSI_SHARED]++;
	if (!model_is_quiet(m) && !(msi_masked(m) >> message & 1)) {
		model_signal(m, MODEL_IRQ_MSI, message);
		return;
	}
	put_pending(m, msi_pending(m) | UINT32_C(1) << message);
	m->events[MODEL_SAW_MSI_PENDING]++;
}

static void settle_msi(struct model *m)
{
	if (!msi_enabled(m) || model_is_quiet(m))
		return;
	for (unsigned int i = 0; i < m->shape->messages; i++) {
		uint32_t bit = UINT32_C(1) << i;

		if (!(msi_pending(m) & ~msi_masked(m) & bit))
			continue;
		put_pending(m, msi_pending(m) & ~bit);
		model_signal(m, MODEL_IRQ_MSI, i);
		m->events[MODEL_SAW_MSI_RELEASED]++;
	}
}

/* ---- INTx: signalled once, and then masked until the client unmasks ------------------------ */

static void settle_intx(struct model *m)
{
	uint32_t command = model_get(m, HEADER_COMMAND, 2);

	if (!m->asserted || m->masked || (command & COMMAND_INTX_DISABLE) || model_is_quiet(m) ||
	    m->live != MODEL_INTX)
		return;
	m->masked = true;
	model_signal(m, MODEL_INTX, 0);
}

void model_set_intx(struct model *m, bool asserted)
{
	m->asserted = asserted;
	m->bytes[HEADER_STATUS] =
		(uint8_t)((m->bytes[HEADER_STATUS] & ~STATUS_INTX) | (asserted ? STATUS_INTX : 0));
	model_settle(m);
}

static void unmask(struct model *m)
{
	bool was_masked = m->masked;

	m->masked = false;
	model_settle(m);
	if (was_masked && m->masked)
		m->events[MODEL_SAW_INTX_AGAIN]++;
}

void model_signalled(struct model *m, int eventfd)
{
	m->signals[eventfd]++;
	if (eventfd == m->unmask)
		m->unmask_ready = true;
}

void model_drained(struct model *m, int eventfd)
{
	m->signals[eventfd] = 0;
	if (eventfd == m->unmask)
		m->unmask_ready = false;
}

void model_dispatch(struct model *m)
{
	bool ready = m->unmask_ready;

	m->unmask_ready = false;
	if (ready)
		unmask(m);
}

/* ---- All of them --------------------------------------------------------------------------- */

void model_settle(struct model *m)
{
	settle_intx(m);
	settle_msi(m);
	model_msix_settle(m);
}

static unsigned int count_of(const struct model *m, unsigned int index)
{
	const unsigned int counts[] = {
		[MODEL_INTX] = m->shape->pin ? 1 : 0,
		[MODEL_IRQ_MSI] = m->shape->at[MODEL_MSI] ? m->shape->messages : 0,
		[MODEL_IRQ_MSIX] = m->shape->at[MODEL_MSIX] ? m->shape->vectors : 0,
		[MODEL_ERR] = 1,
		[MODEL_REQ] = 1,
	};

	return index < MODEL_IRQS ? counts[index] : 0;
}

int model_trigger(struct model *m, unsigned int index, unsigned int vector)
{
	if (index == MODEL_INTX || vector >= count_of(m, index))
		return -EINVAL;
	if (index == MODEL_IRQ_MSI)
		trigger_msi(m, vector);
	else if (index == MODEL_IRQ_MSIX)
		model_msix_trigger(m, vector);
	else
		model_signal(m, index, vector);
	return 0;
}

unsigned int model_enabled_vectors(const struct model *m, enum model_irq index)
{
	unsigned int used = 0;

	if (index == MODEL_IRQ_MSI)
		return msi_enabled(m) ? msi_messages(m) : 0;
	for (unsigned int i = 0; i < MODEL_VECTORS; i++) {
		if (m->fds[index][i] >= 0)
			used = i + 1;
	}
	return used;
}

void model_drop(struct model *m, enum model_irq index)
{
	for (unsigned int i = 0; i < MODEL_VECTORS; i++)
		m->fds[index][i] = MODEL_NONE;
	if (m->live == index)
		m->live = MODEL_IRQS;
	if (index == MODEL_INTX) {
		m->unmask = MODEL_NONE;
		m->masked = m->unmask_ready = false;
	}
	if (index == MODEL_IRQ_MSI) {
		m->allocated = 0;
		model_msi_restore(m);
		if (msi_at(m))
			put_pending(m, 0);
	}
}

/* The line is low, and what waited is lost; MSI is as SET_IRQS enabled it. */
void model_irqs_reset(struct model *m)
{
	m->asserted = false;
	m->hidden_pending = 0;
	model_msi_restore(m);
	model_msix_reset(m);
}

/* ---- SET_IRQS ------------------------------------------------------------------------------ */

static bool is_single(uint32_t bits)
{
	return bits && !(bits & (bits - 1));
}

/* One of them is on at a time. */
static bool excludes(unsigned int index)
{
	return index <= MODEL_IRQ_MSIX;
}

static bool is_on(const struct model *m, unsigned int index)
{
	return excludes(index) ? m->live == index : m->fds[index][0] >= 0;
}

static bool are_eventfds(const struct model_set *set)
{
	if (set->fd_count && set->fd_count != set->count)
		return false;
	for (unsigned int i = 0; i < set->fd_count; i++) {
		if (set->fds[i] == MODEL_NO_EVENT)
			return false;
	}
	return true;
}

static int mask_intx(struct model *m, const struct model_set *set)
{
	if (set->index != MODEL_INTX)
		return -ENOTTY;
	if (m->live != MODEL_INTX || set->count != 1)
		return -EINVAL;
	if (set->flags & MODEL_DATA_EVENTFD) {
		if (set->flags & MODEL_MASK)
			return -ENOTTY;
		if (!are_eventfds(set))
			return -EINVAL;
		m->unmask = set->fd_count ? set->fds[0] : MODEL_NONE;
		m->unmask_ready = m->unmask >= 0 && m->signals[m->unmask];
		return 0;
	}
	if ((set->flags & MODEL_DATA_BOOL) && !set->bools[0])
		return 0;
	if (set->flags & MODEL_MASK)
		m->masked = true;
	else
		unmask(m);
	return 0;
}

/* MSI grows while it is on by vectors that follow on those enabled, and by no others. */
static bool can_grow(const struct model *m, const struct model_set *set)
{
	if (!set->count || set->start + set->count <= m->allocated)
		return true;
	return set->start == m->allocated;
}

static int assign(struct model *m, const struct model_set *set)
{
	unsigned int end = set->start + set->count;

	if (!excludes(set->index) && !set->count)
		return -EINVAL;
	if (!is_on(m, set->index) && !end)
		return -EINVAL;
	if (set->index == MODEL_IRQ_MSI && is_on(m, MODEL_IRQ_MSI) && !can_grow(m, set))
		return -EINVAL;
	if (!are_eventfds(set))
		return -EINVAL;

	for (unsigned int i = 0; i < set->count; i++)
		m->fds[set->index][set->start + i] = set->fd_count ? set->fds[i] : MODEL_NONE;
	if (set->index == MODEL_IRQ_MSI && end > m->allocated && (set->count || !m->allocated)) {
		if (m->allocated)
			m->events[MODEL_SAW_MSI_GROWN]++;
		m->allocated = end;
		model_msi_restore(m);
	}
	if (excludes(set->index))
		m->live = set->index;
	model_settle(m);
	return 0;
}

/* The client tests its wiring: masks do not count. */
static int loop_back(struct model *m, const struct model_set *set)
{
	if (!is_on(m, set->index))
		return -EINVAL;
	if (!excludes(set->index) && !set->count)
		return -EINVAL;
	for (unsigned int i = 0; i < set->count; i++) {
		if (!(set->flags & MODEL_DATA_BOOL) || set->bools[i])
			model_signal(m, set->index, set->start + i);
	}
	return 0;
}

static int trigger(struct model *m, const struct model_set *set)
{
	if ((set->flags & MODEL_DATA_NONE) && !set->count) {
		model_drop(m, set->index);
		return 0;
	}
	if (excludes(set->index) && m->live != MODEL_IRQS && m->live != set->index)
		return -EINVAL;
	if (set->index == MODEL_INTX && set->count != 1)
		return -EINVAL;
	return set->flags & MODEL_DATA_EVENTFD ? assign(m, set) : loop_back(m, set);
}

int model_set_irqs(struct model *m, const struct model_set *set)
{
	const uint32_t data = MODEL_DATA_NONE | MODEL_DATA_BOOL | MODEL_DATA_EVENTFD;
	const uint32_t action = MODEL_MASK | MODEL_UNMASK | MODEL_TRIGGER;
	unsigned int count = count_of(m, set->index);

	if ((set->flags & ~(data | action)) || !is_single(set->flags & data))
		return -EINVAL;
	if (set->start >= count || set->count > count - set->start)
		return -EINVAL;
	if (!is_single(set->flags & action))
		return -ENOTTY;
	return set->flags & MODEL_TRIGGER ? trigger(m, set) : mask_intx(m, set);
}
