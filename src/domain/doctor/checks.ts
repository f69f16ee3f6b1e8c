import { DIRECTORIES } from './checks/directories.ts'
import { FILTER } from './checks/filter.ts'
import { KVM } from './checks/kvm.ts'
import { QEMU_USER } from './checks/qemu-user.ts'
import { SCOPE } from './checks/scope.ts'
import { USERFAULTFD } from './checks/userfaultfd.ts'
import type { HealthCheck } from './health-check.ts'

/** All checks of this host, in the order in which their fixes build on each other. */
export const CHECKS: readonly HealthCheck[] = [
  DIRECTORIES,
  FILTER,
  QEMU_USER,
  USERFAULTFD,
  KVM,
  SCOPE,
]
