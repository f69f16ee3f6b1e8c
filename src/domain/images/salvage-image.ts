import { availableParallelism } from 'node:os'
import { resolve } from 'node:path'
import { ImageError, throwIfCancelled } from '../../errors.ts'
import { newImageId } from '../../image/image-id.ts'
import { openImage, readDescription } from '../../image/open-image.ts'
import type { MachineDescription, SavedMachine } from '../../image/saved-machine.ts'
import { type FilePath, givenPath } from '../../io/files/given-path.ts'
import { childText } from '../../qemu/domain-xml/access.ts'
import { parseDomainXml } from '../../qemu/domain-xml/parse.ts'
import { copyMachine, storedBytes } from '../../transfer/convert/source.ts'
import { openWriter } from '../../transfer/convert/writer-table.ts'
import { PageBitmap } from '../../transfer/page-bitmap.ts'
import type { DamageReport } from '../../transfer/verify/damage.ts'
import { checkDestination, guestUuid } from '../catalogue/files/destination.ts'
import { boundedImage } from '../machine/bounded-image.ts'
import { recordSalvage } from '../cookie/record-edit.ts'
import { cookieWithSalvage } from '../cookie/salvage-cookie.ts'
import { nameCancel } from '../progress/name-cancel.ts'
import type { OnProgress, TransferMeasure } from '../progress/progress.ts'
import { watchTransfer } from '../progress/transfer-meter.ts'
import { checkOptions } from '../store/check-options.ts'
import { type Directories, openDirectories } from '../store/directories.ts'
import type { DomainOptions } from '../store/domain-options.ts'
import { resolveSaveOptions } from '../save/save-options.ts'
import { watchConversion } from './conversion-watcher.ts'
import { refuseSame } from './refuse-same.ts'
import { type ImageVerification, examine } from './verify-image.ts'

/** The phases of a salvage, in this order. */
export type SalvageProgress =
  | ({ readonly phase: 'reading' | 'converting' } & TransferMeasure)
  | { readonly phase: 'publishing' }

/** How to salvage. */
export interface SalvageOptions extends DomainOptions {
  /** Write the new image although memory is lost. Without it the damage is only listed. */
  readonly acceptDamage?: boolean | undefined
  /** Called with the damage before anything is written. */
  readonly onDamage?: ((verification: ImageVerification) => void) | undefined
  readonly onProgress?: OnProgress<SalvageProgress> | undefined
}

/** The result of a salvage. */
export interface SalvageResult {
  readonly from: ImageVerification
  /** The new image; absent if nothing was written, because nothing is damaged or the damage was not accepted. */
  readonly to?: { readonly path: string; readonly fileBytes: number } | undefined
  /** Pages that are zero in the new image. */
  readonly zeroedPages: number
  /** Pages that were kept, although they may be damaged. */
  readonly suspectPages: number
}

/**
 * Makes a new image of a damaged one, in the format `stasis`, whose guest is paused: damaged pages are zero in it, everything else is as it was. The damaged image does not
 * change. Writes nothing if the image is whole, or if the damage is not accepted.
 * @throws ImageError IMAGE_DAMAGED when more than memory is damaged, and as `verifyImage`; UsageError, StorageError, CancelledError
 * @example
 * const { from, to } = await salvageImage('/backup/web.save', '/backup/web.salvaged', { acceptDamage: true })
 * console.log(from.damage.map(({ text }) => text), to?.path)
 */
export async function salvageImage(
  input: FilePath,
  output: FilePath,
  options: SalvageOptions = {},
): Promise<SalvageResult> {
  checkOptions(options)
  const paths = [givenPath(input, 'the image'), givenPath(output, 'the new image')] as const
  return nameCancel(`salvage ${paths[0]}`, salvage(...paths, options))
}

async function salvage(
  input: string,
  output: string,
  options: SalvageOptions,
): Promise<SalvageResult> {
  const directories = await openDirectories(options)
  await refuseSame(input, output, 'salvaged')
  const description = await readDescription(input).catch(() => ({ xml: '' }))
  await checkDestination(directories, output, { guest: guestUuid(description) ?? '' })
  const { result: from, damage } = await examine(input, options)
  const lost = {
    zeroedPages: countPages(damage?.damaged),
    suspectPages: countPages(damage?.suspect),
  }
  if (from.whole) return { from, ...lost }
  options.onDamage?.(from)
  if (!from.salvageable || damage === undefined) {
    throw new ImageError(
      'IMAGE_DAMAGED',
      `${input} cannot be salvaged: more than memory is damaged`,
      {
        path: input,
        hint: 'Without its description and the state of its devices a guest cannot run. Restore an older image',
      },
    )
  }
  if (options.acceptDamage !== true) return { from, ...lost }
  const fileBytes = await writeSalvaged({ input, output, directories, damage, ...lost }, options)
  return { from, to: { path: output, fileBytes }, ...lost }
}

interface Work {
  readonly input: string
  readonly output: string
  readonly directories: Directories
  readonly damage: DamageReport
  readonly zeroedPages: number
  readonly suspectPages: number
}

/** Returns the length of the new image. */
async function writeSalvaged(work: Work, options: SalvageOptions): Promise<number> {
  const { input, output, directories, damage } = work
  const { signal, onProgress } = options
  await using opened = await openImage(input, { direct: true, signal, onFault: () => undefined })
  await using _watcher = watchConversion(output)
  const machine = boundedImage(opened)
  const description = describe(machine, work)
  let readBytes = 0
  const totalBytes = storedBytes(machine)
  await using sink = await openWriter('stasis', output, {
    ...resolveSaveOptions({}),
    description,
    channels: 1,
    uuid: childText(parseDomainXml(description.xml).root, 'uuid')?.trim() ?? '',
  })
  using _meter = watchTransfer(
    () => ({
      transferredBytes: readBytes,
      ramBytes: Math.min(readBytes, totalBytes),
      ramTotalBytes: totalBytes,
      fileBytes: sink.fileBytes,
      channelBytes: [],
    }),
    (measure) => onProgress?.({ phase: 'converting', ...measure }),
  )
  const state = await copyMachine(machine, sink, {
    workers: Math.min(8, availableParallelism()),
    signal,
    onRead(bytes) {
      readBytes += bytes
    },
    salvage: { damaged: damage.damaged.map(bitmapOf) },
  })
  throwIfCancelled(`salvage ${input}`, signal)
  onProgress?.({ phase: 'publishing' })
  // Without it the restore asks whether the image is trusted; nothing else is lost.
  await recordSalvage(directories, machine.description, description, resolve(output)).catch(
    () => undefined,
  )
  return await sink.publish(state)
}

/** The description of the new image: a new id, because its memory is another; a mark in its cookie; its guest is paused. */
function describe({ description }: SavedMachine, work: Work): MachineDescription & { id: string } {
  const { zeroedPages, suspectPages } = work
  const mark = {
    time: new Date().toISOString(),
    from: resolve(work.input),
    zeroedPages,
    suspectPages,
  }
  return {
    xml: description.xml,
    cookie: cookieWithSalvage(description.cookie, mark),
    wasRunning: false,
    id: newImageId(),
  }
}

function bitmapOf(runs: Float64Array): PageBitmap {
  let end = 0
  for (let at = 0; at < runs.length; at += 2) end = (runs[at] ?? 0) + (runs[at + 1] ?? 0)
  const pages = new PageBitmap(end)
  for (let at = 0; at < runs.length; at += 2) pages.mark(runs[at] ?? 0, runs[at + 1] ?? 0)
  return pages
}

function countPages(runs: readonly Float64Array[] = []): number {
  return runs
    .flatMap((each) => [...each].filter((_, at) => at % 2 === 1))
    .reduce((a, b) => a + b, 0)
}
