import { resolve } from 'node:path'
import { DomainError, UsageError } from '../../errors.ts'
import { writeText } from '../../io/records/text-file.ts'
import { readDomainXml, readLiveXml } from '../catalogue/domain-xml.ts'
import { HeldDomain } from '../catalogue/held-domain.ts'
import { findEntry } from '../catalogue/catalogue.ts'
import { defineDomain } from '../lifecycle/define.ts'
import { openControl } from '../machine/monitor.ts'
import { checkOptions } from '../store/check-options.ts'
import { openDirectories } from '../store/directories.ts'
import type { DomainOptions } from '../store/domain-options.ts'
import type { AllowOptions } from '../trust/allow-rules.ts'
import { swapMedium } from './live-medium.ts'
import { type MediumChange, withMedium } from './media-xml.ts'

/** How to change a medium. */
export interface ChangeMediaOptions extends DomainOptions, AllowOptions, MediumChange {
  /** Change the running domain. Default: if it runs and `config` is not given. */
  readonly live?: boolean | undefined
  /** Change the definition. Default: if it does not run. */
  readonly config?: boolean | undefined
  /** Open the tray even if the guest has locked it. */
  readonly force?: boolean | undefined
  /** Called with warnings. */
  readonly onWarning?: ((text: string) => void) | undefined
}

/**
 * Ejects, inserts or replaces the medium of a CD-ROM or floppy drive, given by its name in the guest or by its present medium.
 * @throws DomainError DOMAIN_NOT_FOUND, DOMAIN_NOT_RUNNING, DOMAIN_BUSY, DOMAIN_WRONG_STATE if the domain has no such drive, if `eject` finds an empty drive, or if `insert` finds a drive with a medium; UsageError, QemuError, StorageError
 * @example
 * await changeMedia('web', 'sda', { action: 'eject' })
 */
export async function changeMedia(
  reference: string,
  device: string,
  options: ChangeMediaOptions = {},
): Promise<{ readonly name: string; readonly target: string }> {
  checkOptions(options, { action: ['eject', 'insert', 'update'] })
  if (typeof device !== 'string' || device === '')
    throw new UsageError('BAD_ARGUMENT', 'The drive must be given by its name or its medium')
  const { action, block } = options
  const source = options.source === undefined ? undefined : resolve(options.source)
  const change = { action, block, source }
  const directories = await openDirectories(options)
  const { name, record, persistent } = await findEntry(directories, reference)
  const config = options.config ?? (record === undefined && options.live !== true)
  const live = options.live ?? !config
  if (config && !persistent)
    throw new DomainError('DOMAIN_WRONG_STATE', `Domain '${name}' is not defined: it only runs`)
  // Checked before anything changes.
  const defined = config
    ? withMedium(await readDomainXml(name, { ...directories, inactive: true }), device, change)
    : undefined
  const changed = live ? await changeLive(name, device, { ...options, ...change }) : undefined
  const { allow, signal, onWarning } = options
  if (defined !== undefined)
    await defineDomain({ text: defined.xml }, { ...directories, allow, signal, onWarning })
  return { name, target: (changed ?? defined)?.target ?? device }
}

/**
 * The XML of a drive as `changeMedia` would leave it; changes nothing.
 * @throws the errors of `changeMedia`
 */
export async function drivePreview(
  reference: string,
  device: string,
  options: ChangeMediaOptions,
): Promise<string> {
  const inactive = options.config === true
  const xml = await readDomainXml(reference, { ...options, inactive })
  return withMedium(xml, device, options).disk
}

async function changeLive(
  name: string,
  device: string,
  options: ChangeMediaOptions,
): Promise<{ readonly target: string }> {
  await using held = await HeldDomain.find(name, 'change-media', options)
  const record = held.requireRunning()
  if (record.attached !== undefined)
    throw new DomainError(
      'DOMAIN_WRONG_STATE',
      `Stasis did not start the QEMU of domain '${name}', so it does not change its drives`,
      { hint: 'A restore needs the machine as it was started' },
    )
  const { paths } = held
  const changed = withMedium(await readLiveXml(paths), device, options)
  await using control = await openControl(paths, options.signal)
  await swapMedium(control, changed, { force: options.force, signal: options.signal })
  // A save describes the machine by this file.
  await writeText(paths.liveXml, changed.xml, { durable: true })
  return changed
}
