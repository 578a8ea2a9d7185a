# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

# Every target sets itself up: what is missing is installed with apt-get (as root) or into .venv.

# The distribution's interpreter, whatever PATH says: what is tested is what ships.
PYTHON := /usr/bin/python3
VENV := .venv
RUN := PYTHONPATH=src $(VENV)/bin/python -m

TOOLS := hypothesis==6.170.15 mypy==2.4.1 pytest==9.2.0 pytest-mock==3.17.0 pytest-xdist==3.8.0 reuse==6.2.0 ruff==0.17.6

NEEDS_CHECK := file git man-db python3-gi python3-maxminddb python3-pydbus python3-rich python3-systemd \
	procps python3-venv scdoc shellcheck systemd ufw
NEEDS_DEB := build-essential
NEEDS_LINTIAN := lintian
NEEDS_LAB := debian-archive-keyring iproute2 mmdebstrap openssh-client sshpass systemd-container \
	util-linux
NEEDS_TEST := $(NEEDS_LAB) conntrack curl dbus iptables nftables polkitd python3-dbusmock \
	systemd-journal-remote
NEEDS_BENCH := dbus iproute2 iptables python3-gi python3-pydbus python3-rich python3-systemd systemd \
	systemd-journal-remote ufw util-linux

SOURCES := pyproject.toml Makefile ARCHITECTURE.md NEWS.md README.md REUSE.toml .ci LICENSES debian man \
	src tests units
DEB_INPUTS := $(shell find $(SOURCES) -type f ! -path '*/__pycache__/*' ! -path '*.egg-info/*')

export DEBIAN_FRONTEND := noninteractive

.PHONY: help bench check clean deb demo install lab lint lintian test torture
.DEFAULT_GOAL := help
# Two of them at once would both call apt-get.
.NOTPARALLEL:

# $(call need,PACKAGES): install those that are not there; quick and silent when all are.
define need
@missing=; for package in $(1); do \
	dpkg-query -W -f '$${db:Status-Status}' $$package 2>/dev/null | grep -qx installed \
		|| missing="$$missing $$package"; \
done; \
if [ -n "$$missing" ]; then \
	[ "$$(id -u)" = 0 ] || { echo "missing:$$missing (as root, make installs them)" >&2; exit 1; }; \
	apt-get update -qq && apt-get install -qq --yes --no-install-recommends $$missing; \
fi
endef

help: ## show this list
	@sed -n 's/^\([a-z]*\):[^#]*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 12

# Whoever wants to see it need not wait for the package's own tests, nor install what they need.
demo: export DEB_BUILD_OPTIONS := nocheck
demo: export DEB_BUILD_PROFILES := nocheck
demo: deb ## watch an attack, a ban and the unban on a throw-away host (as root)
	$(call need,$(NEEDS_LAB))
	$(PYTHON) -m tests.lab.demo

test: lint deb lintian build/peer.stamp ## everything: lint, package, unit to end-to-end tests (as root)
	$(call need,$(NEEDS_TEST))
	$(RUN) pytest -n auto --hypothesis-profile=thorough tests/unit tests/property
	$(RUN) pytest -n 2 --dist=loadfile tests/integration
	$(RUN) pytest -n 4 --dist=loadfile tests/e2e --suite=all

torture: deb $(VENV)/stamp ## kill it 300 times, replay a million entries: nothing may differ (as root)
	$(call need,$(NEEDS_CHECK) $(NEEDS_TEST))
	$(RUN) pytest --verbose -raP --kills=300 --entries=1000000 --hypothesis-profile=torture \
		tests/e2e/test_torture.py tests/integration/test_service.py tests/integration/test_million.py \
		tests/property/test_model.py

check: lint ## the quick part: lint, types, unit and property tests
	$(RUN) pytest -n auto tests/unit tests/property

bench: build/peer.stamp ## measure it beside fail2ban and journalctl, some minutes long (as root)
	$(call need,$(NEEDS_BENCH))
	PYTHONPATH=src $(PYTHON) -m tests.bench --json build/bench.json

deb: build/deb.stamp ## build the package into build/

install: deb ## install jaild on this host (as root)
	apt-get install --yes --reinstall ./build/jaild_*_all.deb

lab: ## how to have a throw-away host of your own
	$(PYTHON) -m tests.lab --help

clean: ## remove what the other targets made here
	rm -rf build $(VENV) .mypy_cache .pytest_cache .ruff_cache .hypothesis

lint: $(VENV)/stamp
	$(call need,$(NEEDS_CHECK))
	$(VENV)/bin/ruff format --check --quiet .
	$(VENV)/bin/ruff check --quiet .
	$(VENV)/bin/mypy
	$(VENV)/bin/reuse lint --quiet

DOWNLOAD := apt-get -o APT::Sandbox::User=root download -qq

# fail2ban's own filters and engine, unpacked to compare with and never installed.
build/peer.stamp:
	mkdir -p build/peer
	cd build/peer && { $(DOWNLOAD) fail2ban || { apt-get update -qq && $(DOWNLOAD) fail2ban; }; }
	cd build/peer && dpkg-deb --extract fail2ban_*.deb . && rm fail2ban_*.deb
	touch $@

lintian: build/deb.stamp
	$(call need,$(NEEDS_LINTIAN))
	lintian --allow-root --fail-on error,warning build/jaild_*.changes

$(VENV)/stamp: Makefile
	$(call need,python3-venv)
	$(PYTHON) -m venv --system-site-packages $(VENV)
	$(VENV)/bin/pip install --quiet --disable-pip-version-check $(TOOLS)
	touch $@

# In a copy, so that the checkout stays clean. The version's date is the packages' and the pages' date.
build/deb.stamp: $(DEB_INPUTS)
	$(call need,$(NEEDS_DEB))
	rm -rf build/src build/jaild_*
	mkdir -p build/src
	@cp --parents --preserve=mode $(DEB_INPUTS) build/src/
	cd build/src && { dpkg-checkbuilddeps 2>/dev/null || \
		{ apt-get update -qq && apt-get build-dep -qq --yes --no-install-recommends ./; }; }
	cd build/src && env -u CI PATH=/usr/sbin:/usr/bin:/sbin:/bin \
		dpkg-buildpackage --build=binary --unsigned-changes --unsigned-buildinfo
	touch $@
