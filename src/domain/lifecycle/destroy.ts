import { checkOptions } from '../store/check-options.ts'
import { type Act, keepAct } from '../acts/keep-act.ts'
import { claimStateDirectory, isShared } from '../ownership/state-host.ts'
import { Tenure } from '../ownership/tenure.ts'
import type { StorageError } from '../../errors.ts'
import { isSymbolicLink } from '../../io/files/file-names.ts'
import { removeImage } from '../../image/remove-image.ts'
import { isRecordFault } from '../../io/records/record-file.ts'
import { type EndOptions, endQemu } from '../../qemu/process/end.ts'
import { findByMonitors } from '../../qemu/process/find-by-monitors.ts'
import { findAnyEntry } from '../catalogue/catalogue.ts'
import { openDirectories } from '../store/directories.ts'
import type { DomainOptions } from '../store/domain-options.ts'
import { HeldDomain } from '../catalogue/held-domain.ts'
import { recordEnd } from '../store/last-end.ts'
import { DomainLock } from '../store/lock.ts'
import { endRecorded, monitorsOf } from '../catalogue/own-qemu.ts'
import { clearRuntime } from '../catalogue/reconcile.ts'
import type { RuntimePaths } from '../store/runtime-paths.ts'

/** How to stop a domain. */
export interface DestroyOptions extends DomainOptions {
  /** Do not kill a QEMU that does not end when it is asked to: the domain then runs on. */
  readonly graceful?: boolean | undefined
  /** Called for failures afterwards, such as that of a hook. */
  readonly onWarning?: ((text: string) => void) | undefined
}

/**
 * Stops a running domain at once, given by name, UUID or id, as if its power were cut. QEMU still flushes its disks. This also works for a domain whose
 * record is unreadable: the monitors on its command line identify its QEMU.
 * @throws DomainError DOMAIN_NOT_FOUND, DOMAIN_NOT_RUNNING, DOMAIN_BUSY; QemuError QEMU_TIMEOUT; StorageError
 * @example
 * await destroyDomain('web')
 */
export async function destroyDomain(
  reference: string,
  options: DestroyOptions = {},
): Promise<{ readonly name: string }> {
  const plan = { act: 'destroy', reference } as const
  checkOptions(options)
  const { onWarning } = options
  const acts = { plan, directories: options, facts: () => ({}), onWarning }
  return keepAct(acts, (act) => destroy(reference, options, act))
}

async function destroy(
  reference: string,
  options: DestroyOptions,
  act: Act,
): Promise<{ readonly name: string }> {
  const directories = await openDirectories(options)
  const entry = await findAnyEntry(directories, reference)
  const { name, paths, fault } = entry
  act.on(name, entry.record?.uuid)
  if (isRecordFault(fault)) {
    await claimStateDirectory(directories)
    await using _lock = await DomainLock.acquire(name, paths, 'destroy', options.signal)
    await using _tenure = (await isShared(directories))
      ? await Tenure.take(directories, paths, { ...options, verb: 'destroy' })
      : undefined
    await endUnrecorded(paths, fault, options)
    await forgetRunning(paths)
    return { name }
  }
  await using held = await HeldDomain.find(reference, 'destroy', options)
  const record = held.requireRunning()
  await act.before({}, options.signal)
  await endRecorded(paths, record, endOptions(options))
  if (record.restoredFrom?.ran === true) await removeImage(record.restoredFrom.path)
  await forgetRunning(paths)
  return { name }
}

async function forgetRunning(paths: RuntimePaths): Promise<void> {
  await recordEnd(paths, 'destroyed')
  await clearRuntime(paths)
}

function endOptions({ graceful }: DestroyOptions): EndOptions {
  return graceful === true ? { gentle: true } : {}
}

async function endUnrecorded(
  paths: RuntimePaths,
  fault: StorageError,
  options: DestroyOptions,
): Promise<void> {
  // Such a QEMU was attached: its command line does not identify this domain.
  if (await isSymbolicLink(paths.controlSocket)) throw fault
  for (const qemu of await findByMonitors(monitorsOf(paths)))
    await endQemu(qemu, endOptions(options))
}
