import { join } from 'node:path'
import { QemuError, StasisError, UsageError } from '../../errors.ts'
import { removeFile } from '../../io/files/file-names.ts'
import { writeBytes } from '../../io/records/write-bytes.ts'
import { readPlainBytes } from '../../io/files/plain-bytes.ts'
import { type FilePath, givenPath } from '../../io/files/given-path.ts'
import type { QmpConnection } from '../../qmp/connection.ts'
import { HeldDomain } from '../catalogue/held-domain.ts'
import { openControl } from '../machine/monitor.ts'
import { checkOptions } from '../store/check-options.ts'
import { pathInQemu, prepareTransferSocket } from '../store/confinement.ts'
import type { DomainOptions } from '../store/domain-options.ts'

/** The format of a picture. */
export type PictureFormat = 'png' | 'ppm'

/** The choice of a screen and a format. */
export interface ScreenshotOptions extends DomainOptions {
  /** Which graphics card, from 0. Default: the first display of QEMU. */
  readonly screen?: number | undefined
  /** Default: `png` if this QEMU can write it (7.1 and later, as most are built), or else `ppm`. */
  readonly format?: PictureFormat | undefined
}

/** A picture of the screen of a guest. */
export interface Screenshot {
  readonly format: PictureFormat
  readonly bytes: Uint8Array
}

/** More than a picture of any screen takes. */
const MAX_BYTES = 512 * 1024 * 1024

/**
 * Takes a picture of the screen of a running domain, given by name, UUID or id. With a path it is also written to that file, which is replaced if it exists.
 * @throws DomainError DOMAIN_NOT_FOUND, DOMAIN_NOT_RUNNING, DOMAIN_BUSY; QemuError QEMU_REFUSED if it has no such screen, or QEMU cannot write the format; StorageError, UsageError
 * @example
 * await screenshot('web', '/tmp/web.png')
 */
export async function screenshot(
  reference: string,
  path?: FilePath,
  options: ScreenshotOptions = {},
): Promise<Screenshot> {
  checkOptions(options, { format: ['png', 'ppm'] })
  const { screen, format, signal } = options
  if (screen !== undefined && !(Number.isSafeInteger(screen) && screen >= 0))
    throw new UsageError('BAD_ARGUMENT', `screen must be a number from 0, not ${String(screen)}`)
  const target = path === undefined ? undefined : givenPath(path, 'the picture')
  await using held = await HeldDomain.find(reference, 'screenshot', options)
  const record = held.requireRunning()
  const { paths } = held
  const file = join(paths.transferDirectory, 'screen')
  await prepareTransferSocket(paths, file)
  await using control = await openControl(paths, signal)
  try {
    const filename = pathInQemu(record.confinement, file)
    const taken = await dump(control, { filename, screen, format, signal })
    const bytes = await readPlainBytes(file, MAX_BYTES)
    if (bytes === undefined)
      throw new QemuError('QEMU_REFUSED', `QEMU did not write a picture to ${file}`)
    if (target !== undefined) await writeBytes(target, bytes, { durable: true })
    return { format: taken, bytes }
  } finally {
    await removeFile(file)
  }
}

/** A QEMU without PNG refuses the argument, or the format. */
async function dump(
  control: QmpConnection,
  given: {
    readonly filename: string
    readonly screen: number | undefined
    readonly format: PictureFormat | undefined
    readonly signal: AbortSignal | undefined
  },
): Promise<PictureFormat> {
  const { filename, screen, format, signal } = given
  const place = { filename, ...(screen !== undefined && { device: `video${screen}`, head: 0 }) }
  try {
    const how = format === 'ppm' ? {} : { format: 'png' }
    await control.executeAny('screendump', { ...place, ...how }, { signal })
    return format ?? 'png'
  } catch (error) {
    if (format !== undefined || !StasisError.is(error, 'QEMU_REFUSED')) throw error
    await control.executeAny('screendump', place, { signal })
    return 'ppm'
  }
}
