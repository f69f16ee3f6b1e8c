import { givenPath } from '../../io/files/given-path.ts'
import { checkOptions } from '../store/check-options.ts'
import { randomUUID } from 'node:crypto'
import { realpath } from 'node:fs/promises'
import { DomainError } from '../../errors.ts'
import { storageError } from '../../io/storage-error.ts'
import { inspectQemu, machineFacts } from '../../qemu/process/inspect.ts'
import { foreignSerial } from '../../qemu/foreign/foreign-serial.ts'
import { attachedXml } from './attached-xml.ts'
import type { DomainOptions } from '../store/domain-options.ts'
import { writeText } from '../../io/records/text-file.ts'
import { linkMonitors } from '../store/attached-monitor.ts'
import { HeldDomain } from '../catalogue/held-domain.ts'
import { checkIdentity } from '../catalogue/identity.ts'
import { clearRuntime } from '../catalogue/reconcile.ts'
import { writeRecord } from '../store/runtime-record.ts'
import { connectMonitor } from '../machine/monitor.ts'
import { restartObstacles } from '../machine/restart-obstacles.ts'

/** How to take over a QEMU. */
export interface AttachOptions extends DomainOptions {
  /** Name of the domain. Default: the name given to QEMU with `-name`, or else `qemu-PID`. */
  readonly name?: string | undefined
}

/** A QEMU that was taken over. */
export interface AttachedDomain {
  readonly name: string
  readonly uuid: string
  /** The pid of its QEMU. */
  readonly id: number
  /** The reasons why its QEMU could not be started again as it was; with any of them it cannot be saved. */
  readonly obstacles: readonly string[]
}

/**
 * Takes over a running QEMU that Stasis did not start, through the socket of a QMP monitor that no other program uses. It can then be saved, and
 * a restore of its image starts the same QEMU again from the recorded command line.
 * @throws DomainError DOMAIN_RUNNING, DOMAIN_EXISTS, DOMAIN_BUSY if the monitor is in use; QemuError, StorageError, UsageError
 * @example
 * const { name, obstacles } = await attachDomain('/run/vm/qmp.sock')
 * if (obstacles.length === 0) await saveDomain(name, '/backup/vm.save')
 */
export async function attachDomain(
  qmpSocket: string,
  options: AttachOptions = {},
): Promise<AttachedDomain> {
  checkOptions(options)
  const path = givenPath(qmpSocket, 'the monitor')
  const socket = await realpath(path).catch((error: unknown) => {
    throw storageError('find the monitor socket', path, error)
  })
  const found = await inspectQemu(socket)
  await using qmp = await connectMonitor(socket, { signal: options.signal })
  const facts = await machineFacts(qmp)
  const obstacles = await restartObstacles(qmp, found.commandLine)
  const name = options.name ?? facts.name ?? `qemu-${found.identity.pid}`
  const uuid = facts.uuid ?? randomUUID()
  await using held = await HeldDomain.named(name, 'attach', options)
  held.requireOff()
  await checkIdentity(held.directories, { name, uuid })
  const { paths } = held
  const { major, minor, micro } = qmp.version.qemu
  try {
    await linkMonitors(paths, socket)
  } catch (error) {
    await clearRuntime(paths)
    throw error
  }
  const serial = foreignSerial(found.commandLine, found.cwd)
  const xml = attachedXml({ ...facts, name, uuid, emulator: found.emulator, serial })
  await writeText(paths.liveXml, xml, { durable: true })
  await writeRecord(paths, {
    ...found.identity,
    stage: 'running',
    uuid,
    emulator: found.emulator,
    qemuVersion: `${major}.${minor}.${micro}`,
    commandLine: found.commandLine,
    attached: { cwd: found.cwd },
  })
  return { name, uuid, id: found.identity.pid, obstacles }
}

/**
 * Releases a QEMU that was taken over, given by name, UUID or id. It keeps running.
 * @throws DomainError DOMAIN_NOT_FOUND, DOMAIN_NOT_RUNNING, DOMAIN_WRONG_STATE, DOMAIN_BUSY
 * @example
 * await detachDomain('vm')
 */
export async function detachDomain(
  reference: string,
  options: DomainOptions = {},
): Promise<{ readonly name: string }> {
  await using held = await HeldDomain.find(reference, 'detach', options)
  const { name, paths } = held
  const { attached, restoredFrom } = held.requireRunning()
  if (attached === undefined || restoredFrom !== undefined) {
    throw new DomainError(
      'DOMAIN_WRONG_STATE',
      `Domain '${name}' cannot be detached: Stasis started it`,
    )
  }
  await clearRuntime(paths)
  return { name }
}
