import { CLOCK } from './checks/clock.ts'
import { CONFIGURATION } from './checks/configuration.ts'
import { DIRECTORIES } from './checks/directories.ts'
import { FILTER } from './checks/filter.ts'
import { HUGE_PAGES } from './checks/huge-pages.ts'
import { IMAGES } from './checks/images.ts'
import { KVM } from './checks/kvm.ts'
import { LIBVIRT } from './checks/libvirt.ts'
import { LIMITS } from './checks/limits.ts'
import { NODE } from './checks/node.ts'
import { PROGRAMS } from './checks/programs.ts'
import { QEMU_FEATURES } from './checks/qemu-features.ts'
import { QEMU_USER } from './checks/qemu-user.ts'
import { SCOPE } from './checks/scope.ts'
import { STORAGE } from './checks/storage.ts'
import { SYSTEMD } from './checks/systemd.ts'
import { USERFAULTFD } from './checks/userfaultfd.ts'
import type { HealthCheck } from './health-check.ts'

/** All checks of this host, in the order in which their fixes build on each other. */
export const CHECKS: readonly HealthCheck[] = [
  DIRECTORIES,
  CONFIGURATION,
  FILTER,
  QEMU_USER,
  USERFAULTFD,
  KVM,
  SCOPE,
  NODE,
  QEMU_FEATURES,
  STORAGE,
  IMAGES,
  HUGE_PAGES,
  LIMITS,
  PROGRAMS,
  LIBVIRT,
  CLOCK,
  SYSTEMD,
]
