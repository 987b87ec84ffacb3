/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A second implementation of a device's config space and interrupts, to compare the library with:
 * written from the specifications, slowly and plainly, and sharing no header with src,
 * include/umdev or linux/. It keeps for each single bit what a driver may do to it, and after each
 * operation lets out every interrupt that nothing holds back any more.
 *
 * Sources: PCI Local Bus 3.0 (PCI), PCI Express Base 5.0 (PCIe), PCI Bus Power Management 1.2 (PM),
 * vfio-pci's rules for SET_IRQS, and what the library promises its devices.
 */
#ifndef MODEL_H
#define MODEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MODEL_SPACE    4096u
#define MODEL_BARS     6u
#define MODEL_VECTORS  32u /* at most, of an index */
#define MODEL_EVENTFDS 64u
#define MODEL_NONE     (-1) /* no eventfd */
#define MODEL_NO_EVENT (-2) /* an fd that is no eventfd */

/* ---- What a device is like ----------------------------------------------------------------- */

enum model_cap {
	MODEL_END, /* of a list */
	MODEL_PM,
	MODEL_MSI,
	MODEL_MSIX,
	MODEL_EXPRESS,
	MODEL_AF,
	MODEL_VPD,
	MODEL_VENDOR,
	MODEL_AER,
	MODEL_DSN,
	MODEL_VSEC,
	MODEL_DVSEC,
	MODEL_ACS,
	MODEL_ARI,
	MODEL_ATS,
	MODEL_PRI,
	MODEL_PASID,
	MODEL_LTR,
	MODEL_TPH,
	MODEL_REBAR,
	MODEL_SRIOV,
	MODEL_DPA,
	MODEL_CAPS,
};

#define MODEL_FIRST_EXTENDED MODEL_AER

struct model_bar {
	uint64_t size;
	bool io, is_64bit, prefetch;
	unsigned int max_access;
	bool requests;		     /* its handler takes whole accesses */
	uint64_t area_at, area_size; /* memory in it */
};

struct model_body {
	unsigned int size;
	const uint8_t *bytes, *writable, *clearable, *sticky;
};

struct model_shape {
	const char *name;
	uint16_t vendor, device, subsystem_vendor, subsystem;
	uint32_t class_code;
	uint8_t revision;
	unsigned int pin; /* of INTx */
	struct model_bar bars[MODEL_BARS];
	const uint8_t *rom;
	size_t rom_size;

	enum model_cap order[MODEL_CAPS]; /* of declaration, up to MODEL_END */
	unsigned int at[MODEL_CAPS];	  /* where each lies */
	bool packed;			  /* the device finds these places itself */

	bool d1, d2, no_soft_reset;
	unsigned int pme, aux_power;

	unsigned int messages;
	bool only_32bit, unmaskable;

	unsigned int vectors, table_bar, pba_bar;
	uint32_t table_at, pba_at;

	bool integrated, flr, extended_tag, no_relaxed_ordering, ltr;
	unsigned int max_payload, link_speed, link_width;

	const uint8_t *vpd;
	size_t vpd_size, vpd_writable_at, vpd_writable_size;

	struct model_body vendor_body, vsec_body, dvsec_body;
	uint16_t vsec_id, dvsec_vendor, dvsec_id;
	uint8_t vsec_revision, dvsec_revision;

	bool ecrc_generation, ecrc_check;
	uint64_t serial;
	unsigned int acs_services, egress_bits, next_function;
	unsigned int queue_depth;
	bool page_aligned, global_invalidate;
	uint32_t capacity;
	bool pasid_required, execute, privileged;
	unsigned int pasid_width;
	bool interrupt_vector_mode, device_specific_mode, extended_tph;
	unsigned int tph_location, tph_entries; /* 0 nowhere, 1 in the capability, 2 in MSI-X */

	unsigned int rebars, rebar_bar[MODEL_BARS];
	uint64_t rebar_sizes[MODEL_BARS];

	uint16_t total_vfs, vf_offset, vf_stride, vf_device;
	uint32_t page_sizes;
	uint64_t vf_bar_size[MODEL_BARS];
	bool vf_bar_64bit[MODEL_BARS], vf_bar_prefetch[MODEL_BARS];

	unsigned int substates, latency_unit, power_scale;
	uint8_t latency[2];
	uint32_t latency_indicator;
	const uint8_t *substate_power;
};

/* ---- What happens to it -------------------------------------------------------------------- */

enum model_irq { MODEL_INTX, MODEL_IRQ_MSI, MODEL_IRQ_MSIX, MODEL_ERR, MODEL_REQ, MODEL_IRQS };

enum model_reset {
	MODEL_RESET_DEVICE,
	MODEL_RESET_FLR,
	MODEL_RESET_POWER,
	MODEL_RESET_SELF,
	MODEL_RESET_DISCONNECT,
};

enum model_power { MODEL_D0, MODEL_D1, MODEL_D2, MODEL_D3HOT };

/* SET_IRQS's flags, as vfio has them. */
#define MODEL_DATA_NONE	   0x01u
#define MODEL_DATA_BOOL	   0x02u
#define MODEL_DATA_EVENTFD 0x04u
#define MODEL_MASK	   0x08u
#define MODEL_UNMASK	   0x10u
#define MODEL_TRIGGER	   0x20u

struct model_set {
	uint32_t flags, index, start, count;
	const uint8_t *bools;
	const int *fds; /* eventfds by number, or MODEL_NO_EVENT */
	unsigned int fd_count;
};

/* Things worth having seen, since they need several operations to come together. */
enum model_event {
	MODEL_SAW_FLR,
	MODEL_SAW_POWER_RESET,
	MODEL_SAW_SOFT_RETURN, /* from D3hot to D0 without a reset */
	MODEL_SAW_STATE_REFUSED,
	MODEL_SAW_INTX_AGAIN, /* signalled by an unmask */
	MODEL_SAW_MSI_SHARED, /* several vectors in one message */
	MODEL_SAW_MSI_PENDING,
	MODEL_SAW_MSI_RELEASED,
	MODEL_SAW_MSI_GROWN,
	MODEL_SAW_MSIX_PENDING,
	MODEL_SAW_MSIX_RELEASED,
	MODEL_SAW_VPD_READ,
	MODEL_SAW_VPD_WRITTEN,
	MODEL_SAW_RESIZED,
	MODEL_SAW_SIZE_REFUSED,
	MODEL_SAW_SUBSTATE,
	MODEL_SAW_ERROR_SENT,
	MODEL_SAW_ERROR_LOGGED,
	MODEL_SAW_WAKEUP, /* signalled to the client */
	MODEL_EVENTS,
};

/* What the device's own code does, and is told. */
struct model_sink {
	void *data;
	uint64_t (*read)(void *data, unsigned int bar, uint64_t offset, unsigned int size);
	void (*write)(void *data, unsigned int bar, uint64_t offset, unsigned int size,
		      uint64_t value);
	int (*request)(void *data, bool write, uint64_t offset, uint8_t *bytes, size_t size);
	void (*reset)(void *data, enum model_reset kind);
	void (*power)(void *data, int state); /* -1: low power */
	void (*body_written)(void *data, enum model_cap cap, size_t offset, size_t size);
	void (*body_reading)(void *data, enum model_cap cap, size_t offset, size_t size);
};

struct model_entry {
	uint8_t bytes[16]; /* as a driver sees it in the MSI-X table */
	bool governs;	   /* written since the last reset */
	bool pending;
};

struct model {
	const struct model_shape *shape;
	struct model_sink sink;

	/* Config space, and for each bit enum model_kind. */
	size_t size;
	uint8_t bytes[MODEL_SPACE], initial[MODEL_SPACE], kinds[MODEL_SPACE * 8];

	enum model_power power;
	bool low, asleep; /* the client has let go; the device has been told */
	int wakeup;

	int fds[MODEL_IRQS][MODEL_VECTORS];
	enum model_irq live; /* MODEL_IRQS: none */
	unsigned int allocated;
	uint32_t hidden_pending; /* MSI's where there is no register for it */
	bool asserted, masked;
	int unmask;
	bool unmask_ready; /* signalled, and not looked at yet */
	struct model_entry entries[MODEL_VECTORS];

	uint8_t *vpd, *memory; /* the area of a BAR */
	unsigned int size_bits[MODEL_BARS];

	uint64_t signals[MODEL_EVENTFDS]; /* what each eventfd has counted */
	uint64_t events[MODEL_EVENTS];
};

/* 0, or -1 where there is no memory. */
int model_init(struct model *m, const struct model_shape *shape, const struct model_sink *sink);
void model_finish(struct model *m);

/* Accesses by the driver; regions are numbered as vfio does: 6 the ROM, 7 config space. */
int model_access(struct model *m, unsigned int region, bool write, uint64_t offset, uint8_t *data,
		 size_t size);

int model_set_irqs(struct model *m, const struct model_set *set);
unsigned int model_enabled_vectors(const struct model *m, enum model_irq index);

/* The client has signalled an eventfd, or read it; the device has looked at what it waits for. */
void model_signalled(struct model *m, int eventfd);
void model_drained(struct model *m, int eventfd);
void model_dispatch(struct model *m);

void model_reset(struct model *m, enum model_reset kind);
int model_enter_low(struct model *m, int wakeup);
int model_exit_low(struct model *m);

/* Calls by the device's own code. */
int model_trigger(struct model *m, unsigned int index, unsigned int vector);
void model_set_intx(struct model *m, bool asserted);
void model_wake(struct model *m);
int model_report_error(struct model *m, bool correctable, uint32_t status, const uint32_t *header);
uint32_t model_peek(const struct model *m, size_t at, unsigned int size);
void model_poke(struct model *m, size_t at, unsigned int size, uint32_t value);
bool model_is_master(const struct model *m);

#endif
