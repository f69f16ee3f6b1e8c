import type { Domain } from '../domain-xml/model/domain.ts'

/** How to filter the system calls of a QEMU. */
export interface SandboxChoice {
  /** Whether it can: a build with seccomp on a kernel with it. */
  readonly supported: boolean
  /** Whether it runs as root. */
  readonly root: boolean
}

/**
 * `-sandbox`: QEMU filters its own system calls and gives up new privileges, as with libvirt. A machine whose network needs a program of the host may start
 * programs. A bridge needs QEMU's setuid helper unless QEMU is root, and the filter would take its privileges away: such a machine has no filter.
 */
export function sandboxArguments(domain: Domain, choice: SandboxChoice): readonly string[] {
  if (!choice.supported || reasonAgainst(domain, choice) !== undefined) return []
  const programs = startsPrograms(domain) ? 'allow' : 'deny'
  const parts = [
    'on',
    'obsolete=deny',
    `elevateprivileges=${programs}`,
    `spawn=${programs}`,
    'resourcecontrol=deny',
  ]
  return ['-sandbox', parts.join(',')]
}

/** Why the system calls of this machine are not filtered; `undefined` when they are. */
export function reasonAgainst(
  domain: Domain,
  { supported, root }: SandboxChoice,
): string | undefined {
  if (!supported) return 'this QEMU, or this kernel, has no seccomp'
  if (!root && domain.interfaces.some(({ type }) => type === 'bridge'))
    return "a network card of type bridge needs QEMU's setuid helper"
  return undefined
}

function startsPrograms({ interfaces }: Domain): boolean {
  return interfaces.some(({ type, script, downscript }) => {
    const scripts = [script, downscript].filter((one) => one !== undefined && one !== 'no')
    return type === 'bridge' || (type === 'ethernet' && scripts.length > 0)
  })
}
