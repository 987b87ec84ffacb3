/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Capabilities of a PCI device: a struct and a call for each, between umd_device_create() and
 * umd_device_realize(). Config space is 256 bytes, or 4 KiB for a device with a PCI Express
 * capability, which the extended ones below need.
 *
 * Capabilities are linked in the order of their declaration. Each lies where `at` says, or at the
 * next free place; a device that places one should place all of them. The first extended capability
 * lies at 0x100, where their chain begins.
 *
 * Every call returns 0; -EINVAL for a value that cannot be; -EEXIST for a second one of a kind that
 * a device has once; -ENOSPC where it does not fit; -EBUSY once the device is realised. The first
 * failure is kept, and umd_device_realize() fails with its sentence, which names the field; so the
 * calls need no check one by one.
 *
 * What a driver may write is what the specification lets it write; the rest reads as declared. The
 * library does what the registers ask for: it resets the function, moves it between power states,
 * sends messages. What else a driver has set, a device asks by umd_device_config_read().
 *
 * References: PCI Local Bus 3.0 (PCI), PCI Express Base 5.0 (PCIe), PCI Bus Power Management 1.2
 * (PM). Constants that a member takes are those of linux/pci_regs.h.
 */
#ifndef UMDEV_CAPS_H
#define UMDEV_CAPS_H

#include <umdev/device.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---- Registers as bytes -------------------------------------------------------------------- */

/** Bytes that a driver sees as they are, and for each bit what it may do to it. */
struct umd_cap_body {
	size_t size;		  /* bytes of each of these; those below may be NULL for none */
	const uint8_t *bytes;	  /* initial values; NULL: zeroes */
	const uint8_t *writable;  /* bits that the driver writes */
	const uint8_t *clearable; /* others, which the driver clears by writing ones */
	const uint8_t *sticky;	  /* bits that a function reset leaves alone */

	/**
	 * The driver has written [offset, offset + size) of the body: once for each aligned piece
	 * of 4, 2 or 1 bytes that an access is made of, in ascending order. May be NULL.
	 */
	void (*written)(void *data, size_t offset, size_t size);
	/** The driver is about to read from the body: time to refresh it. May be NULL. */
	void (*reading)(void *data, size_t offset, size_t size);
};

/* ---- Capabilities -------------------------------------------------------------------------- */

/** Power Management, version 3 (PM, section 3.2). Every device has D0 and D3hot. */
struct umd_pm {
	unsigned int at;
	bool d1, d2;		/* the states in between */
	bool no_soft_reset;	/* D3hot to D0 keeps the function's state: No_Soft_Reset */
	unsigned int pme;	/* states that can send PME: bit 0 D0 to bit 3 D3hot, 4 D3cold */
	unsigned int aux_power; /* Aux_Current, 0 to 7; 0 where D3cold cannot send PME */
};
int umd_device_add_pm(struct umd_device *device, const struct umd_pm *pm);

/** MSI (PCI, section 6.8.1). The messages are UMD_IRQ_MSI's vectors. */
struct umd_msi {
	unsigned int at;
	unsigned int messages; /* 1, 2, 4, 8, 16 or 32 */
	bool only_32bit;       /* no 64-bit addresses */
	bool unmaskable;       /* no mask and pending bits */
};
int umd_device_add_msi(struct umd_device *device, const struct umd_msi *msi);

/* MSI-X: umd_device_add_msix() in umdev/device.h. */

/**
 * PCI Express, version 2 (PCIe, section 7.5.3): an endpoint, whose config space is thereby 4 KiB.
 * Its link is as fast and as wide as it can be, without power management (ASPM). End-End TLP
 * Prefixes, in which PASIDs travel, are supported.
 */
struct umd_pcie {
	unsigned int at;
	bool integrated;	  /* a root complex integrated endpoint: it has no link */
	bool flr;		  /* can be reset by its driver: Function Level Reset */
	bool extended_tag;	  /* 8-bit tags */
	bool no_relaxed_ordering; /* ordering is not relaxed at the driver's word */
	bool ltr;		  /* reports latency tolerance; see umd_ltr */
	unsigned int max_payload; /* bytes, 128 to 4096; 0: 128 */
	unsigned int link_speed;  /* 1: 2.5 GT/s to 5: 32 GT/s; 0: 2.5 GT/s, or integrated */
	unsigned int link_width;  /* lanes: 1, 2, 4, 8, 12, 16, 32; 0: 1, or integrated */
};
int umd_device_add_pcie(struct umd_device *device, const struct umd_pcie *pcie);

/** Advanced Features: a conventional device's function level reset (PCI ECN Advanced Caps). */
struct umd_af {
	unsigned int at;
};
int umd_device_add_af(struct umd_device *device, const struct umd_af *af);

/** Vital Product Data (PCI, appendix I). */
struct umd_vpd {
	unsigned int at;
	const void *bytes;    /* copied */
	size_t size;	      /* a multiple of 4, 4 to 32 KiB */
	size_t writable_at;   /* where the part begins that the driver may write: its RW resource */
	size_t writable_size; /* 0: none */
};
int umd_device_add_vpd(struct umd_device *device, const struct umd_vpd *vpd);

/** Vendor-Specific (PCI, section 6.7): the body is what follows id, next and length. */
struct umd_vendor_cap {
	unsigned int at;
	struct umd_cap_body body; /* at most 189 bytes */
};
int umd_device_add_vendor_cap(struct umd_device *device, const struct umd_vendor_cap *cap);

/* ---- Extended capabilities ----------------------------------------------------------------- */

/**
 * Advanced Error Reporting, version 2 (PCIe, section 7.8.4), with the errors that an endpoint
 * detects: not PCI_ERR_UNC_SURPDN, _MCBTLP, _ATOMEG, _TLPPRE. See umd_device_report_error().
 */
struct umd_aer {
	unsigned int at;
	bool ecrc_generation, ecrc_check; /* of an end-to-end CRC: the driver can enable it */
};
int umd_device_add_aer(struct umd_device *device, const struct umd_aer *aer);

/** Device Serial Number (PCIe, section 7.9.3). */
struct umd_dsn {
	unsigned int at;
	uint64_t serial; /* EUI-64, the first byte in bits 63:56 */
};
int umd_device_add_dsn(struct umd_device *device, const struct umd_dsn *dsn);

/** Vendor-Specific Extended (PCIe, section 7.9.5): the body is what follows its two headers. */
struct umd_vsec {
	unsigned int at;
	uint16_t id;		  /* VSEC ID */
	uint8_t revision;	  /* 4 bits */
	struct umd_cap_body body; /* at most 3832 bytes: up to the end of config space */
};
int umd_device_add_vsec(struct umd_device *device, const struct umd_vsec *vsec);

/** Designated Vendor-Specific Extended (PCIe, section 7.9.6): what follows its 10 bytes. */
struct umd_dvsec {
	unsigned int at;
	uint16_t vendor;	  /* DVSEC Vendor ID */
	uint16_t id;		  /* DVSEC ID */
	uint8_t revision;	  /* 4 bits */
	struct umd_cap_body body; /* at most 3830 bytes */
};
int umd_device_add_dvsec(struct umd_device *device, const struct umd_dvsec *dvsec);

/** Access Control Services of a function (PCIe, section 7.7.8). */
struct umd_acs {
	unsigned int at;
	unsigned int services;	  /* PCI_ACS_...: RR and CR (both or none), EC, DT */
	unsigned int egress_bits; /* with PCI_ACS_EC: size of the vector, 1 to 256 */
};
int umd_device_add_acs(struct umd_device *device, const struct umd_acs *acs);

/** Alternative Routing-ID Interpretation (PCIe, section 7.8.7). */
struct umd_ari {
	unsigned int at;
	unsigned int next_function; /* 0: the last one */
};
int umd_device_add_ari(struct umd_device *device, const struct umd_ari *ari);

/** Address Translation Service (PCIe, section 10.5.1). */
struct umd_ats {
	unsigned int at;
	unsigned int queue_depth; /* invalidations taken at a time, 1 to 32 */
	bool page_aligned;	  /* untranslated addresses are page-aligned */
	bool global_invalidate;	  /* understands it */
};
int umd_device_add_ats(struct umd_device *device, const struct umd_ats *ats);

/** Page Request Interface (PCIe, section 10.5.2); umd_page_request_start() in umdev/pasid.h. */
struct umd_pri {
	unsigned int at;
	uint32_t capacity;   /* outstanding page requests, at least 1 */
	bool pasid_required; /* responses carry the PASID of their request */
};
int umd_device_add_pri(struct umd_device *device, const struct umd_pri *pri);

/**
 * Process Address Space ID (PCIe, section 7.8.8). What it is for is in umdev/pasid.h. A device that
 * is of no use without it says `required`: then a client without the extension that attaches spaces
 * is refused at its VERSION, with -EPROTONOSUPPORT.
 */
struct umd_pasid {
	unsigned int at;
	unsigned int width; /* bits, 1 to 20 */
	bool execute;	    /* can ask for the permission to execute */
	bool privileged;    /* can ask as a privileged entity */
	bool required;	    /* a client that cannot attach spaces is refused */
};
int umd_device_add_pasid(struct umd_device *device, const struct umd_pasid *pasid);

/** Latency Tolerance Reporting (PCIe, section 7.8.2). The PCI Express capability says `ltr`. */
struct umd_ltr {
	unsigned int at;
};
int umd_device_add_ltr(struct umd_device *device, const struct umd_ltr *ltr);

/** TPH Requester (PCIe, section 7.9.13). */
struct umd_tph {
	unsigned int at;
	bool interrupt_vector_mode;  /* steering tags by MSI-X vector; needs a table */
	bool device_specific_mode;   /* steering tags as the device likes */
	bool extended;		     /* 16-bit steering tags */
	unsigned int table_location; /* PCI_TPH_LOC_NONE, _CAP, _MSIX */
	unsigned int table_entries;  /* with _CAP 1 to 64, with _MSIX 1 to 2048, else 0 */
};
int umd_device_add_tph(struct umd_device *device, const struct umd_tph *tph);

/**
 * Resizable BAR (PCIe, section 7.8.6). The largest size of each is that of the declared BAR, which
 * is its size after a reset too. The driver's choice changes the address bits of the BAR; its
 * region keeps the largest size.
 */
struct umd_rebar {
	unsigned int at;
	unsigned int count; /* 1 to 6 */
	struct {
		unsigned int bar;
		uint64_t sizes; /* the sum of its sizes: powers of two, 1 MiB to 128 TiB */
	} bars[6];
};
int umd_device_add_rebar(struct umd_device *device, const struct umd_rebar *rebar);

/**
 * Single Root I/O Virtualization (PCIe, section 9.3.3), to be looked at: no register can be
 * written, as with the kernel's vfio-pci, and no virtual function (VF) is ever enabled. So a VF's
 * BARs read as their kind, 64-bit or prefetchable, with no address; their sizes cannot be found
 * out, and are checked only.
 */
struct umd_sriov {
	unsigned int at;
	uint16_t total_vfs;	   /* at least 1; also InitialVFs */
	uint16_t vf_offset;	   /* from this function's routing ID to the first VF's */
	uint16_t vf_stride;	   /* from one VF's to the next one's; 0 only for a single VF */
	uint16_t vf_device;	   /* VF Device ID */
	uint32_t page_sizes;	   /* bit n: 2^(n+12) bytes; 0: 0x553, which every device has */
	uint64_t bar_sizes[6];	   /* of a VF: a power of two from 4 KiB on; 0: none */
	unsigned int bar_flags[6]; /* UMD_REGION_MEM64, _PREFETCH */
};
int umd_device_add_sriov(struct umd_device *device, const struct umd_sriov *sriov);

/** Dynamic Power Allocation (PCIe, section 7.9.12). */
struct umd_dpa {
	unsigned int at;
	unsigned int substates;	    /* 1 to 32 */
	unsigned int latency_unit;  /* 0: 1 ms, 1: 10 ms, 2: 100 ms */
	uint8_t latency[2];	    /* transition latency values 0 and 1, in units */
	uint32_t latency_indicator; /* which value a substate has, a bit each */
	unsigned int power_scale;   /* 0: 10 W, 1: 1 W, 2: 0.1 W, 3: 0.01 W */
	const uint8_t *power;	    /* of each substate: no more than the one before */
};
int umd_device_add_dpa(struct umd_device *device, const struct umd_dpa *dpa);

/* ---- Config space at run time -------------------------------------------------------------- */

/**
 * Finds a declared capability.
 *
 * @return its offset; -ENOENT
 */
int umd_device_find_cap(const struct umd_device *device, unsigned int id);
int umd_device_find_ext_cap(const struct umd_device *device, unsigned int id);

/**
 * What config space says now, and setting what the driver reads: no mask applies, and nothing is
 * called. Numbers in the host's byte order.
 *
 * @param size 1, 2 or 4; the field lies within config space (else 0 is read, nothing written)
 */
uint32_t umd_device_config_read(const struct umd_device *device, unsigned int offset,
				unsigned int size);
void umd_device_config_write(struct umd_device *device, unsigned int offset, unsigned int size,
			     uint32_t value);

/**
 * Reports an error of the device as hardware does: enters it in the AER capability, where there is
 * one, and in the PCI Express capability's device status, and tells the driver by the ERR interrupt
 * unless it is masked or the driver has reporting of it off.
 *
 * @param status PCI_ERR_UNC_... of an uncorrectable error, or PCI_ERR_COR_... of a correctable one
 * @param header four words of the TLP at fault; NULL for none
 * @return 0; -EINVAL for no bit, several, or one that an endpoint never reports; -ENOENT for a
 * device without PCI Express
 */
int umd_device_report_error(struct umd_device *device, bool correctable, uint32_t status,
			    const uint32_t *header);

#ifdef __cplusplus
}
#endif
#endif
