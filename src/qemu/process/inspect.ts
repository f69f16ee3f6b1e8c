import { readFile, readlink } from 'node:fs/promises'
import { basename } from 'node:path'
import { QemuError } from '../../errors.ts'
import { listenerOf } from '../../io/system-calls.ts'
import type { QmpConnection } from '../../qmp/connection.ts'
import { type ProcessIdentity, identifyProcess } from './process-identity.ts'

/** A running QEMU that another program started, as /proc describes it. */
export interface ForeignQemu {
  readonly identity: ProcessIdentity
  readonly emulator: string
  /** Beginning with the program itself. */
  readonly commandLine: readonly string[]
  readonly cwd: string
}

/**
 * Inspects the QEMU behind a monitor's socket.
 * @throws QemuError QEMU_DIED when nothing listens there, QEMU_REFUSED when the process cannot be inspected or is not a QEMU
 */
export async function inspectQemu(socket: string): Promise<ForeignQemu> {
  let pid: number
  try {
    pid = listenerOf(socket)
  } catch (cause) {
    throw new QemuError('QEMU_DIED', `No QEMU listens on ${socket}`, { path: socket, cause })
  }
  const identity = await identifyProcess(pid)
  try {
    const [text, emulator, cwd] = await Promise.all([
      readFile(`/proc/${pid}/cmdline`, 'utf8'),
      readlink(`/proc/${pid}/exe`),
      readlink(`/proc/${pid}/cwd`),
    ])
    const commandLine = text.split('\0').slice(0, -1)
    if (identity !== undefined && /qemu|kvm/.test(basename(emulator)))
      return { identity, emulator, commandLine, cwd }
    throw new QemuError(
      'QEMU_REFUSED',
      `Process ${pid}, which opened ${socket}, is not QEMU: ${emulator}`,
      {
        path: socket,
        hint: 'Another program may have opened the socket and passed it to QEMU, as libvirt does. Use a monitor that QEMU opened itself',
      },
    )
  } catch (cause) {
    if (cause instanceof QemuError) throw cause
    throw new QemuError('QEMU_REFUSED', `Process ${pid} behind ${socket} cannot be inspected`, {
      path: socket,
      cause,
      hint: 'Run this as root, or as the user that runs this QEMU',
    })
  }
}

/** QEMU's own description of its machine. */
export interface MachineFacts {
  readonly name: string | undefined
  readonly uuid: string | undefined
  readonly machine: string
  readonly architecture: string
  readonly kvm: boolean
  readonly memoryBytes: number
  readonly vcpus: number
  readonly disks: readonly { readonly path: string; readonly format: string }[]
}

const NO_UUID = '00000000-0000-0000-0000-000000000000'

/** Queries QEMU's description of its machine. @throws QemuError */
export async function machineFacts(qmp: QmpConnection): Promise<MachineFacts> {
  const [name, uuid, type, target, kvm, memory, cpus, blocks] = await Promise.all([
    qmp.execute('query-name'),
    qmp.execute('query-uuid'),
    qmp.execute('qom-get', { path: '/machine', property: 'type' }),
    qmp.executeAny('query-target'),
    qmp.execute('query-kvm'),
    qmp.execute('query-memory-size-summary'),
    qmp.execute('query-cpus-fast'),
    qmp.execute('query-block'),
  ])
  const { arch } = target as { readonly arch?: string }
  return {
    name: name.name,
    uuid: uuid.UUID === NO_UUID ? undefined : uuid.UUID,
    machine: String(type).replace(/-machine$/, ''),
    architecture: arch ?? 'x86_64',
    kvm: kvm.enabled,
    memoryBytes: memory['base-memory'] + (memory['plugged-memory'] ?? 0),
    vcpus: cpus.length,
    disks: blocks.flatMap(({ inserted }) =>
      inserted === undefined || inserted.ro || !inserted.file.startsWith('/')
        ? []
        : [{ path: inserted.file, format: inserted.drv === 'qcow2' ? 'qcow2' : 'raw' }],
    ),
  }
}
