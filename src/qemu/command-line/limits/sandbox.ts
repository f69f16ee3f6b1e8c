import type { NetworkInterface } from '../../domain-xml/model/devices/interface.ts'
import type { Domain } from '../../domain-xml/model/domain.ts'

/** How to filter the system calls of a QEMU. */
export interface SandboxChoice {
  /** Whether it can: a build with seccomp on a kernel with it. */
  readonly supported: boolean
  /** Whether it starts as root. */
  readonly root: boolean
  /** Whether it changes to another user once its machine is complete. */
  readonly changesUser: boolean
}

/**
 * `-sandbox`: QEMU filters its own system calls and gives up new privileges, as with libvirt. A machine whose network needs a program of the host may start
 * programs. One that changes its user may do that: afterwards it has no privileges with which the calls could do anything. A bridge needs QEMU's setuid helper unless QEMU is root, and the filter would take its privileges away: such a machine has no filter.
 */
export function sandboxArguments(domain: Domain, choice: SandboxChoice): readonly string[] {
  if (!choice.supported || reasonAgainst(domain, choice) !== undefined) return []
  return filter({ ...choice, programs: startsPrograms(domain) })
}

/**
 * `sandboxArguments` for the command line of a QEMU that Stasis did not start. It may start programs where an option may need one: network scripts and
 * helpers, commands behind a user network. Threads with an affinity of their own also need it later.
 */
export function recordedSandbox(argv: readonly string[], choice: SandboxChoice): readonly string[] {
  const bridge = argv.some((value) => BRIDGE.test(value))
  if (!choice.supported || (bridge && !choice.root)) return []
  const programs = bridge || argv.some(needsProgram)
  return filter({
    ...choice,
    programs,
    affinity: argv.some((value) => /thread-context/.test(value)),
  })
}

const BRIDGE = /^bridge(,|$)|"type":\s*"bridge"|\bhelper[=:"]/
const TAP = /^tap(,|$)|"type":\s*"tap"/

function needsProgram(value: string): boolean {
  if (/\bsmb[=:"]|\bcmd:|^exec:/.test(value)) return true
  return TAP.test(value) && !(has(value, 'script') && has(value, 'downscript'))
}

/** Whether a network option switches this script off, or passes the descriptor of a device that exists. */
function has(value: string, script: string): boolean {
  return new RegExp(`(^|[,{"])${script}"?[=:]\\s*"?no\\b|\\bfds?"?[=:]`).test(value)
}

function filter({
  programs,
  affinity = false,
  changesUser,
}: Pick<SandboxChoice, 'changesUser'> & {
  readonly programs: boolean
  readonly affinity?: boolean
}): readonly string[] {
  const parts = [
    'on',
    'obsolete=deny',
    `elevateprivileges=${programs || changesUser ? 'allow' : 'deny'}`,
    `spawn=${programs ? 'allow' : 'deny'}`,
    `resourcecontrol=${affinity ? 'allow' : 'deny'}`,
  ]
  return ['-sandbox', parts.join(',')]
}

/** Why the system calls of this machine are not filtered; `undefined` when they are. */
export function reasonAgainst(
  domain: Domain,
  { supported, root }: SandboxChoice,
): string | undefined {
  if (!supported) return 'this QEMU, or this kernel, has no seccomp'
  if (!root && domain.interfaces.some(needsHelper))
    return "a network card of type bridge needs QEMU's setuid helper"
  return undefined
}

/** Only root adds ports to switches other than Linux's. */
function needsHelper({ type, virtualPort }: NetworkInterface): boolean {
  return type === 'bridge' && virtualPort === undefined
}

/** Programs that set up a network card are run by Stasis, before QEMU. */
function startsPrograms({ interfaces }: Domain): boolean {
  return interfaces.some(({ type }) => type === 'bridge')
}
