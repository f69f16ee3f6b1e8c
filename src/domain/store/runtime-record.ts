import { readFile } from 'node:fs/promises'
import { storageError } from '../../errors.ts'
import type { DiskIdentity } from './disk-identity.ts'
import { writeDurably } from './durable-text.ts'
import type { ProcessIdentity } from '../../qemu/process-identity.ts'
import type { RuntimePaths } from './runtime-paths.ts'

/** What is kept about a QEMU beside its XML: `process.json` in the runtime directory. */
export interface RuntimeRecord extends ProcessIdentity {
  /**
   * `starting` until the machine is complete: whoever finds it so without its starter alive ends it, for nobody has met that
   * guest yet. `running` from just before the guest's processors may run.
   */
  readonly stage: 'starting' | 'running'
  readonly uuid: string
  readonly emulator: string
  readonly qemuVersion: string
  readonly commandLine: readonly string[]
  /** Stasis did not start it; `commandLine` is what it was started with, there. */
  readonly attached?: { readonly cwd: string } | undefined
  /** A save is under way, or its process was killed: once the image stands there, it is the guest, and this QEMU is not. */
  readonly saving?: SaveIntent | undefined
  /** The guest stands still because a save was killed; it would run otherwise. */
  readonly interrupted?: boolean | undefined
  /** The image that the guest came from. */
  readonly restoredFrom?: RestoredFrom | undefined
}

/** A save that was begun. */
export interface SaveIntent {
  /** Where the image will stand. */
  readonly path: string
  /** Which image, see image-history.ts. */
  readonly imageId: string
  /** Whether the guest ran before. */
  readonly running: boolean
}

/** Where a restored guest came from. */
export interface RestoredFrom {
  readonly path: string
  readonly imageId: string
  /** It is the managed save of the domain, which goes once the guest runs. */
  readonly managed: boolean
  /** Whether the guest may have run since: then the image is no longer the guest. */
  readonly begun: boolean
  /** The disks as they were before, of an image of which nothing was remembered. */
  readonly disks?: readonly DiskIdentity[]
}

/** @throws StorageError */
export async function writeRecord(paths: RuntimePaths, record: RuntimeRecord): Promise<void> {
  await writeDurably(paths.process, `${JSON.stringify(record, undefined, 2)}\n`)
}

/** The record of a domain; `undefined` when there is none that can be used. @throws StorageError */
export async function readRecord(paths: RuntimePaths): Promise<RuntimeRecord | undefined> {
  const text = await readFile(paths.process, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT' || error.code === 'ENOTDIR') return undefined
    throw storageError('read what is known of the running domain', paths.process, error)
  })
  if (text === undefined) return undefined
  try {
    return checkRecord(JSON.parse(text))
  } catch (error) {
    if (error instanceof SyntaxError) return undefined
    throw error
  }
}

function checkRecord(value: unknown): RuntimeRecord | undefined {
  if (typeof value !== 'object' || value === null) return undefined
  const record = value as Record<string, unknown>
  const numbers = [record['pid'], record['startTime']]
  const texts = [record['bootId'], record['uuid'], record['emulator'], record['qemuVersion']]
  const fits =
    numbers.every((number) => Number.isSafeInteger(number) && Number(number) > 0) &&
    texts.every((text) => typeof text === 'string') &&
    (record['stage'] === 'starting' || record['stage'] === 'running') &&
    Array.isArray(record['commandLine'])
  return fits ? (value as RuntimeRecord) : undefined
}
