import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { cleanEnvironment } from '../../io/processes/clean-environment.ts'
import { isReachable } from '../../io/files/file-names.ts'

const run = promisify(execFile)

const TIMEOUT_MS = 10_000

/** The slice of all virtual machines, as libvirt and systemd-machined use it. */
const SLICE = 'machine.slice'

/** Whether this process may make scopes: root, on a host that systemd booted (sd_booted(3)) with control groups of version 2. */
export async function hasScopes(): Promise<boolean> {
  if (process.geteuid?.() !== 0) return false
  return (
    (await isReachable('/run/systemd/system')) &&
    (await isReachable('/sys/fs/cgroup/cgroup.controllers'))
  )
}

/**
 * Moves a QEMU and what runs beside it from the control group of the command that started it into a scope of its own, `stasis-NAME.scope`: it outlives the service or the login
 * session, and its use of the host is counted and can be limited. Does nothing where there are no scopes. Returns why it failed.
 */
export async function moveToScope(
  name: string,
  pids: readonly number[],
): Promise<string | undefined> {
  try {
    if (!(await hasScopes())) return undefined
    await run('busctl', scopeCall(name, pids), { env: cleanEnvironment(), timeout: TIMEOUT_MS })
    return undefined
  } catch (error) {
    const { code, stderr } = error as { code?: unknown; stderr?: string }
    return code === 'ENOENT' ? 'busctl of systemd was not found' : stderr?.trim() || String(error)
  }
}

/**
 * The arguments of busctl(1) for `StartTransientUnit` (systemd org.freedesktop.systemd1(5)): name, mode, properties, no further units. A scope whose
 * processes are gone disappears, even if it failed.
 */
export function scopeCall(name: string, pids: readonly number[]): readonly string[] {
  const manager = ['/org/freedesktop/systemd1', 'org.freedesktop.systemd1.Manager']
  return [
    ...['call', 'org.freedesktop.systemd1', ...manager],
    ...['StartTransientUnit', 'ssa(sv)a(sa(sv))', scopeName(name), 'fail'],
    '4',
    ...['Description', 's', `Virtual machine ${name}`],
    ...['Slice', 's', SLICE],
    ...['CollectMode', 's', 'inactive-or-failed'],
    ...['PIDs', 'au', String(pids.length), ...pids.map(String)],
    '0',
  ]
}

/** Names of units have at most 255 bytes (systemd.unit(5)). */
const MAX_NAME = 240

/** `stasis-NAME.scope`, with every character that is not allowed escaped as systemd-escape(1) does. */
function scopeName(name: string): string {
  const bytes = [...Buffer.from(name)]
  const escaped = bytes.map((byte) => {
    const text = String.fromCharCode(byte)
    return /[A-Za-z0-9:_.]/.test(text) ? text : `\\x${byte.toString(16).padStart(2, '0')}`
  })
  return `stasis-${escaped.join('').slice(0, MAX_NAME)}.scope`
}
