import type { Refusal } from '../../errors.ts'
import type { SavedMachine } from '../../image/saved-machine.ts'
import type { QemuVersion } from '../../qemu/command-line/options.ts'
import type { Domain } from '../../qemu/domain-xml/model/domain.ts'
import type { RuntimePaths } from '../store/runtime-paths.ts'
import type { LinearPart } from './mapped-memory.ts'
import type { MemorySource, RestoreMode } from './memory-source.ts'
import type { SourceRefusal } from './source-refusal.ts'

/** What choosing needs to know of the machine that the image will become. */
export interface ComingMachine {
  readonly domain: Domain
  /** Memory backends whose files may be filled or mapped. */
  readonly backends: readonly MemoryBackend[]
  /** Set when QEMU is launched with a recorded command line, to which nothing can be added. */
  readonly recorded?: object | undefined
  readonly emulator: {
    readonly version: QemuVersion
    readonly probed: { readonly migrationCapabilities: readonly string[] }
  }
}

/** What loading needs to know of it. */
export interface LoadedMachine {
  /** Memory backends whose files may be filled while QEMU starts. */
  readonly backends: readonly MemoryBackend[]
  /** What its QEMU can do in a migration, as far as that is known. */
  readonly capabilities: readonly string[]
}

/** A memory backend: its id, which names a RAM block, and its bytes. */
export interface MemoryBackend {
  readonly id: string
  readonly length: number
}

/** What was asked for, and what choosing may look up. */
export interface SourceRequest {
  readonly mode: RestoreMode | 'auto'
  /** Finds raw copies of the image's RAM blocks in the cache. */
  readonly cached: () => Promise<readonly LinearPart[] | undefined>
  /** Says why pages cannot come on demand on this host; `undefined` when they can. */
  readonly postcopyObstacle: () => Promise<Refusal<'QEMU_LACKS_FEATURE'> | undefined>
}

/** What any source that loads is opened with. */
export interface LoaderOptions {
  readonly paths: Pick<RuntimePaths, 'migrationSocket'>
  /** Workers that read the image at the same time, 1 to 64. */
  readonly readers: number
  readonly signal: AbortSignal | undefined
}

/** What a source is opened with. */
export interface SourceOptions extends LoaderOptions {
  readonly paths: RuntimePaths
  readonly stateDir: string
  /** Read the image past the page cache; `undefined`: as suits its format. */
  readonly direct: boolean | undefined
}

/**
 * Opens a source that loads; until then nothing is acquired.
 * @throws ImageError IMAGE_INCOMPATIBLE when the image does not fit the machine's backends
 */
export type OpenLoader = (options: LoaderOptions) => MemorySource

/** Opens a source; until then nothing is acquired. @throws ImageError, StorageError */
export type OpenSource = (options: SourceOptions) => MemorySource

/** A way in which the guest does not wait for its memory. */
export interface InstantWay {
  readonly mode: Exclude<RestoreMode, 'load'>
  /** What it does to memory: completes "the memory cannot be". */
  readonly how: string
  /** Why `auto` takes it; `undefined`: because of what refuses the ways before. */
  readonly why?: string
  /** Says how to open the source, or why it is not possible. Acquires nothing. */
  consider(
    image: SavedMachine,
    machine: ComingMachine,
    request: SourceRequest,
  ): Promise<OpenSource | SourceRefusal>
}
