import type { Refusal } from '../../errors.ts'
import type { SavedMachine } from '../../image/saved-machine.ts'
import type { QemuVersion } from '../../qemu/command-line/options.ts'
import type { Domain } from '../../qemu/domain-xml/model/domain.ts'
import type { LoadThreads } from '../../transfer/image-senders/load-threads.ts'
import type { PreparedServer } from '../postcopy/prepared-server.ts'
import type { RuntimePaths } from '../store/runtime-paths.ts'
import type { LinearPart } from './mapped-memory.ts'
import type { MemorySource, RestoreMode } from './memory-source.ts'
import type { SourceRefusal } from './source-refusal.ts'

/** The facts about the future machine that the choice depends on. */
export interface ComingMachine {
  readonly domain: Domain
  /** Memory backends whose files can be filled or mapped. */
  readonly backends: readonly MemoryBackend[]
  /** Set when QEMU is launched with a recorded command line, to which nothing can be added. */
  readonly recorded?: object | undefined
  readonly emulator: {
    readonly version: QemuVersion
    readonly probed: { readonly migrationCapabilities: readonly string[] }
  }
}

/** The facts about the machine that loading depends on. */
export interface LoadedMachine {
  /** Memory backends whose files can be filled while QEMU starts. */
  readonly backends: readonly MemoryBackend[]
  /** The known migration capabilities of its QEMU. */
  readonly capabilities: readonly string[]
}

/** A memory backend: its id, which names a RAM block, and its bytes. */
export interface MemoryBackend {
  readonly id: string
  readonly length: number
}

/** The request, and the queries that the choice may make. */
export interface SourceRequest {
  readonly mode: RestoreMode | 'auto'
  /** Finds uncompressed copies of the image's RAM blocks in the cache. */
  readonly cached: () => Promise<readonly LinearPart[] | undefined>
  /** Returns why pages cannot arrive on demand on this host; `undefined` when they can. */
  readonly postcopyObstacle: () => Promise<Refusal<'QEMU_LACKS_FEATURE'> | undefined>
}

/** Options for opening any source that loads. */
export interface LoaderOptions {
  readonly paths: Pick<RuntimePaths, 'migrationSocket'>
  /** Workers that read the image at the same time, 1 to 64. */
  readonly readers: number
  /** Threads that were started before, for a source that loads on threads. The caller disposes them. */
  readonly threads?: LoadThreads | undefined
  readonly signal: AbortSignal | undefined
}

/** Options for opening a source. */
export interface SourceOptions extends LoaderOptions {
  readonly paths: RuntimePaths
  readonly stateDir: string
  /** A page server that was started before. The caller disposes it. */
  readonly server?: PreparedServer | undefined
  /** Bypass the page cache for the image; `undefined`: as suits its format. */
  readonly direct: boolean | undefined
  /** A second name of the image, for as long as its memory is loaded while the guest runs. */
  readonly kept?: string | undefined
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
  /** Its effect on memory: completes "the memory cannot be". */
  readonly how: string
  /** Why `auto` takes it; `undefined`: because the ways before it are refused. */
  readonly why?: string
  /** Returns how to open the source, or why it is not possible. Acquires nothing. */
  consider(
    image: SavedMachine,
    machine: ComingMachine,
    request: SourceRequest,
  ): Promise<OpenSource | SourceRefusal>
}
