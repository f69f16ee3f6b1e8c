import { type FilePath, givenPath } from '../../io/files/given-path.ts'
import { keepAct } from '../acts/keep-act.ts'
import { checkOptions } from '../store/check-options.ts'
import { availableParallelism } from 'node:os'
import { UsageError, messageOf, throwIfCancelled } from '../../errors.ts'
import type { Compression } from '../../image/compression.ts'
import { isStreamFormat } from '../../image/format-table.ts'
import type { DigestRequest } from '../../image/new-image.ts'
import { NewStreamImage } from '../../image/new-stream-image.ts'
import { openImage, readDescription } from '../../image/open-image.ts'
import { type SpecialTarget, openSpecialTarget } from '../../io/files/special/special-target.ts'
import type { SaveFormat, StreamFormat } from '../../image/save-format.ts'
import type { MachineDescription, SavedMachine } from '../../image/saved-machine.ts'
import { childText } from '../../qemu/domain-xml/access.ts'
import { parseDomainXml } from '../../qemu/domain-xml/parse.ts'
import { copyMachine, storedBytes } from '../../transfer/convert/source.ts'
import { openWriter } from '../../transfer/convert/writer-table.ts'
import type { CompressionLevel } from '../../transfer/image-receiver.ts'
import { checkDestination, guestUuid } from '../catalogue/files/destination.ts'
import { openDirectories } from '../store/directories.ts'
import type { DomainOptions } from '../store/domain-options.ts'
import { recordCopy } from '../cookie/record-edit.ts'
import { boundedImage } from '../machine/bounded-image.ts'
import { watchConversion } from './conversion-watcher.ts'
import { refuseSame } from './refuse-same.ts'
import { nameCancel } from '../progress/name-cancel.ts'
import type { OnProgress, TransferMeasure } from '../progress/progress.ts'
import { noDigest } from '../save/no-digest.ts'
import { resolveSaveOptions } from '../save/save-options.ts'
import { watchTransfer } from '../progress/transfer-meter.ts'

/** The phases of a conversion, in this order. */
export type ConvertProgress =
  | ({ readonly phase: 'converting' } & TransferMeasure)
  | { readonly phase: 'publishing' }
  /** Comes first, and only if the new image goes into a pipe that has no reader. */
  | { readonly phase: 'waiting-for-reader'; readonly path: string }

/** How to convert. */
export interface ConvertOptions extends DomainOptions {
  /** Default: `stasis`. */
  readonly format?: SaveFormat | undefined
  /** For `stasis`. Default: `zstd`. */
  readonly compression?: Compression | undefined
  readonly compressionLevel?: CompressionLevel | undefined
  /** Number of files in the format `channels`, 1 to 64. Default: 2. */
  readonly channels?: number | undefined
  /** Whether to bypass the page cache, on both sides. Default: true. */
  readonly bypassCache?: boolean | undefined
  /** Write a digest beside an image of one of libvirt's formats. Default: false. */
  readonly digest?: boolean | undefined
  readonly onProgress?: OnProgress<ConvertProgress> | undefined
}

/** An image that was converted from another. */
export interface ConvertResult {
  readonly from: { readonly path: string; readonly format: SaveFormat }
  readonly to: { readonly path: string; readonly format: SaveFormat; readonly fileBytes: number }
  /** Failures that do not harm the image, one sentence each. */
  readonly warnings: readonly string[]
  readonly totalMs: number
}

/**
 * Converts an image to another format or compression, with the same description, memory and device state. An existing file
 * `output` is replaced at the end; on failure and abort nothing changes. For a pipe or block device as `output` see `saveDomain`.
 * @throws ImageError, UsageError, StorageError, CancelledError
 * @example
 * const { to } = await convertImage('/backup/web.save', '/backup/web.raw', { format: 'raw' })
 * console.log(to.fileBytes)
 */
export async function convertImage(
  input: FilePath,
  output: FilePath,
  options: ConvertOptions = {},
): Promise<ConvertResult> {
  const paths = [givenPath(input, 'the image'), givenPath(output, 'the new image')] as const
  const warnings: string[] = []
  const acts = {
    plan: { act: 'image-convert', image: paths[1] } as const,
    directories: options,
    facts: ({ to }: ConvertResult) => ({ format: to.format, fileBytes: to.fileBytes }),
    onWarning: (text: string) => void warnings.push(text),
  }
  const result = await nameCancel(
    `convert ${paths[0]}`,
    keepAct(acts, () => convert(...paths, options)),
  )
  return { ...result, warnings: [...result.warnings, ...warnings] }
}

/** `convertImage`, with another description. */
export async function convert(
  input: string,
  output: string,
  options: ConvertOptions,
  describe = (description: MachineDescription): MachineDescription => description,
): Promise<ConvertResult> {
  checkOptions(options)
  const { signal, onProgress: report = () => undefined } = options
  const startMs = performance.now()
  const { bypassCache = true } = options
  const settings = resolveSaveOptions({ ...options, bypassCache })
  const { format } = settings
  if (settings.multifdCompression !== 'none')
    throw new UsageError(
      'BAD_COMBINATION',
      'A conversion cannot compress channels: only QEMU does that, in a save',
    )
  await refuseSame(input, output, 'converted')
  const directories = await openDirectories(options)
  await checkDestination(directories, output, {
    guest: guestUuid(await readDescription(input)),
    format,
    digest: options.digest,
  })
  await using _watcher = watchConversion(output)
  await using opened = await openImage(input, { direct: bypassCache, signal })
  await using target = await openSpecialTarget(output, {
    direct: settings.direct,
    signal,
    onWait: () => report({ phase: 'waiting-for-reader', path: output }),
  })
  const bounded = boundedImage(opened)
  const dispose = (): PromiseLike<void> => bounded[Symbol.asyncDispose]()
  const description = describe(opened.description)
  const machine = { ...bounded, description, [Symbol.asyncDispose]: dispose }
  const warnings: string[] = []
  const onFault = (error: unknown): void => void warnings.push(noDigest(output, error))
  const digest = options.digest === true ? { onFault } : undefined
  const fileBytes = await write({ machine, output, settings, signal, report, digest, target })
  // The image that went into a pipe is somewhere else.
  if (target?.kind !== 'pipe')
    await recordCopy(directories, machine.description, output).catch(
      (error: unknown) => void warnings.push(notListed(output, error)),
    )
  return {
    from: { path: input, format: machine.format },
    to: { path: output, format, fileBytes },
    warnings,
    totalMs: performance.now() - startMs,
  }
}

/** Writes the image while its progress is reported. Returns its size in bytes. */
async function write(given: Omit<Work, 'onRead' | 'counter'>): Promise<number> {
  const { machine, settings, report } = given
  const counter = { readBytes: 0, fileBytes: (): number => 0 }
  const totalBytes = storedBytes(machine)
  using _meter = watchTransfer(
    () => ({
      transferredBytes: counter.readBytes,
      ramBytes: Math.min(counter.readBytes, totalBytes),
      ramTotalBytes: totalBytes,
      fileBytes: counter.fileBytes(),
      channelBytes: [],
    }),
    (measure) => report({ phase: 'converting', ...measure }),
  )
  const onRead = (bytes: number): void => {
    counter.readBytes += bytes
  }
  const work = { ...given, onRead, counter }
  const { format } = settings
  return machine.stream !== undefined && isStreamFormat(format)
    ? await carryStream({ ...work, stream: machine.stream, format })
    : await rewrite(work)
}

function notListed(output: string, error: unknown): string {
  return `\`stasis images\` will not list ${output}: ${messageOf(error)}`
}

interface Work {
  readonly machine: SavedMachine
  readonly output: string
  readonly settings: ReturnType<typeof resolveSaveOptions>
  readonly signal: AbortSignal | undefined
  readonly onRead: (bytes: number) => void
  readonly counter: { fileBytes: () => number }
  readonly report: OnProgress<ConvertProgress>
  readonly digest: DigestRequest | undefined
  readonly target: SpecialTarget | undefined
}

/** Converts one single stream to another: the stream is the same, only its packing differs. */
async function carryStream(
  work: Work & {
    readonly stream: NonNullable<SavedMachine['stream']>
    readonly format: StreamFormat
  },
): Promise<number> {
  const { machine, output, settings, signal, stream, format } = work
  const { compressionLevel: level } = settings
  await using image = await NewStreamImage.create(output, {
    format,
    description: machine.description,
    direct: settings.direct,
    digest: work.digest,
    target: work.target,
    level: level === 'adaptive' ? undefined : level,
  })
  work.counter.fileBytes = () => image.fileBytes
  for await (const piece of stream.open(work.onRead)) {
    throwIfCancelled(`convert ${machine.path}`, signal)
    await image.stream.append(piece)
  }
  work.report({ phase: 'publishing' })
  return await image.publish()
}

async function rewrite(work: Work): Promise<number> {
  const { machine, output, settings, signal, onRead } = work
  await using sink = await openWriter(settings.format, output, {
    ...settings,
    digest: work.digest,
    target: work.target,
    description: machine.description,
    uuid: uuidOf(machine),
  })
  work.counter.fileBytes = () => sink.fileBytes
  const workers = Math.min(8, availableParallelism())
  const state = await copyMachine(machine, sink, { workers, signal, onRead })
  throwIfCancelled(`convert ${machine.path}`, signal)
  work.report({ phase: 'publishing' })
  return await sink.publish(state)
}

function uuidOf({ path, description }: SavedMachine): string {
  return childText(parseDomainXml(description.xml, { path }).root, 'uuid')?.trim() ?? ''
}
