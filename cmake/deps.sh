#!/bin/sh
# deps.sh [PACKAGE...]: installs the Debian packages that are missing, of those that are named or of all that a build
# needs, and does nothing, without the network, when none is.
set -eu
packages="cmake g++ ninja-build libfmt-dev nlohmann-json3-dev libcli11-dev libvalijson-dev librandom123-dev libxxhash-dev catch2"
packages="${*:-$packages}"

if ! command -v dpkg-query >/dev/null || ! command -v apt-get >/dev/null; then
  echo "make deps knows Debian only. Install what these packages hold, by your system's own means:"
  echo "  $packages"
  echo "Then, without make: cmake --preset release && cmake --build --preset release --target yoso"
  exit 1
fi >&2

installed=" $(dpkg-query -W -f '${db:Status-Status}:${Package} ' $packages 2>/dev/null || true)"
missing=
for package in $packages; do
  case "$installed" in *" installed:$package "*) ;; *) missing="$missing $package" ;; esac
done
[ -n "$missing" ] || exit 0

# A lock held by another apt (a desktop's updater) is waited for rather than failed on.
get="apt-get -qq -o DPkg::Lock::Timeout=120"
install="$get install -y --no-install-recommends$missing"
if [ "$(id -u)" = 0 ]; then
  as=env
elif sudo -n true 2>/dev/null; then
  as="sudo -n env"
else
  echo "Missing Debian packages:$missing"
  echo "Neither root nor sudo without a password: have these installed, then run make again:"
  echo "  apt-get update && apt-get install -y --no-install-recommends$missing"
  echo "If they come from elsewhere (conda, modules): cmake --preset release && cmake --build --preset release --target yoso"
  exit 1
fi >&2
echo "installing$missing"
$as $get update
$as DEBIAN_FRONTEND=noninteractive $install >/dev/null
