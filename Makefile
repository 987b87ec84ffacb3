# SPDX-License-Identifier: BSD-2-Clause
# A thin face over meson. `make help` says what there is.
BUILD  ?= build
PREFIX ?= /usr/local
MESON  ?= meson

.PHONY: all demo check check-all check-iommufd bench fuzz install clean help

all: build-deps $(BUILD)/release/build.ninja
	@ninja -C $(BUILD)/release --quiet

demo: all
	@tests/vm/demo $(BUILD)/release

check: check-deps
	@tools/check $(BUILD)

check-all: check-deps iommufd-deps
	@tools/check --all $(BUILD)

check-iommufd: check-deps iommufd-deps
	@tools/check --iommufd $(BUILD)

bench: all
	@tests/bench/run $(BUILD)/release --json $(BUILD)/bench.json

fuzz: check-deps
	@tools/fuzz $(BUILD)/fuzz $(SECONDS)

install: all
	@$(MESON) configure $(BUILD)/release --prefix=$(PREFIX)
	@$(MESON) install -C $(BUILD)/release --no-rebuild

clean:
	rm -rf $(BUILD)

build-deps:
	@tools/deps build

check-deps:
	@tools/deps build check

iommufd-deps:
	@tools/deps iommufd

$(BUILD)/release/build.ninja:
	@$(MESON) setup --buildtype=release -Doptimization=2 -Db_lto=true \
		-Dc_args=-ffat-lto-objects --prefix=$(PREFIX) $(BUILD)/release >/dev/null

help:
	@echo 'make             build the library and umdev, optimised'
	@echo 'make demo        two Linux VMs and a program share an accelerator; half a minute'
	@echo 'make check       run the tests, plain and sanitised; up to ten minutes'
	@echo 'make check-all   and the long ones: storms, ThreadSanitizer, an hour of fuzzing'
	@echo 'make check-iommufd  the tests that boot a kernel with VFIO cdevs, built the first time'
	@echo 'make bench       measure speed beside the floor of this machine'
	@echo 'make fuzz        fuzz until interrupted, or for SECONDS=n'
	@echo 'make install     install below PREFIX=$(PREFIX) (DESTDIR is respected)'
	@echo 'make clean       remove $(BUILD)'
	@echo 'As root on Debian, demo and check install the packages that are missing.'
